// What the TOML reader makes of valid documents.
import Plan
import Settings
import TestSupport
import Testing

/// A value without its place, in one notation.
private func plain(_ value: TOMLValue) -> String {
  switch value.content {
  case .string(let text): "\"\(text)\""
  case .integer(let number): "\(number)"
  case .float(let number): "\(number)"
  case .boolean(let flag): "\(flag)"
  case .list(let values): "[\(values.map(plain).joined(separator: ","))]"
  case .table(let table): plain(table)
  }
}

private func plain(_ table: TOMLTable) -> String {
  "{\(table.entries.map { "\($0.key)=\(plain($0.value))" }.joined(separator: ","))}"
}

private func read(_ text: String) throws -> TOMLTable {
  try TOMLDocument(text, file: "a.toml").root
}

@Suite(.timeLimit(.minutes(5))) struct `A TOML document` {
  @Test(arguments: [
    ("", "{}"),
    ("\n\n# only a comment", "{}"),
    ("a = 1", "{a=1}"),
    ("\u{feff}a = 1\r\nb = 2\r\n", "{a=1,b=2}"),
    ("\ta\t=\t1\t# b = 2", "{a=1}"),
    // Keys.
    ("a-b_9 = 1\n0 = 2", "{a-b_9=1,0=2}"),
    ("\"a b\" = 1\n'c.d' = 2\n\"\" = 3", "{a b=1,c.d=2,=3}"),
    ("\"inter\\u0066ace\" = 1", "{interface=1}"),
    ("a.b = 1\na . c = 2\n\"a\".d.e = 3", "{a={b=1,c=2,d={e=3}}}"),
    // Sections.
    ("[a]\nb = 1\n[c]\nx = 2", "{a={b=1},c={x=2}}"),
    ("[ a . b ]\nc = 1\n[a]\nx = 2", "{a={b={c=1},x=2}}"),
    ("[a.b.c]\n[a.b]\nx = 1", "{a={b={c={},x=1}}}"),
    ("[a]\nb.c = 1\n[a.b.d]\ne = 2", "{a={b={c=1,d={e=2}}}}"),
    ("[[a]]\nb = 1\n[[a]]\n[a.c]\nx = 2\n[[a]]", "{a=[{b=1},{c={x=2}},{}]}"),
    ("[a]# c", "{a={}}"),
    // Strings.
    (#"a = "" "#, "{a=\"\"}"),
    (#"a = "ä#\"\\\b\t\n\f\r" # c"#, "{a=\"ä#\"\\\u{8}\t\n\u{c}\r\"}"),
    (#"a = "\u00e9\U0001F600""#, "{a=\"é😀\"}"),
    (#"a = 'C:\new "x" \u0000'"#, #"{a="C:\new "x" \u0000"}"#),
    ("a = \"\u{2028}\tb\"", "{a=\"\u{2028}\tb\"}"),
    // Numbers.
    (
      "a = [0, -0, +7, -17, 1_000, 9223372036854775807, -9223372036854775808]",
      "{a=[0,0,7,-17,1000,9223372036854775807,-9223372036854775808]}"
    ),
    ("a = [0xff, 0xDE_AD, 0o17, 0b101]", "{a=[255,57005,15,5]}"),
    (
      "a = [0.5, -1.25, 1e3, 1E-2, 1_0.0_1, 6.0e+1, -0.0]",
      "{a=[0.5,-1.25,1000.0,0.01,10.01,60.0,-0.0]}"
    ),
    ("a = true\nb = false", "{a=true,b=false}"),
    // Lists and tables.
    ("a = []\nb = [ ]\nc = [\n]", "{a=[],b=[],c=[]}"),
    ("a = [1, \"b\", [2], {c = 3},]", "{a=[1,\"b\",[2],{c=3}]}"),
    ("a = [ # c\r\n 1 # ]\n , 2\n\n, # d\n ] # e", "{a=[1,2]}"),
    ("a = {}\nb = { c = 1, d.e = 2 , \"f\" = {} }", "{a={},b={c=1,d={e=2},f={}}}"),
  ])
  func `has these values`(text: String, values: String) throws {
    #expect(plain(try read(text)) == values)
  }

  @Test func `keeps the place of each key and value, in bytes`() throws {
    let root = try read(
      "# ä\n\"ä\" = 'ö', b = 1".replacing("', b", with: "'\n  b") + "\n[c.d]\ne = [1,\n 2]")
    let first = try #require(root["ä"])
    #expect(first.location == .line(2, column: 1) && first.value.location == .line(2, column: 8))
    let second = try #require(root["b"])
    #expect(second.location == .line(3, column: 3) && second.value.location == .line(3, column: 7))
    let section = try #require(root["c"]?.value.table?["d"])
    #expect(section.location == .line(4, column: 4))
    let list = try #require(section.value.table?["e"]?.value.list)
    #expect(list.map(\.location) == [.line(5, column: 6), .line(6, column: 2)])
  }

  @Test func `has a section's place where its header stands, not where it is implied`() throws {
    let root = try read("[a.b]\n[a]\nc = 1\n[[d]]\n[[d]]")
    #expect(root["a"]?.location == .line(2, column: 2))
    #expect(root["d"]?.location == .line(4, column: 3))
  }

  @Test func `keeps the order of its keys`() throws {
    #expect(try read("z = 1\nb = 2\na = 3").entries.map(\.key) == ["z", "b", "a"])
  }

  @Test func `may have 16 levels and no more`() throws {
    func nested(_ depth: Int) -> String {
      "a = " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try read(nested(16))
    #expect(throws: InputError.self) { try read(nested(17)) }
    _ = try read(Array(repeating: "a", count: 16).joined(separator: ".") + " = 1")
    #expect(throws: InputError.self) {
      try read("[" + Array(repeating: "a", count: 17).joined(separator: ".") + "]")
    }
  }

  @Test func `of 256 KiB of sections, keys or brackets is read at once`() {
    for piece in ["[[a]]\n", "[a.b]\n", "a.b = 1\n", "a = [", "{a=", "\"\\u0041", "[", "é", "a = 1_"] {
      let text = String(repeating: piece, count: (1 << 18) / piece.utf8.count)
      _ = try? read(text)
    }
    let keys = (0..<20_000).map { "k\($0) = 1" }.joined(separator: "\n")
    #expect((try? read(keys))?.entries.count == 20_000)
  }

  @Test func `of garbage is an error with a place, or values`() {
    var random = SeededGenerator(Seed.next())
    let pieces = [
      "a", "=", "[", "]", "{", "}", "\"", "'", "rings", ".", "rx", "4096", "\n", " ", ",", "value",
      "\\",
      "\\u0000", "é", "true", "-", "1e9", "0x", "1979-05-27", "#", "\r\n", "\"\"\"", "\0", "\u{feff}",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        pieces.randomElement(using: &random) ?? ""
      }.joined()
      do {
        _ = try TOMLDocument(text, file: "a.toml")
      } catch {
        #expect(error.line != nil && error.column != nil, "\(error)")
      }
    }
  }
}
