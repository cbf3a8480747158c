import Plan
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `The target grammar` {
  @Test func `has addresses, prefixes and ranges, each with ports of its own`() throws {
    let text = """
      # the lab
      198.18.0.1
      198.18.1.0/30:443   # web
      \t198.18.2.1-198.18.2.3:80,443,8000-8001\t
      """
    let plan = try makePlan(text, ports: "22")
    #expect(plan.count == 1 + 4 + 3 * 4)
    #expect(plan.target(at: 0) == target("198.18.0.1", 22))
    #expect(plan.target(at: 4) == target("198.18.1.3", 443))
    #expect(Set(targets(plan)).isSuperset(of: [target("198.18.2.3", 80), target("198.18.2.1", 8001)]))
  }

  @Test func `accepts Windows line ends and a byte order mark`() throws {
    let plan = try makePlan(
      "\u{feff}@ports 80\r\n\r\n# note\r\n198.18.0.1\r\n198.18.0.2 # x\r\n198.18.0.3\r")
    #expect(plan.count == 3)
  }

  @Test func `ignores the host bits of a prefix`() throws {
    #expect(try makePlan("10.1.2.3/8:80").addresses == addressSet("10.0.0.0/8"))
    #expect(try makePlan("198.18.0.77/32:80").addresses == addressSet("198.18.0.77"))
  }

  @Test func `allows a comment without a blank before it, of any bytes but NUL`() throws {
    let file = bytes("198.18.0.1:80#") + [0xfc, 0x1b, 0xff] + bytes("\n198.18.0.2:80")
    #expect(try TargetFile.parse(file, name: "t", format: .auto).entryCount == 2)
  }

  @Test(arguments: [
    ("198.18.0.1\n198.18.0.0/33\n", 2, 12, "\"33\"", "prefix length"),
    ("198.18.0.0/\n", 1, 12, "the end", "prefix length"),
    ("198.18.0.0/24x\n", 1, 14, "\"x\"", "end of the line"),
    ("198.18.0.9-198.18.0.3\n", 1, 12, "198.18.0.3", "at least the first, 198.18.0.9"),
    ("198.18.0.9-20\n", 1, 12, "\"20\"", "IPv4 address"),
    ("198.18.0.1:0\n", 1, 12, "\"0\"", "port from 1 to 65535"),
    ("198.18.0.1:80,65536\n", 1, 15, "\"65536\"", "port from 1 to 65535"),
    ("198.18.0.1:\n", 1, 12, "the end", "port"), ("198.18.0.1:80,\n", 1, 15, "the end", "port"),
    ("198.18.0.1:90-80\n", 1, 15, "\"80\"", "at least the first, 90"),
    ("198.18.0.1:http\n", 1, 12, "\"http\"", "port"), ("198.18.0.1:80-\n", 1, 15, "the end", "port"),
    ("\n\n  2001:db8::1\n", 3, 3, "2001:db8::1", "IPv6 is not supported"),
    ("[::1]:80\n", 1, 1, "[::1]:80", "IPv6 is not supported"),
    ("1::\n", 1, 1, "1::", "IPv6 is not supported"),
    ("example.com\n", 1, 1, "example.com", "host names are not resolved"),
    ("198.18.0.256\n", 1, 1, "198.18.0.256", "0 to 255"),
    ("198.18.00.1\n", 1, 1, "198.18.00.1", "leading zeros"),
    ("198.18.0\n", 1, 1, "198.18.0", "four numbers"),
    ("198.18.0.1.2\n", 1, 1, "198.18.0.1.2", "four numbers"),
    ("198.18.0.1,198.18.0.2\n", 1, 11, ",198.18.0.2", "end of the line"),
    ("198.18.0.1 198.18.0.2\n", 1, 12, "198.18.0.2", "end of the line"),
    ("198.18.0.1 - 198.18.0.2\n", 1, 12, "-", "end of the line"),
    ("198.18.0.1\r198.18.0.2\n", 1, 11, "\\r", "line feed"),
    ("\u{feff}x\n", 1, 1, "\"x\"", "host names"),
    ("198.18.0.1\u{2013}198.18.0.2\n", 1, 1, "198.18.0.1\u{2013}198.18.0.2", "IPv4"),
  ])
  func `rejects an invalid entry with its line and column`(
    text: String, line: Int, column: Int, found: String, expected: String
  ) {
    let error = parseError(text)
    #expect(error?.line == line && error?.column == column, "\(error as Any)")
    #expect(error?.found.contains(found) == true, "\(error as Any)")
    #expect(error?.expected.contains(expected) == true, "\(error as Any)")
  }

  @Test func `reports errors as FILE:LINE:COLUMN`() {
    #expect(
      parseError("198.18.0.0/33")?.description
        == "t:1:12: found \"33\", expected a prefix length from 0 to 32")
  }

  @Test func `shows invalid text escaped and cut`() {
    let error = parseError("\u{1b}[2J\u{202e}x\u{7}\"" + String(repeating: "y", count: 1000))
    #expect(error?.found.hasPrefix("\"\\x1b[2J\\u{202e}x\\x07\\\"yyy") == true, "\(error as Any)")
    #expect(error!.found.count < 100)
    let latin = TargetFile.check([0x66, 0xfc, 0x72, 0x9b], name: "a\nb", format: .text)
    #expect(latin.first?.description.hasPrefix("a\\nb:1:1: found \"f\\xfcr\\x9b\"") == true, "\(latin)")
  }

  @Test(arguments: ["", "\n", "# nothing\r\n", "@ports 80\n"])
  func `rejects a file without entries`(text: String) {
    #expect(parseError(text)?.found == "no entry")
  }

  @Test(arguments: [
    "198.18.0.1\0\n", "# \0\n198.18.0.1\n", "\0\n", "198.18.0.1\n\0\0\0\0", "198.18.0.1 \0",
  ])
  func `rejects a zero byte`(text: String) {
    #expect(parseError(text)?.found == "\"\\x00\"", "\(parseError(text) as Any)")
  }

  @Test func `reports all errors up to a limit`() {
    let text = String(repeating: "198.18.0.1\nx\n198.18.0.1:0\n", count: 100)
    let all = TargetFile.check(bytes(text), name: "t", maximum: 1000)
    #expect(all.count == 200)
    let lines = (1...300).filter { $0 % 3 != 1 }
    #expect(all.map { $0.line! } == lines)
    #expect(TargetFile.check(bytes(text), name: "t").count == 100)
    #expect(TargetFile.check(bytes("198.18.0.1\n"), name: "t").isEmpty)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Directives` {
  @Test func `are parsed`() throws {
    let text = """
      # job
      @ports 80,443 # web
      @rate 1.5M
      @bandwidth 12MB
      @probes 2
      @cooldown 0.5
      @shard 1/4
      @seed 18446744073709551615
      @priority\t90
      198.18.0.1
      """
    let directives = try TargetFile.parse(bytes(text), name: "t").directives
    #expect(directives.ports?.description == "80,443")
    #expect(directives.rate?.perSecond == 1_500_000)
    #expect(directives.bandwidth?.bitsPerSecond == 96_000_000)
    #expect(directives.probes?.value == 2)
    #expect(directives.cooldown == .milliseconds(500))
    #expect(directives.shard?.index == 1 && directives.shard?.count == 4)
    #expect(directives.seed?.value == .max)
    #expect(directives.priority?.value == 90)
  }

  @Test(arguments: [
    (
      "@port 80\n198.18.0.1", 1, 1,
      "@ports, @rate, @bandwidth, @probes, @cooldown, @shard, @seed, @priority"
    ),
    ("@rate 1\n@rate 2\n198.18.0.1", 2, 1, "@ports, @bandwidth"),
    ("198.18.0.1\n@ports 80\n", 2, 1, "directives must precede the first"),
    ("@ports 80,0\n198.18.0.1", 1, 11, "port"), ("@ports\n198.18.0.1", 1, 7, "port"),
    ("@ports 80, 443\n198.18.0.1", 1, 11, "port"),
    ("@rate fast\n198.18.0.1", 1, 7, "packets per second"),
    ("@shard 4/4\n198.18.0.1", 1, 8, "K/N"), ("@probes 0\n198.18.0.1", 1, 9, "1 to 255"),
    ("@ 80\n198.18.0.1", 1, 1, "one of"), ("@seed 1 2\n198.18.0.1", 1, 9, "end of the line"),
  ])
  func `are rejected with line and column if invalid`(
    text: String, line: Int, column: Int, expected: String
  ) {
    let error = parseError(text)
    #expect(error?.line == line && error?.column == column, "\(error as Any)")
    #expect(error?.expected.contains(expected) == true, "\(error as Any)")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Binary targets` {
  private func errorLocation(_ bytes: [UInt8], format: TargetFile.Format = .binary, name: String = "t")
    -> InputError.Location?
  {
    TargetFile.check(bytes, name: name, format: format).first?.location
  }

  @Test func `are addresses in network byte order, terminated by 0_0_0_0`() throws {
    let file = try TargetFile.parse([198, 18, 0, 1, 10, 0, 0, 2, 0, 0, 0, 0], name: "x")
    let plan = try TargetPlan([file], defaultPorts: PortSet([80...80]), scope: Scope())
    #expect(Set(targets(plan)) == [target("198.18.0.1", 80), target("10.0.0.2", 80)])
  }

  @Test func `are rejected without the terminator, at the end of the file`() {
    #expect(errorLocation([198, 18, 0, 1]) == .byte(4))
    #expect(errorLocation([198, 18, 0, 1, 198, 18]) == .byte(4))
    #expect(errorLocation([198, 18, 0, 1, 0, 0, 0]) == .byte(4))
    #expect(errorLocation([]) == .byte(0))
  }

  @Test func `are rejected if bytes follow 0_0_0_0, or none precede it`() {
    #expect(errorLocation([198, 18, 0, 1, 0, 0, 0, 0, 1]) == .byte(8))
    #expect(errorLocation([0, 0, 0, 0]) == .byte(0))
  }

  @Test func `are told from text by their first bytes`() {
    // Each is valid in its own format only.
    let binary: [[UInt8]] = [
      [10, 0, 0, 1, 0, 0, 0, 0], [10, 50, 50, 50, 0, 0, 0, 0], [192, 168, 200, 200, 0, 0, 0, 0],
      [35, 45, 46, 47, 0, 0, 0, 0], [239, 187, 190, 1, 0, 0, 0, 0],
    ]
    for bytes in binary { #expect(errorLocation(bytes, format: .auto) == nil, "\(bytes)") }
    for text in [
      "1.1.1.1", "\n\n\n1.1.1.1", "#\u{fc}\u{fc}\u{fc}\n1.1.1.1\n", "\t1.1.1.1", "\u{feff}1.1.1.1",
    ] {
      #expect(errorLocation(bytes(text), format: .auto) == nil, "\(text)")
    }
  }

  @Test func `are not text followed by zeros`() {
    for text in [
      "198.18.0.1\n1", "# hosts\n\n\n\n\n", "example.com\n", "1.2.3.4\0", "@rate 1k\n1.1.1.1\n...",
    ] {
      let bytes = bytes(text) + [0, 0, 0, 0]
      #expect(bytes.count % 4 == 0)
      #expect(TargetFile.check(bytes, name: "t").first?.line != nil, "\(text)")
    }
  }

  @Test
  func `that begin with two printable addresses are read as text, and the error names the remedy`() {
    let bytes: [UInt8] = [49, 49, 49, 49, 50, 50, 50, 50, 0, 0, 0, 0]
    #expect(TargetFile.check(bytes, name: "t").first?.remedy?.contains(".bin") == true)
    #expect(errorLocation(bytes, format: .auto, name: "t.bin") == nil)
  }

  @Test func `are chosen by a file name that ends in bin`() {
    #expect(errorLocation(bytes("1.1.1.1\n"), format: .auto, name: "a.bin") == .byte(8))
    #expect(errorLocation(bytes("1.1.1.1\n") + [0, 0, 0, 0], format: .auto, name: "a.bin") == nil)
    #expect(errorLocation(bytes("1.1.1.1\n"), format: .text, name: "a.bin") == nil)
  }
}
