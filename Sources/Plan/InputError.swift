// Errors in an operator's input: where, what was found, and what was expected.

import Support

/// An error in a target file, an allow or deny list, or another input file.
public struct InputError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A location in the file.
  public enum Location: Hashable, Sendable {
    /// Both count from 1. The column counts bytes, without a byte order mark.
    case line(Int, column: Int)
    /// The offset of a byte in a binary file, from 0.
    case byte(Int)
    /// The file as a whole.
    case file
  }

  /// The file's name as the caller gave it; `-` for standard input.
  public var file: String
  public var location: Location
  /// Safe to print: invisible characters are escaped, and long text is cut.
  public var found: String
  public var expected: String
  /// What the operator can do, unless it follows from `expected`.
  public var remedy: String?

  public init(file: String, location: Location, found: String, expected: String, remedy: String? = nil)
  {
    self.file = file
    self.location = location
    self.found = found
    self.expected = expected
    self.remedy = remedy
  }

  /// The line, from 1; nil unless the location is in a text file.
  public var line: Int? { if case .line(let line, _) = location { line } else { nil } }
  /// The byte in the line, from 1; nil unless the location is in a text file.
  public var column: Int? { if case .line(_, let column) = location { column } else { nil } }

  /// `FILE:LINE:COLUMN: found X, expected Y`, and the remedy if there is one.
  public var description: String {
    var text = Escaping.quotable(file, limit: 255)
    switch location {
    case .line(let line, let column): text += ":\(line):\(column)"
    case .byte(let offset): text += ":byte \(offset)"
    case .file: break
    }
    text += ": found \(found), expected \(expected)"
    if let remedy { text += ". \(remedy)" }
    return text
  }
}

/// A value of an option, a setting or a directive that cannot be parsed.
public struct ValueError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Safe to print, as in `InputError`.
  public var found: String
  public var expected: String
  /// The offset of the first wrong byte in the value.
  public var offset: Int

  public init(found: String, expected: String, offset: Int = 0) {
    self.found = found
    self.expected = expected
    self.offset = offset
  }

  public var description: String { "found \(found), expected \(expected)" }
}

/// A value that options, settings and directives write the same way.
public protocol ParsableValue {
  init(parsing text: String) throws(ValueError)
}

/// The part of an input that a message shows.
enum Excerpt {
  /// Returns bytes of `range` in quotes, escaped, and cut at `limit` characters; `nothing` if the range is empty.
  static func quoted(_ bytes: Span<UInt8>, _ range: Range<Int>, limit: Int = 60) -> String {
    if range.isEmpty { return "nothing" }
    // A character has at most four bytes, so these are enough to fill the limit.
    let end = min(range.upperBound, range.lowerBound + 4 * limit + 4)
    var excerpt: [UInt8] = []
    for at in range.lowerBound..<end { excerpt.append(bytes[at]) }
    var shown: String
    if let text = String(validating: excerpt, as: UTF8.self) {
      shown = Escaping.quotable(text, limit: limit)
    } else {
      shown = excerpt.prefix(limit).map { Escaping.quotable($0) }.joined()
      if excerpt.count > limit { shown += "…" }
    }
    if end < range.upperBound && shown.last != "…" { shown += "…" }
    return "\"\(shown)\""
  }

  static func quoted(_ text: String) -> String {
    let bytes = Array(text.utf8)
    return quoted(bytes.span, 0..<bytes.count)
  }
}
