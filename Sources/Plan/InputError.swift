// What is wrong with an operator's input: where, what was found, what was expected.

/// A mistake in a target file, an allow or block list, or anything else that is read as a file.
public struct InputError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where in the file.
  public enum Place: Hashable, Sendable {
    /// Both count from 1. The column counts bytes; a byte order mark is not counted.
    case line(Int, column: Int)
    /// In a binary file: bytes from the start of the file, the first being 0.
    case byte(Int)
    /// The file as a whole.
    case file
  }

  /// The file's name as the caller gave it; `-` for standard input.
  public var file: String
  public var place: Place
  /// Safe to print: control characters are escaped, long text is cut.
  public var found: String
  public var expected: String
  /// What the operator can do, where that does not follow from `expected`.
  public var remedy: String?

  public init(file: String, place: Place, found: String, expected: String, remedy: String? = nil) {
    self.file = file
    self.place = place
    self.found = found
    self.expected = expected
    self.remedy = remedy
  }

  /// Counts from 1; nil for a binary file.
  public var line: Int? { if case .line(let line, _) = place { line } else { nil } }
  /// Bytes into the line, from 1; nil for a binary file.
  public var column: Int? { if case .line(_, let column) = place { column } else { nil } }

  /// `FILE:LINE:COLUMN: found X, expected Y`.
  public var description: String {
    var text = Printable.escape(file, limit: 255)
    switch place {
    case .line(let line, let column): text += ":\(line):\(column)"
    case .byte(let offset): text += ":byte \(offset)"
    case .file: break
    }
    text += ": found \(found), expected \(expected)"
    if let remedy { text += ". \(remedy)" }
    return text
  }
}

/// A value, of an option or a directive, that cannot be read.
public struct ValueError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Safe to print, as in `InputError`.
  public var found: String
  public var expected: String
  /// Bytes into the value, the first being 0.
  public var offset: Int

  public init(found: String, expected: String, offset: Int = 0) {
    self.found = found
    self.expected = expected
    self.offset = offset
  }

  public var description: String { "found \(found), expected \(expected)" }
}

/// A value that options and directives write the same way.
public protocol ParsableValue {
  init(parsing text: String) throws(ValueError)
}

/// Text of unknown origin made safe for a terminal and a log.
enum Printable {
  /// What was found, in quotes.
  static func quote(_ bytes: Span<UInt8>, _ range: Range<Int>, limit: Int = 60) -> String {
    if range.isEmpty { return "nothing" }
    // Four bytes a character at most: no more is read than can be shown.
    let end = min(range.upperBound, range.lowerBound + 4 * limit + 4)
    var quoted: [UInt8] = []
    for at in range.lowerBound..<end { quoted.append(bytes[at]) }
    var shown: String
    if let text = String(validating: quoted, as: UTF8.self) {
      shown = escape(text, limit: limit)
    } else {
      shown = quoted.prefix(limit).map { escape(byte: $0) }.joined()
      if quoted.count > limit { shown += "…" }
    }
    if end < range.upperBound && shown.last != "…" { shown += "…" }
    return "\"\(shown)\""
  }

  static func quote(_ text: String) -> String {
    let bytes = Array(text.utf8)
    return quote(bytes.span, 0..<bytes.count)
  }

  /// Control and formatting characters (escape sequences, text direction) become visible.
  static func escape(_ text: String, limit: Int) -> String {
    var shown = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index == limit { return shown + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
        shown += scalar.isASCII ? escape(byte: UInt8(scalar.value)) : "\\u{\(hex(scalar.value))}"
      default:
        shown += scalar == "\"" || scalar == "\\" ? "\\\(scalar)" : String(scalar)
      }
    }
    return shown
  }

  static func escape(byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
    case 0x20...0x7e: String(UnicodeScalar(byte))
    case UInt8(ascii: "\t"): "\\t"
    case UInt8(ascii: "\r"): "\\r"
    case UInt8(ascii: "\n"): "\\n"
    default: "\\x" + (byte < 16 ? "0" : "") + hex(UInt32(byte))
    }
  }

  private static func hex(_ value: UInt32) -> String { String(value, radix: 16) }
}
