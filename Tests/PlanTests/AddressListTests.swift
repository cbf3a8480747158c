// A damaged or misread deny list must be rejected, or denied addresses would be probed.
import Plan
import Testing

@Suite(.timeLimit(.minutes(5))) struct `An address list` {
  private func list(_ text: String) throws -> AddressSet {
    try AddressList.parse(bytes(text), name: "deny")
  }

  /// The error of a list; nil if it is valid.
  private func rejection(_ bytes: [UInt8]) -> String? {
    do {
      _ = try AddressList.parse(bytes, name: "deny")
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `may contain prefixes, ranges, addresses and comments`() throws {
    let text = "# our own\n10.0.0.0/8 # site\n\n\t192.0.2.1-192.0.2.3\n192.0.2.9\n"
    #expect(try list(text) == addressSet("10.0.0.0/8,192.0.2.1-192.0.2.3,192.0.2.9"))
  }

  @Test(arguments: ["", "\n\n", "# nothing\n", "\u{feff}"])
  func `without an entry is rejected`(text: String) {
    #expect(rejection(bytes(text))?.contains("found no entry, expected an entry a.b.c.d") == true)
  }

  /// A truncated 192.0.2.25/32 may read 192.0.2.2, another host.
  @Test(arguments: [
    "192.0.2.0/28\n192.0.2.2", "192.0.2.2", "192.0.2.2 # no", "192.0.2.2\r", "1.1.1.1\n#",
  ])
  func `without a final line end is rejected, because it may be truncated`(text: String) {
    let rejection = rejection(bytes(text))
    #expect(
      rejection?.contains("the end of the file, expected a line end") == true, "\(rejection ?? "")")
  }

  @Test func `that ends within an entry is rejected at that entry`() {
    #expect(rejection(bytes("10.0.0.0/8\n10.0.0"))?.hasPrefix("deny:2:1: found \"10.0.0\"") == true)
  }

  @Test func `that ends with zeros after a power cut is rejected`() {
    let rejection = rejection(bytes("10.0.0.0/8\n") + [UInt8](repeating: 0, count: 400))
    #expect(
      rejection?.hasPrefix("deny:2:1: found \"\\x00\", expected text") == true, "\(rejection ?? "")")
  }

  @Test func `may have Windows line ends`() throws {
    #expect(
      try list("10.0.0.0/8\r\n\r\n# x\r\n192.0.2.9\r\n") == list("10.0.0.0/8\n192.0.2.9\n"))
    #expect(
      rejection(bytes("10.0.0.0/8\r192.0.2.9\n"))?.hasPrefix(
        "deny:1:11: found \"\\r\", expected a line feed")
        == true)
  }

  @Test func `may begin with a UTF-8 byte order mark`() throws {
    #expect(try list("\u{feff}10.0.0.0/8\n") == addressSet("10.0.0.0/8"))
    #expect(rejection(bytes("10.0.0.0/8\n\u{feff}192.0.2.9\n"))?.hasPrefix("deny:2:1: found ") == true)
  }

  @Test(arguments: [[0xff, 0xfe] as [UInt8], [0xfe, 0xff]])
  func `in UTF-16 is rejected by name`(mark: [UInt8]) {
    let rejection = rejection(mark + "10.0.0.0/8\r\n".utf16.flatMap { [UInt8($0), 0] })
    #expect(rejection == "deny:1:1: found UTF-16, expected text in ASCII or UTF-8")
  }

  @Test(arguments: ["::1", "2001:db8::/32", "fe80::1-fe80::9", "::ffff:10.0.0.1"])
  func `with an IPv6 line is rejected`(entry: String) {
    let rejection = rejection(bytes("10.0.0.0/8\n\n\(entry)\n10.0.0.1\n"))
    #expect(
      rejection == "deny:3:1: found \"\(entry)\", expected an IPv4 address; IPv6 is not supported")
  }

  @Test(arguments: [
    ("10.0.0.0/8\n10.0.0.1:80\n", 2, 9), ("@ports 80\n", 1, 1), ("1.2.3.4,1.2.3.5\n", 1, 8),
    ("10.0.0.0/33\n", 1, 10), ("example.com\n", 1, 1), ("10.0.0.9-10.0.0.1\n", 1, 10),
    ("010.0.0.1\n", 1, 1), ("deny 10.0.0.0/8\n", 1, 1), ("<html>\n", 1, 1), ("10.0.0.0/8;\n", 1, 11),
  ])
  func `with anything but addresses is rejected`(text: String, line: Int, column: Int) throws {
    let error = #expect(throws: InputError.self) { try list(text) }
    #expect(error?.line == line && error?.column == column, "\(error as Any)")
  }

  @Test func `reports all errors up to a limit`() {
    let text = bytes(String(repeating: "1.1.1.1\nx\n", count: 200))
    #expect(AddressList.check(text.span, name: "deny").map(\.line) == (1...100).map { 2 * $0 })
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A scope` {
  @Test func `differs from an earlier one by the addresses that only it denies`() throws {
    func scope(_ allow: String?, _ deny: String) throws -> Scope {
      Scope(allow: try allow.map { try addressSet($0) }, deny: try addressSet(deny))
    }
    let old = try scope("198.18.0.0/15", "198.18.7.0/24")
    #expect(try scope("198.18.0.0/15", "198.18.7.0/24").deniedSince(old).isEmpty)
    // More is allowed and less denied.
    #expect(try scope("198.18.0.0/14", "198.18.7.9").deniedSince(old).isEmpty)
    #expect(try scope(nil, "198.18.7.9").deniedSince(old).isEmpty)
    #expect(
      try scope("198.18.0.0/15", "198.18.6.0-198.18.7.9").deniedSince(old)
        == addressSet("198.18.6.0/24"))
    #expect(
      try scope("198.18.0.0/16", "198.19.0.1").deniedSince(old) == addressSet("198.19.0.0/16"))
    #expect(
      try scope("198.18.0.0/16", "192.0.2.1").deniedSince(scope(nil, "192.0.2.1"))
        == AddressSet.all.subtracting(addressSet("198.18.0.0/16")))
  }
}
