// Every kind of mistake in a TOML document, with its line and column.
import Plan
import Settings
import Testing

private func mistake(_ bytes: [UInt8], maximumSize: Int = 1000) -> String? {
  do {
    _ = try TOMLDocument(bytes, file: "a.toml", maximumSize: maximumSize)
    return nil
  } catch {
    return "\(error)"
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A mistake in a TOML document` {
  private static let value =
    "a value: text in quotes, a number, true, false, a list in [ ] or a table in { }"
  private static let number = "a number such as 80, 1_000, 0x1f or 0.5"

  @Test(arguments: [
    // Lines.
    ("a = 1 b = 2", "1:7: found \"b\", expected the end of the line"),
    ("a = 1\n[b] c", "2:5: found \"c\", expected the end of the line"),
    ("a = 1\rb = 2", "1:6: found the character U+000D, expected the end of the line"),
    ("# a\u{1}", "1:4: found the character U+0001, expected a comment without control characters"),
    ("# a\rb", "1:4: found the character U+000D, expected a comment without control characters"),
    ("# ä\u{0}", "1:5: found a NUL byte, expected a comment without control characters"),
    ("a = 1\u{0}b", "1:6: found a NUL byte, expected the end of the line"),
    // Keys.
    ("= 1", "1:1: found \"=\", expected a key"),
    ("a", "1:2: found the end of the file, expected \"=\""),
    ("a\n", "1:2: found the end of the line, expected \"=\""),
    ("a b = 1", "1:3: found \"b\", expected \"=\""),
    ("a. = 1", "1:4: found \"=\", expected a key"),
    (".a = 1", "1:1: found \".\", expected a key"),
    ("ä = 1", "1:1: found the character U+00E4, expected a key"),
    ("\u{a0}a = 1", "1:1: found the character U+00A0, expected a key"),
    ("\u{1f600} = 1", "1:1: found the character U+1F600, expected a key"),
    ("a\u{7f} = 1", "1:2: found the character U+007F, expected \"=\""),
    ("\u{0}", "1:1: found a NUL byte, expected a key"),
    ("'''a''' = 1", "1:1: found a multi-line string, expected one that ends on its line"),
    // Sections.
    ("[", "1:2: found the end of the file, expected the name of a section"),
    ("[ \na]", "1:3: found the end of the line, expected the name of a section"),
    ("a = 1\n [ = 1]", "2:4: found \"=\", expected the name of a section"),
    ("[{", "1:2: found \"{\", expected the name of a section"),
    ("[}", "1:2: found \"}\", expected the name of a section"),
    ("[[.", "1:3: found \".\", expected the name of a section"),
    ("[a.]", "1:4: found \"]\", expected a key"),
    ("[a", "1:3: found the end of the file, expected \"]\""),
    ("[a\n", "1:3: found the end of the line, expected \"]\""),
    ("[[a]", "1:5: found the end of the file, expected \"]]\""),
    ("[a b]", "1:4: found \"b\", expected \"]\""),
    ("\u{feff}[#\n]", "1:2: found \"#\", expected the name of a section"),
    // The same key twice.
    ("a = 1\n\na = 2", "3:1: found \"a\" a second time, expected each key once; the first is at 1:1"),
    (
      "a = 1\n\"\\u0061\" = 2",
      "2:1: found \"a\" a second time, expected each key once; the first is at 1:1"
    ),
    ("[a]\n[b]\n[a]", "3:2: found \"a\" a second time, expected each key once; the first is at 1:2"),
    ("a = 1\n[a]", "2:2: found \"a\" a second time, expected each key once; the first is at 1:1"),
    ("a = 1\n[a.b]", "2:2: found \"a\" a second time, expected each key once; the first is at 1:1"),
    ("a = 1\na.b = 2", "2:1: found \"a\" a second time, expected each key once; the first is at 1:1"),
    ("a.b = 1\n[a]", "2:2: found \"a\" a second time, expected each key once; the first is at 1:1"),
    ("a.b = 1\na.b = 2", "2:3: found \"b\" a second time, expected each key once; the first is at 1:3"),
    (
      "[a.b]\n[a]\nb.c = 1",
      "3:1: found \"b\" a second time, expected each key once; the first is at 1:4"
    ),
    ("[a]\n[[a]]", "2:3: found \"a\" a second time, expected each key once; the first is at 1:2"),
    ("[[a]]\n[a]", "2:2: found \"a\" a second time, expected each key once; the first is at 1:3"),
    ("a = []\n[[a]]", "2:3: found \"a\" a second time, expected each key once; the first is at 1:1"),
    (
      "a = {b = 1}\na.c = 2",
      "2:1: found \"a\" a second time, expected each key once; the first is at 1:1"
    ),
    (
      "a = {b = 1}\n[a.c]",
      "2:2: found \"a\" a second time, expected each key once; the first is at 1:1"
    ),
    (
      "a = {b = 1, b = 2}",
      "1:13: found \"b\" a second time, expected each key once; the first is at 1:6"
    ),
    // Values.
    ("a = ", "1:5: found the end of the file, expected \(value)"),
    ("a = \n", "1:5: found the end of the line, expected \(value)"),
    ("a = # b", "1:5: found \"#\", expected \(value)"),
    ("a = b", "1:5: found \"b\", expected \(value)"),
    ("a = True", "1:5: found \"True\", expected \(value)"),
    ("a = inf", "1:5: found \"inf\", expected \(value)"),
    ("a = -nan", "1:5: found \"-nan\", expected \(value)"),
    ("a = --1", "1:5: found \"--1\", expected \(value)"),
    ("a = .5", "1:5: found \".5\", expected \(value)"),
    ("a = \u{a0}1", "1:5: found the character U+00A0, expected \(value)"),
    ("a = 007", "1:5: found \"007\", expected \(number)"),
    ("a = 1__0", "1:5: found \"1__0\", expected \(number)"),
    ("a = 1_", "1:5: found \"1_\", expected \(number)"),
    ("a = 1.", "1:5: found \"1.\", expected \(number)"),
    ("a = 1._5", "1:5: found \"1._5\", expected \(number)"),
    ("a = 1e", "1:5: found \"1e\", expected \(number)"),
    ("a = 01.5", "1:5: found \"01.5\", expected \(number)"),
    ("a = +0xff", "1:5: found \"+0xff\", expected \(number)"),
    ("a = 0xg", "1:5: found \"0xg\", expected \(number)"),
    ("a = 0b2", "1:5: found \"0b2\", expected \(number)"),
    ("a = 198.18.0.1", "1:5: found \"198.18.0.1\", expected \(number)"),
    ("a = 1979-05-27", "1:5: found \"1979-05-27\", expected \(number)"),
    ("a = 1979-05-27T:7230:0s0Z", "1:5: found \"1979-05-27T:7230:0s0Z\", expected \(number)"),
    ("a = 07:32:00", "1:5: found \"07:32:00\", expected \(number)"),
    (
      "a = 9223372036854775808",
      "1:5: found \"9223372036854775808\", expected a number of at most 64 bits"
    ),
    (
      "a = 0xffffffffffffffff",
      "1:5: found \"0xffffffffffffffff\", expected a number of at most 64 bits"
    ),
    ("a = 1e999", "1:5: found \"1e999\", expected a number of at most 64 bits"),
    // Strings.
    ("a = \"b", "1:5: found an unterminated string, expected a closing quote on the same line"),
    ("a = 'b\n'", "1:5: found an unterminated string, expected a closing quote on the same line"),
    ("a = \"b\\\"", "1:5: found an unterminated string, expected a closing quote on the same line"),
    ("a = \"\"\"b\"\"\"", "1:5: found a multi-line string, expected one that ends on its line"),
    ("a = '''b'''", "1:5: found a multi-line string, expected one that ends on its line"),
    (
      "a = \"ä\u{1b}\"",
      "1:8: found the character U+001B, expected text without control characters"
    ),
    ("a = 'b\u{0}'", "1:7: found a NUL byte, expected text without control characters"),
    ("a = \"b\rc\"", "1:7: found the character U+000D, expected text without control characters"),
    // Lists and tables.
    ("a = [", "1:6: found the end of the file, expected \(value)"),
    ("a = [1", "1:7: found the end of the file, expected \",\" or \"]\""),
    ("a = [1\n2]", "2:1: found \"2\", expected \",\" or \"]\""),
    ("a = [,]", "1:6: found \",\", expected \(value)"),
    ("a = [1,,2]", "1:8: found \",\", expected \(value)"),
    ("a = [ }", "1:7: found \"}\", expected \(value)"),
    (
      "a = [1 # \u{1}\n]",
      "1:10: found the character U+0001, expected a comment without control characters"
    ),
    ("a = { b = 1", "1:12: found the end of the file, expected \",\" or \"}\" on the same line"),
    ("a = { b = 1\n}", "1:12: found the end of the line, expected \",\" or \"}\" on the same line"),
    ("a = {\n}", "1:6: found the end of the line, expected a key"),
    ("a = { b = 1, }", "1:14: found \"}\", expected a key"),
    ("a = { b }", "1:9: found \"}\", expected \"=\""),
    ("a = { b = 1 ]", "1:13: found \"]\", expected \",\" or \"}\" on the same line"),
    // What must not reach a terminal.
    (
      "\"\\u001b[2J\" = 1\n\"\\u001b[2J\" = 2",
      "2:1: found \"\\x1b[2J\" a second time, expected each key once; the first is at 1:1"
    ),
  ])
  func `is reported with line, column, what was found and what was expected`(
    text: String, message: String
  ) {
    #expect(mistake(Array(text.utf8)) == "a.toml:\(message)")
  }

  @Test(arguments: [#"\q"#, #"\e"#, #"\x41"#, #"\u00g0"#, #"\u12"#, #"\uD800"#, #"\U00110000"#, #"\ "#])
  func `in an escape is reported where the escape begins`(escape: String) {
    let message = mistake(Array("a = \"b\(escape)\"".utf8))
    #expect(message?.hasPrefix("a.toml:1:7: found an unknown escape, expected one of \\b, ") == true)
  }

  @Test func `of size, of encoding or of depth is reported, too`() {
    #expect(
      mistake(Array(repeating: UInt8(ascii: "#"), count: 11), maximumSize: 10)
        == "a.toml:1:1: found more than 10 bytes, expected at most that")
    #expect(mistake(Array(repeating: UInt8(ascii: "#"), count: 10), maximumSize: 10) == nil)
    #expect(
      mistake(Array("a = 1\n# gr".utf8) + [0xff, 0xfe])
        == "a.toml:2:5: found bytes that are not UTF-8, expected TOML text")
    #expect(
      mistake([0xef, 0xbb, 0xbf, 0xe7])
        == "a.toml:1:1: found bytes that are not UTF-8, expected TOML text")
    #expect(
      mistake(Array(("a = " + String(repeating: "[", count: 500)).utf8))
        == "a.toml:1:21: found more than 16 levels, expected at most that")
    #expect(
      mistake(Array(("a." + String(repeating: "b.", count: 400)).utf8))
        == "a.toml:1:33: found more than 16 levels, expected at most that")
    #expect(
      mistake(Array(("a = " + String(repeating: "{a=", count: 300)).utf8))
        == "a.toml:1:53: found more than 16 levels, expected at most that")
  }
}
