// Moves over the bytes of a TOML document and knows the place.
import Plan
import Support

/// A position in UTF-8, with its line and column.
struct TOMLCursor {
  private let bytes: [UInt8]
  private let file: String
  private(set) var at = 0
  private var line = 1
  private var lineStart = 0

  init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
    // A byte order mark is not part of the first line.
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
      at = 3
      lineStart = 3
    }
  }

  var here: UInt8? { at < bytes.count ? bytes[at] : nil }

  func byte(after count: Int) -> UInt8? { at + count < bytes.count ? bytes[at + count] : nil }

  /// Columns count bytes.
  var location: InputError.Location { .line(line, column: at - lineStart + 1) }

  mutating func advance() {
    let isLineEnd = here == UInt8(ascii: "\n")
    at += 1
    if isLineEnd {
      line += 1
      lineStart = at
    }
  }

  /// Skips `byte`; returns false if another one is here.
  mutating func skip(_ byte: Unicode.Scalar) -> Bool {
    guard here == UInt8(ascii: byte) else { return false }
    advance()
    return true
  }

  mutating func skipBlanks() {
    while here == UInt8(ascii: " ") || here == UInt8(ascii: "\t") { advance() }
  }

  var isAtLineEnd: Bool {
    here == UInt8(ascii: "\n")
      || here == UInt8(ascii: "\r") && byte(after: 1) == UInt8(ascii: "\n")
  }

  /// Skips LF or CRLF; returns false if no line ends here.
  mutating func skipLineEnd() -> Bool {
    guard isAtLineEnd else { return false }
    _ = skip("\r")
    advance()
    return true
  }

  /// Returns the bytes from an earlier offset to here.
  func bytes(from start: Int) -> ArraySlice<UInt8> { bytes[start..<at] }

  /// Whether a comment or a string may hold the byte here. TOML allows no control character but the tab.
  var isAtText: Bool {
    guard let here else { return false }
    return here == UInt8(ascii: "\t") || here >= 0x20 && here != 0x7f
  }

  /// What is here, for messages.
  var shown: String {
    guard let here else { return "the end of the file" }
    if isAtLineEnd { return "the end of the line" }
    if here == 0 { return "a NUL byte" }
    var end = at + 1
    while end < bytes.count, bytes[end] & 0xc0 == 0x80 { end += 1 }
    let character = String(decoding: bytes[at..<end], as: UTF8.self)
    guard (0x21...0x7e).contains(here) else {
      let digits = String(character.unicodeScalars.first?.value ?? 0, radix: 16, uppercase: true)
      return "the character U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
    return "\"\(Escaping.quotable(character))\""
  }

  /// Returns an error at `location`, here unless given.
  func error(at location: InputError.Location? = nil, found: String? = nil, expected: String)
    -> InputError
  {
    InputError(
      file: file, location: location ?? self.location, found: found ?? shown, expected: expected)
  }
}
