// The builder's TOML files, read as strictly as the box's own.
import Kernel
import NIC
import Plan
import TOMLKit

/// A table of a document with the place that errors name.
struct StrictTable {
  let document: TOMLDocument
  let table: TOMLTable
  let path: [String]

  /// Bytes.
  static let maximumSize = 1 << 20

  /// Reads a file. Throws `ProfileError` for what is wrong in it, `Fault` when it cannot be read.
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

  /// A section; `known` nil allows every key. nil where there is none.
  func section(_ key: String, known: [String]?) throws(ProfileError) -> StrictTable? {
    guard let value = table[key]?.tomlValue else { return nil }
    guard let inner = value.table else { throw wrong(key, value, "a section [\(key)]") }
    if let known { try document.requireKnown(inner, path + [key], known) }
    return StrictTable(document: document, table: inner, path: path + [key])
  }

  /// The tables of an array of tables; none where there is none.
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

  func text(_ key: String, _ expected: String) throws(ProfileError) -> String? {
    guard let value = table[key]?.tomlValue else { return nil }
    guard let text = value.string, !text.isEmpty else { throw wrong(key, value, expected) }
    return text
  }

  func required(_ key: String, _ expected: String) throws(ProfileError) -> String {
    guard let text = try text(key, expected) else { throw missing(key, expected) }
    return text
  }

  func number(_ key: String, _ range: ClosedRange<Int>) throws(ProfileError) -> Int? {
    guard let value = table[key]?.tomlValue else { return nil }
    guard let number = value.int, range.contains(number) else {
      throw wrong(key, value, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A list of words, or one word.
  func words(_ key: String, _ expected: String) throws(ProfileError) -> [String]? {
    guard let value = table[key]?.tomlValue else { return nil }
    if let word = value.string { return [word] }
    guard let array = value.array else { throw wrong(key, value, expected) }
    var words: [String] = []
    for item in array {
      guard let word = item.tomlValue.string, !word.isEmpty, !words.contains(word) else {
        throw error(key, found: TOMLDocument.shown(item.tomlValue), expected: expected)
      }
      words.append(word)
    }
    return words
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
