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
      throw ProfileError(file: file, line: 1, column: 1, found: "a NUL octet", expected: "TOML text")
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

  /// Parses octets that nobody has looked at yet, at most `maximumSize` of them.
  public init(_ bytes: [UInt8], file: String, maximumSize: Int) throws(ProfileError) {
    guard bytes.count <= maximumSize else {
      throw ProfileError(
        file: file, line: 1, column: 1, found: "more than \(maximumSize) octets",
        expected: "a file that a person wrote")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let valid = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\u{fffd}" }
      let line = valid.split(omittingEmptySubsequences: false) { $0.isNewline }
      throw ProfileError(
        file: file, line: line.count, column: (line.last?.count ?? 0) + 1,
        found: "octets that are not UTF-8", expected: "TOML text")
    }
    try self.init(text, file: file)
  }

  /// Throws for a key of `table`, which stands at `path`, that is not among `known`.
  public func requireKnown(_ table: TOMLTable, _ path: [String], _ known: [String])
    throws(ProfileError)
  {
    for key in table.keys where !known.contains(key) {
      let shown = Self.shown(TOMLValue(stringLiteral: key))
      throw error(
        at: path + [key], found: "the key \(shown)",
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
    default:
      let text = value.debugDescription.unicodeScalars.map {
        $0.value < 32 || $0.value == 127 ? "?" : String($0)
      }
      return text.count > 60 ? text.prefix(60).joined() + "…" : text.joined()
    }
  }
}
