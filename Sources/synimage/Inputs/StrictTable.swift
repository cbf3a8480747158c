// A strict reader for the builder's TOML files: unknown keys are errors.
import Kernel
import NIC
import Plan
import TOMLKit

/// A table of a TOML document, with the path that errors report.
struct StrictTable {
  let document: TOMLDocument
  let table: TOMLTable
  let path: [String]

  /// In bytes.
  static let maximumSize = 1 << 20

  /// Reads a file.
  ///
  /// - Parameter known: the keys that the root table may have.
  /// - Throws: `ProfileError` for invalid contents, a `Fault` if the file cannot be read.
  init(file: String, known: [String]) throws {
    document = try TOMLDocument(
      try Files.read(file), file: file, maximumSize: Self.maximumSize)
    table = document.root
    path = []
    try document.requireKnown(table, [], known)
  }

  private init(document: TOMLDocument, table: TOMLTable, path: [String]) {
    self.document = document
    self.table = table
    self.path = path
  }

  var keys: [String] { table.keys }

  func has(_ key: String) -> Bool { table[key] != nil }

  /// Returns a subtable, or nil if it is absent. `known` lists the keys it may have; nil allows all.
  func section(_ key: String, known: [String]?) throws(ProfileError) -> StrictTable? {
    guard let value = table[key]?.tomlValue else { return nil }
    guard let inner = value.table else { throw wrong(key, value, "a section [\(key)]") }
    if let known { try document.requireKnown(inner, path + [key], known) }
    return StrictTable(document: document, table: inner, path: path + [key])
  }

  /// Returns the tables of an array of tables; empty if it is absent.
  func sections(_ key: String, known: [String]) throws(ProfileError) -> [StrictTable] {
    guard let value = table[key]?.tomlValue else { return [] }
    var found: [StrictTable] = []
    guard let array = value.array else { throw wrong(key, value, "tables [[\(key)]]") }
    for item in array {
      guard let inner = item.tomlValue.table else { throw wrong(key, value, "tables [[\(key)]]") }
      try document.requireKnown(inner, path + [key], known)
      found.append(StrictTable(document: document, table: inner, path: path + [key]))
    }
    return found
  }

  /// Returns a non-empty string, or nil if it is absent. `expected` describes it in errors.
  func text(_ key: String, _ expected: String) throws(ProfileError) -> String? {
    guard let value = table[key]?.tomlValue else { return nil }
    guard let text = value.string, !text.isEmpty else { throw wrong(key, value, expected) }
    return text
  }

  /// Returns a non-empty string.
  func required(_ key: String, _ expected: String) throws(ProfileError) -> String {
    guard let text = try text(key, expected) else { throw missing(key, expected) }
    return text
  }

  /// Returns an integer in `range`, or nil if it is absent.
  func number(_ key: String, _ range: ClosedRange<Int>) throws(ProfileError) -> Int? {
    guard let value = table[key]?.tomlValue else { return nil }
    guard let number = value.int, range.contains(number) else {
      throw wrong(key, value, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Returns an array of distinct strings, or one string as an array; nil if it is absent.
  func strings(_ key: String, _ expected: String) throws(ProfileError) -> [String]? {
    guard let value = table[key]?.tomlValue else { return nil }
    if let string = value.string { return [string] }
    guard let array = value.array else { throw wrong(key, value, expected) }
    var strings: [String] = []
    for item in array {
      guard let string = item.tomlValue.string, !string.isEmpty, !strings.contains(string) else {
        throw error(key, found: TOMLDocument.shown(item.tomlValue), expected: expected)
      }
      strings.append(string)
    }
    return strings
  }

  // MARK: Errors

  func error(_ key: String, found: String, expected: String) -> ProfileError {
    document.error(at: path + [key], found: found, expected: expected)
  }

  func missing(_ key: String, _ expected: String) -> ProfileError {
    path.isEmpty
      ? ProfileError(
        file: document.file, line: 1, column: 1, found: "no \(key)", expected: "\(key) = \(expected)")
      : document.error(at: path, found: "no \(key)", expected: "\(key) = \(expected)")
  }

  func wrong(_ key: String, _ value: TOMLValue, _ expected: String) -> ProfileError {
    error(key, found: TOMLDocument.shown(value), expected: expected)
  }
}
