// The TOML reader, which every configuration file goes through.
import Plan
import Settings

extension FuzzTarget {
  /// The result is an error with an existing place, or values that parse to the same when they are written again. Each
  /// key is where the document says.
  static let toml = FuzzTarget("toml", maximumLength: 2048) { bytes in
    let document: TOMLDocument
    do throws(InputError) {
      document = try TOMLDocument(bytes, file: "a.toml", maximumSize: 4096)
    } catch {
      return try error.requirePlace(in: bytes)
    }
    try requirePlaces(document.root, lineLengths(bytes))
    let text = try written(document.root)
    let again = try TOMLDocument(text, file: "a.toml").root
    try require(
      isEqual(document.root, again), "\(document.root) is written\n\(text)\nwhich is \(again)")
  }

  private static func requirePlaces(_ table: TOMLTable, _ lengths: [Int]) throws {
    for entry in table.entries {
      guard case .line(let line, let column) = entry.location else {
        throw FuzzFailure(description: "no line: \(entry)")
      }
      try require(1...lengths.count ~= line, "line \(line) of \(lengths.count): \(entry)")
      try require(1...lengths[line - 1] ~= column, "column \(column): \(entry)")
      if let inner = entry.value.table { try requirePlaces(inner, lengths) }
    }
  }

  /// Returns the table with every value on one line.
  private static func written(_ table: TOMLTable) throws -> String {
    try table.entries.map { "\(quoted($0.key)) = \(try written($0.value))\n" }.joined()
  }

  private static func written(_ value: TOMLValue) throws -> String {
    switch value.content {
    case .string(let text): return quoted(text)
    case .integer(let number): return "\(number)"
    case .float(let number): return "\(number)"
    case .boolean(let flag): return "\(flag)"
    case .list(let values): return "[\(try values.map(written).joined(separator: ", "))]"
    case .table(let table):
      let keys = try table.entries.map { "\(quoted($0.key)) = \(try written($0.value))" }
      return "{\(keys.joined(separator: ", "))}"
    }
  }

  private static func isEqual(_ a: TOMLTable, _ b: TOMLTable) -> Bool {
    a.entries.count == b.entries.count
      && zip(a.entries, b.entries).allSatisfy { $0.key == $1.key && isEqual($0.value, $1.value) }
  }

  private static func isEqual(_ a: TOMLValue, _ b: TOMLValue) -> Bool {
    switch (a.content, b.content) {
    case (.list(let a), .list(let b)):
      a.count == b.count && zip(a, b).allSatisfy { isEqual($0, $1) }
    case (.table(let a), .table(let b)): isEqual(a, b)
    case (let a, let b): a == b
    }
  }

  /// Returns a TOML basic string.
  static func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
      let digits = String(scalar.value, radix: 16)
      let isPlain =
        scalar.isASCII && scalar.value >= 32 && !"\"\\\u{7f}".unicodeScalars.contains(scalar)
      return isPlain ? String(scalar) : "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
    return "\"\(escaped.joined())\""
  }
}
