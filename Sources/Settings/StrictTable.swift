// Reads the tables of a document strictly: unknown keys and values of another type are errors.
import Plan

/// A table of a file, with its place.
public struct StrictTable: Sendable {
  public let file: String
  public let table: TOMLTable
  /// The key of the table; nil for the whole document.
  private let location: InputError.Location?

  public init(_ document: TOMLDocument) {
    file = document.file
    table = document.root
    location = nil
  }

  init(_ table: TOMLTable, of field: Field) {
    file = field.file
    self.table = table
    location = field.location
  }

  public var keys: [String] { table.entries.map(\.key) }

  public subscript(key: String) -> Field? { table[key].map { Field($0, file: file) } }

  /// Throws an error at the first key that is not in `known`.
  public func requireKnown(_ known: [String]) throws(InputError) {
    for entry in table.entries where !known.contains(entry.key) {
      throw Field(entry, file: file).error(
        found: "the key \(TOMLValue.quoted(entry.key))",
        expected: "one of \(known.joined(separator: ", "))")
    }
  }

  // MARK: Values

  /// Returns a section, or nil if it is missing. `known` lists its keys; nil allows all.
  public func section(_ key: String, known: [String]?) throws(InputError) -> StrictTable? {
    guard let section = try self[key]?.section() else { return nil }
    if let known { try section.requireKnown(known) }
    return section
  }

  /// Returns the sections `[[KEY]]`; none if there are none.
  public func sections(_ key: String, known: [String]) throws(InputError) -> [StrictTable] {
    guard let field = self[key] else { return [] }
    guard let list = field.value.list else { throw field.wrong("sections [[\(key)]]") }
    var sections: [StrictTable] = []
    for value in list {
      guard let table = value.table else { throw field.wrong("sections [[\(key)]]") }
      let section = StrictTable(
        table,
        of: Field(.init(key: key, location: value.location, value: value), file: file))
      try section.requireKnown(known)
      sections.append(section)
    }
    return sections
  }

  /// Returns text that is not empty, or nil if it is missing. `expected` describes it in errors.
  public func text(_ key: String, _ expected: String) throws(InputError) -> String? {
    guard let field = self[key] else { return nil }
    guard let text = field.value.string, !text.isEmpty else { throw field.wrong(expected) }
    return text
  }

  /// Returns text that is not empty.
  public func required(_ key: String, _ expected: String) throws(InputError) -> String {
    guard let text = try text(key, expected) else { throw missing(key, expected) }
    return text
  }

  /// Returns an integer in `range`, or nil if it is missing.
  public func number(_ key: String, _ range: ClosedRange<Int>) throws(InputError) -> Int? {
    try self[key]?.number(range)
  }

  /// Returns a list of different texts, or one text as a list; nil if it is missing.
  public func strings(_ key: String, _ expected: String) throws(InputError) -> [String]? {
    guard let field = self[key] else { return nil }
    if let text = field.value.string { return [text] }
    guard let list = field.value.list else { throw field.wrong(expected) }
    var strings: [String] = []
    for value in list {
      guard let text = value.string, !text.isEmpty, !strings.contains(text) else {
        throw field.error(at: value, expected: expected)
      }
      strings.append(text)
    }
    return strings
  }

  // MARK: Errors

  /// Returns an error at a key, or at the table if it does not have the key.
  public func error(_ key: String?, found: String, expected: String) -> InputError {
    let place = key.flatMap { table[$0]?.location } ?? location ?? .line(1, column: 1)
    return InputError(file: file, location: place, found: found, expected: expected)
  }

  public func missing(_ key: String, _ expected: String) -> InputError {
    error(nil, found: "no \(key)", expected: "\(key) = \(expected)")
  }
}

/// A key with its value.
public struct Field: Sendable {
  public let file: String
  public let key: String
  /// Where the key stands.
  public let location: InputError.Location
  public let value: TOMLValue

  init(_ entry: TOMLTable.Entry, file: String) {
    self.file = file
    key = entry.key
    location = entry.location
    value = entry.value
  }

  /// Returns the table that the value is.
  public func section() throws(InputError) -> StrictTable {
    guard let table = value.table else { throw wrong("a section [\(key)]") }
    return StrictTable(table, of: self)
  }

  /// Returns an integer in `range`.
  public func number(_ range: ClosedRange<Int>) throws(InputError) -> Int {
    guard let number = value.integer, range.contains(number) else {
      throw wrong("a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Returns the value as the command line would spell it: text, a number, or a list of these joined by commas.
  public func text() throws(InputError) -> String {
    if let text = value.text { return text }
    let parts = value.list?.compactMap(\.text) ?? []
    guard !parts.isEmpty, parts.count == value.list?.count else {
      throw wrong("text, a number, or a list of these")
    }
    return parts.joined(separator: ",")
  }

  /// Parses the value as the command line does.
  public func parsed<Value>(_ parse: (String) throws(ValueError) -> Value) throws(InputError) -> Value {
    let text = try text()
    do throws(ValueError) {
      return try parse(text)
    } catch {
      throw place(error)
    }
  }

  /// Returns an error at the key, or at the item of a list that it is in.
  private func place(_ error: ValueError) -> InputError {
    var place = location
    var start = 0
    for item in value.list ?? [] where start <= error.offset {
      place = item.location
      start += (item.text ?? "").utf8.count + 1
    }
    return InputError(
      file: file, location: place, found: error.found, expected: error.expected)
  }

  /// The value as a path, relative to the directory of the file.
  public func path() throws(InputError) -> String {
    let text = try text()
    guard !text.isEmpty else { throw wrong("a path") }
    if text.hasPrefix("/") { return text }
    guard let slash = file.lastIndex(of: "/") else { return "./\(text)" }
    return "\(file[..<slash])/\(text)"
  }

  // MARK: Errors

  /// Returns an error at the key.
  public func error(found: String, expected: String) -> InputError {
    InputError(file: file, location: location, found: found, expected: expected)
  }

  /// Returns an error at an item of the value, which is a list.
  public func error(at item: TOMLValue, expected: String) -> InputError {
    InputError(file: file, location: item.location, found: item.shown, expected: expected)
  }

  /// Returns an error at the key that shows the value.
  public func wrong(_ expected: String) -> InputError { error(found: value.shown, expected: expected) }
}
