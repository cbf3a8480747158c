// Lines of text: comments, blanks, line ends, and where a mistake was made.

/// Goes through a text line by line and gathers the mistakes.
struct LineReader {
  static let entry = "an entry a.b.c.d, a.b.c.d/len or a.b.c.d-e.f.g.h"

  /// The line being read, to say where something in it is.
  struct Position {
    var line = 1
    /// Where the line starts, in bytes from the start of the file.
    var start = 0

    func place(_ at: Int) -> InputError.Place { .line(line, column: at - start + 1) }
  }

  let name: String
  let maximumErrors: Int
  /// What to do about a zero byte.
  let nulRemedy: String
  var errors: [InputError] = []
  private var position = Position()
  /// Where the text ends.
  private(set) var end = InputError.Place.line(1, column: 1)

  init(name: String, maximumErrors: Int, nulRemedy: String) {
    self.name = name
    self.maximumErrors = maximumErrors
    self.nulRemedy = nulRemedy
  }

  /// Calls `content` where a line's content starts; it leaves its argument behind what it has read.
  @inline(__always)
  mutating func read(
    _ text: Span<UInt8>,
    content: (Span<UInt8>, inout Int, Position) throws(Mistake) -> Void
  ) {
    var at = Self.hasByteOrderMark(text) ? 3 : 0
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
        note(error, text)
        if errors.count >= maximumErrors { return }
        while Grammar.peek(text, at) != Grammar.lineFeed { at += 1 }
      }
      end = position.place(min(at, text.count))
      at += 1
      position.line += 1
      position.start = at
    }
    if at == text.count { end = position.place(at) }
  }

  /// After so many entries the whole number is estimated.
  static let sample = 4096

  /// How many entries there will be if the text goes on as it began, so that a long list is not copied again
  /// and again; at most one for each shortest line, `1.1.1.1`.
  static func expectedEntries(sampleEnd: Int, size: Int) -> Int {
    let expected = Double(size) / Double(sampleEnd) * Double(sample) * 1.02
    return min(Int(expected), size / 8 + 1)
  }

  /// A mistake at the end of what was read.
  func error(_ found: String, expected: String, remedy: String? = nil) -> InputError {
    InputError(file: name, place: end, found: found, expected: expected, remedy: remedy)
  }

  static func hasByteOrderMark(_ text: Span<UInt8>) -> Bool {
    text.count >= 3 && text[0] == 0xef && text[1] == 0xbb && text[2] == 0xbf
  }

  /// Blanks, a comment and the line end; stops at the line feed.
  @inline(__always)
  private static func endLine(_ text: Span<UInt8>, _ at: inout Int) throws(Mistake) {
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

  private static func notAtEnd(_ text: Span<UInt8>, _ at: Int) -> Mistake {
    if text[at] == Grammar.carriageReturn {
      return Mistake(at..<at + 1, expected: "a line feed after the carriage return")
    }
    return Mistake(Grammar.word(text, at), expected: "the end of the line or a # comment")
  }

  private static func nul(_ at: Int) -> Mistake { Mistake(at..<at + 1, expected: "text") }

  private mutating func note(_ mistake: Mistake, _ text: Span<UInt8>) {
    var mistake = mistake
    // A NUL is never text: what it stands in is not worth explaining.
    if let nul = (mistake.start..<mistake.end).first(where: { text[$0] == 0 }) {
      mistake = Mistake(nul..<nul + 1, expected: "text", remedy: nulRemedy)
    }
    let range = mistake.start..<mistake.end
    let found =
      mistake.found ?? (range.isEmpty ? "the end of the entry" : Printable.quote(text, range))
    errors.append(
      InputError(
        file: name, place: position.place(mistake.start),
        found: found,
        expected: mistake.expected, remedy: mistake.remedy))
  }
}
