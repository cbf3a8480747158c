// Strict TOML parsing for NIC profiles and configuration files.
import TOMLKit

/// A parsed TOML document with the positions of its keys.
public struct TOMLDocument {
  /// The file's name in errors.
  public let file: String
  public let root: TOMLTable
  private let positions: ProfilePositions

  /// Parses text.
  ///
  /// - Parameter file: The file's name in errors.
  public init(_ text: String, file: String) throws(ProfileError) {
    self.file = file
    // toml++ takes a C string, so it would silently ignore everything after a NUL.
    guard !text.utf8.contains(0) else {
      throw ProfileError(file: file, line: 1, column: 1, found: "a NUL byte", expected: "TOML text")
    }
    if let fault = TOMLScreen.firstFault(in: text) {
      throw ProfileError(
        file: file, line: fault.line, column: fault.column, found: fault.found,
        expected: fault.expected)
    }
    do {
      root = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw ProfileError(
        file: file, line: error.source.begin.line, column: error.source.begin.column,
        found: error.description, expected: "TOML (toml.io, version 1.0)")
    } catch {
      throw ProfileError(file: file, line: 1, column: 1, found: "\(error)", expected: "TOML")
    }
    positions = ProfilePositions(text)
  }

  /// Parses untrusted bytes, at most `maximumSize`.
  public init(_ bytes: [UInt8], file: String, maximumSize: Int) throws(ProfileError) {
    guard bytes.count <= maximumSize else {
      throw ProfileError(
        file: file, line: 1, column: 1, found: "more than \(maximumSize) bytes",
        expected: "at most that")
    }
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      let lines = bytes[..<error.byteOffsets.lowerBound]
        .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      throw ProfileError(
        file: file, line: lines.count,
        column: String(decoding: lines[lines.count - 1], as: UTF8.self).count + 1,
        found: "bytes that are not UTF-8", expected: "TOML text")
    }
    try self.init(String(decoding: bytes, as: UTF8.self), file: file)
  }

  /// Throws a `ProfileError` if `table`, which is at `path`, has a key that is not in `known`.
  public func requireKnown(_ table: TOMLTable, _ path: [String], _ known: [String])
    throws(ProfileError)
  {
    for key in table.keys where !known.contains(key) {
      throw error(
        at: path + [key], found: "the key \(Self.shown(key))",
        expected: "one of \(known.joined(separator: ", "))")
    }
  }

  /// Returns an error at the position of a key.
  public func error(at path: [String], found: String, expected: String) -> ProfileError {
    let (line, column) = positions.position(of: path)
    return ProfileError(file: file, line: line, column: column, found: found, expected: expected)
  }

  /// Returns a short description of a value for a message.
  public static func shown(_ value: TOMLValue) -> String {
    switch value.type {
    case .table: return "a table"
    case .array: return "a list"
    case .string: return shown(value.string ?? "")
    default: return value.debugDescription
    }
  }

  /// Returns text in quotes, truncated for a message. `ProfileError` escapes control characters.
  public static func shown(_ text: String) -> String {
    let scalars = text.unicodeScalars
    return "\"\(String(String.UnicodeScalarView(scalars.prefix(60))))\(scalars.count > 60 ? "…" : "")\""
  }
}
