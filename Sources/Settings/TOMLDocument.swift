// A parsed TOML file. This module alone reads TOML.
import Plan

/// A document of the TOML subset that synbox's files use (toml.io, version 1.0).
///
/// It has keys, sections, arrays of sections, strings on one line, integers, decimal fractions, booleans, lists, and
/// tables on one line. It has no dates, no strings over several lines, no `inf` and no `nan`. Every mistake names its
/// line and column.
public struct TOMLDocument: Sendable {
  /// The file's name in errors.
  public let file: String
  public let root: TOMLTable

  /// Deeper lists, tables and dotted keys are errors.
  static let maximumDepth = 16

  /// Parses untrusted bytes.
  ///
  /// - Parameter file: the file's name in errors.
  /// - Parameter maximumSize: more bytes are an error.
  public init(_ bytes: [UInt8], file: String, maximumSize: Int) throws(InputError) {
    self.file = file
    guard bytes.count <= maximumSize else {
      throw InputError(
        file: file, location: .line(1, column: 1), found: "more than \(maximumSize) bytes",
        expected: "at most that")
    }
    if let invalid = Self.firstInvalidByte(bytes) {
      var cursor = TOMLCursor(bytes, file: file)
      while cursor.at < invalid { cursor.advance() }
      throw cursor.error(found: "bytes that are not UTF-8", expected: "TOML text")
    }
    var parser = TOMLParser(TOMLCursor(bytes, file: file))
    root = try parser.document()
  }

  /// Parses text that the program contains.
  public init(_ text: String, file: String) throws(InputError) {
    let bytes = Array(text.utf8)
    try self.init(bytes, file: file, maximumSize: bytes.count)
  }

  /// Returns an error at the last key of `path` that the document has; at the first line if it has none.
  public func error(at path: [String], found: String, expected: String) -> InputError {
    var location = InputError.Location.line(1, column: 1)
    var table: TOMLTable? = root
    for key in path {
      guard let entry = table?[key] else { break }
      location = entry.location
      table = entry.value.table
    }
    return InputError(file: file, location: location, found: found, expected: expected)
  }

  private static func firstInvalidByte(_ bytes: [UInt8]) -> Int? {
    do {
      _ = try UTF8Span(validating: bytes.span)
      return nil
    } catch {
      return error.byteOffsets.lowerBound
    }
  }
}
