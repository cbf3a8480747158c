import Support
import Testing

/// Text, and how it appears in a message, between quotes, in a file name, in JSON and in a Prometheus label.
private let table:
  [(text: String, visible: String, quotable: String, fileName: String, json: String, label: String)] = [
    ("", "", "", "", #""""#, ""),
    ("plain text", "plain text", "plain text", "plain text", #""plain text""#, "plain text"),
    ("Zürich", "Zürich", "Zürich", "Zürich", #""Zürich""#, "Zürich"),
    ("a\"b", "a\"b", #"a\"b"#, #"a\x22b"#, #""a\"b""#, #"a\"b"#),
    (#"a\b"#, #"a\b"#, #"a\\b"#, #"a\x5cb"#, #""a\\b""#, #"a\\b"#),
    ("a\nb", #"a\nb"#, #"a\nb"#, #"a\x0ab"#, #""a\u000ab""#, #"a\nb"#),
    ("\t\r", #"\t\r"#, #"\t\r"#, #"\x09\x0d"#, #""\u0009\u000d""#, "\t\r"),
    ("\0", #"\x00"#, #"\x00"#, #"\x00"#, #""\u0000""#, "\0"),
    // An escape sequence that clears the screen.
    ("\u{1b}[2J", #"\x1b[2J"#, #"\x1b[2J"#, #"\x1b[2J"#, #""\u001b[2J""#, "\u{1b}[2J"),
    ("\u{7f}", #"\x7f"#, #"\x7f"#, #"\x7f"#, "\"\u{7f}\"", "\u{7f}"),
    // A C1 control character, which some terminals take for ESC [.
    ("\u{9b}", #"\u{9b}"#, #"\u{9b}"#, #"\xc2\x9b"#, "\"\u{9b}\"", "\u{9b}"),
    // Right-to-left override, and the line separator.
    ("\u{202e}x", #"\u{202e}x"#, #"\u{202e}x"#, #"\xe2\x80\xaex"#, "\"\u{202e}x\"", "\u{202e}x"),
    ("\u{2028}", #"\u{2028}"#, #"\u{2028}"#, #"\xe2\x80\xa8"#, "\"\u{2028}\"", "\u{2028}"),
    // Private use, and a code point that is not assigned.
    ("\u{e000}", #"\u{e000}"#, #"\u{e000}"#, #"\xee\x80\x80"#, "\"\u{e000}\"", "\u{e000}"),
    ("\u{e0fff}", #"\u{e0fff}"#, #"\u{e0fff}"#, #"\xf3\xa0\xbf\xbf"#, "\"\u{e0fff}\"", "\u{e0fff}"),
    // A combining mark after a quote makes one Character of both; the quote must still be escaped.
    ("\"\u{301}", "\"\u{301}", "\\\"\u{301}", "\\x22\u{301}", "\"\\\"\u{301}\"", "\\\"\u{301}"),
    ("\r\n", #"\r\n"#, #"\r\n"#, #"\x0d\x0a"#, #""\u000d\u000a""#, "\r\\n"),
  ]

@Suite(.timeLimit(.minutes(5))) struct `Escaped text` {
  @Test(arguments: table.indices)
  func `has the form of its destination`(index: Int) {
    let row = table[index]
    #expect(Escaping.visible(row.text) == row.visible)
    #expect(Escaping.quotable(row.text) == row.quotable)
    #expect(Escaping.fileName(Array(row.text.utf8)) == row.fileName)
    #expect(String(decoding: Escaping.json(row.text), as: UTF8.self) == row.json)
    #expect(Escaping.prometheusLabel(row.text) == row.label)
  }

  @Test func `contains nothing invisible, whatever the character`() {
    for value in UInt32(0)...0x10ffff {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let text = String(scalar)
      for escaped in [
        Escaping.visible(text), Escaping.quotable(text), Escaping.fileName(Array(text.utf8)),
      ] where !escaped.unicodeScalars.allSatisfy(Escaping.isVisible) {
        Issue.record("U+\(String(value, radix: 16))")
        return
      }
    }
  }

  @Test func `is cut at the limit and ends with an ellipsis`() {
    #expect(Escaping.quotable("abcdef", limit: 3) == "abc…")
    #expect(Escaping.quotable("abc", limit: 3) == "abc")
    #expect(Escaping.quotable("\n\n\n", limit: 2) == #"\n\n…"#)
  }

  @Test func `of bytes that are not UTF-8 shows each byte`() {
    #expect(Escaping.fileName([0x66, 0xfc, 0x72, 0x5c, 0x0a]) == #"f\xfcr\x5c\x0a"#)
    #expect(
      [0x66, 0xfc, 0x1b, 0x22].map { Escaping.quotable($0 as UInt8) }.joined() == #"f\xfc\x1b\""#)
  }
}
