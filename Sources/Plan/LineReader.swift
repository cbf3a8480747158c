// The lines of a text: comments, blanks, line ends, and the locations of errors.

/// Reads a text line by line and collects the errors.
struct LineReader {
  static let entry = "an entry a.b.c.d, a.b.c.d/len or a.b.c.d-e.f.g.h"

  /// The line being read.
  struct Position {
    var line = 1
    /// The offset of the line's first byte in the file.
    var start = 0

    func location(of at: Int) -> InputError.Location { .line(line, column: at - start + 1) }
  }

  let name: String
  let maximumErrors: Int
  /// The remedy to suggest for a zero byte.
  let nulRemedy: String
  var errors: [InputError] = []
  private var position = Position()
  private var isAtStart = true
  /// The end of what has been read.
  private(set) var end = InputError.Location.line(1, column: 1)

  init(name: String, maximumErrors: Int, nulRemedy: String) {
    self.name = name
    self.maximumErrors = maximumErrors
    self.nulRemedy = nulRemedy
  }

  /// The longest line of a file that is read in pieces, in bytes: enough to name every port one by one.
  static let longestLine = 1 << 20

  /// Reads lines: all of a text, or the next whole lines of one. Calls `content` at the first character of each line that
  /// is neither empty nor a comment; `content` advances the offset past what it reads.
  @inline(__always)
  mutating func read(
    _ text: Span<UInt8>,
    content: (Span<UInt8>, inout Int, Position) throws(ParseError) -> Void
  ) {
    var at = isAtStart && Self.hasByteOrderMark(text) ? 3 : 0
    isAtStart = false
    position.start = at
    while at < text.count {
      do {
        Grammar.skipBlanks(text, &at)
        let first = Grammar.peek(text, at)
        if first != Grammar.lineFeed, first != Grammar.hash, first != Grammar.carriageReturn {
          try content(text, &at, position)
        }
        try Self.endLine(text, &at)
      } catch {
        record(error, text)
        if errors.count >= maximumErrors { return }
        while Grammar.peek(text, at) != Grammar.lineFeed { at += 1 }
      }
      end = position.location(of: min(at, text.count))
      at += 1
      position.line += 1
      position.start = at
    }
    if at == text.count { end = position.location(of: at) }
  }

  /// The number of entries after which a reader estimates how many there will be.
  static let sample = 4096

  /// Estimates the number of entries of a text from the bytes of its first `sample` entries, so that the array of a long
  /// list is allocated once. Returns at most one for each shortest line, `1.1.1.1`.
  static func expectedEntries(sampleEnd: Int, size: Int) -> Int {
    let expected = Double(size) / Double(sampleEnd) * Double(sample) * 1.02
    return min(Int(expected), size / 8 + 1)
  }

  /// Returns an error at the end of what has been read.
  func error(_ found: String, expected: String, remedy: String? = nil) -> InputError {
    InputError(file: name, location: end, found: found, expected: expected, remedy: remedy)
  }

  static func hasByteOrderMark(_ text: Span<UInt8>) -> Bool {
    text.count >= 3 && text[0] == 0xef && text[1] == 0xbb && text[2] == 0xbf
  }

  /// Reads blanks, a comment and the line end, and stops at the line feed.
  @inline(__always)
  private static func endLine(_ text: Span<UInt8>, _ at: inout Int) throws(ParseError) {
    if Grammar.peek(text, at) == Grammar.lineFeed { return }
    Grammar.skipBlanks(text, &at)
    if Grammar.peek(text, at) == Grammar.hash {
      while case let byte = Grammar.peek(text, at), byte != Grammar.lineFeed {
        if byte == 0 { throw nul(at) }
        at += 1
      }
      return
    }
    if Grammar.peek(text, at) == Grammar.carriageReturn, Grammar.peek(text, at + 1) == Grammar.lineFeed
    {
      at += 1
    }
    guard Grammar.peek(text, at) == Grammar.lineFeed else { throw notAtEnd(text, at) }
  }

  private static func notAtEnd(_ text: Span<UInt8>, _ at: Int) -> ParseError {
    if text[at] == Grammar.carriageReturn {
      return ParseError(at..<at + 1, expected: "a line feed after the carriage return")
    }
    return ParseError(Grammar.word(text, at), expected: "the end of the line or a # comment")
  }

  private static func nul(_ at: Int) -> ParseError { ParseError(at..<at + 1, expected: "text") }

  private mutating func record(_ error: ParseError, _ text: Span<UInt8>) {
    var error = error
    // Report a NUL rather than the word around it: the file is damaged or binary.
    if let nul = (error.start..<error.end).first(where: { text[$0] == 0 }) {
      error = ParseError(nul..<nul + 1, expected: "text", remedy: nulRemedy)
    }
    let range = error.start..<error.end
    let found =
      error.found ?? (range.isEmpty ? "the end of the entry" : Excerpt.quoted(text, range))
    errors.append(
      InputError(
        file: name, location: position.location(of: error.start),
        found: found,
        expected: error.expected, remedy: error.remedy))
  }
}
