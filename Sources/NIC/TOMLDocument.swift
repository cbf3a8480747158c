// TOML read strictly: what NIC profiles and the box's configuration have in common.
import TOMLKit

/// TOML text that was parsed, and still knows where its keys stand.
public struct TOMLDocument {
  /// For errors.
  public let file: String
  public let root: TOMLTable
  private let positions: ProfilePositions

  /// Parses text. `file` names it in errors.
  public init(_ text: String, file: String) throws(ProfileError) {
    self.file = file
    // toml++ takes a C string: what stands after a NUL would be passed over in silence.
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

  /// Parses bytes that nobody has looked at yet, at most `maximumSize` of them.
  public init(_ bytes: [UInt8], file: String, maximumSize: Int) throws(ProfileError) {
    guard bytes.count <= maximumSize else {
      throw ProfileError(
        file: file, line: 1, column: 1, found: "more than \(maximumSize) bytes",
        expected: "a file that a person wrote")
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

  /// Throws for a key of `table`, which stands at `path`, that is not among `known`.
  public func requireKnown(_ table: TOMLTable, _ path: [String], _ known: [String])
    throws(ProfileError)
  {
    for key in table.keys where !known.contains(key) {
      throw error(
        at: path + [key], found: "the key \(Self.shown(key))",
        expected: "one of \(known.joined(separator: ", "))")
    }
  }

  /// A mistake at the place of a key.
  public func error(at path: [String], found: String, expected: String) -> ProfileError {
    let (line, column) = positions.position(of: path)
    return ProfileError(file: file, line: line, column: column, found: found, expected: expected)
  }

  /// A value as it may stand in a message: short and without control characters.
  public static func shown(_ value: TOMLValue) -> String {
    switch value.type {
    case .table: return "a table"
    case .array: return "a list"
    case .string: return shown(value.string ?? "")
    default: return value.debugDescription
    }
  }

  /// Text as it may stand in a message: in quotes, and short. `ProfileError` makes it printable.
  public static func shown(_ text: String) -> String {
    let scalars = text.unicodeScalars
    return "\"\(String(String.UnicodeScalarView(scalars.prefix(60))))\(scalars.count > 60 ? "…" : "")\""
  }
}
