// How the values of settings are written.
import Plan

/// A type of values: its name on the reference page, how to read a value, and how to write one.
public struct SettingSyntax<Value>: Sendable {
  /// Markdown.
  public let type: String
  public let read: @Sendable (Field) throws(InputError) -> Value
  /// Returns a value as a file would spell it, for the default on the reference page.
  let write: @Sendable (Value) -> String

  public init(
    _ type: String, write: @escaping @Sendable (Value) -> String = { "\($0)" },
    read: @escaping @Sendable (Field) throws(InputError) -> Value
  ) {
    self.type = type
    self.write = write
    self.read = read
  }

  /// Text that `parse` accepts.
  ///
  /// - Parameter expected: describes it in errors.
  public static func text(
    _ expected: String, _ parse: @escaping @Sendable (String) -> Value?
  ) -> Self {
    Self("text") { field throws(InputError) in
      guard let value = field.value.string.flatMap(parse) else { throw field.wrong(expected) }
      return value
    }
  }

  /// What `parse` makes of the value as the command line would spell it.
  public static func parsed(
    _ type: String, write: @escaping @Sendable (Value) -> String = { "\($0)" },
    _ parse: @escaping @Sendable (String) throws(ValueError) -> Value
  ) -> Self {
    Self(type, write: write) { field throws(InputError) in try field.parsed(parse) }
  }
}

extension SettingSyntax where Value: ParsableValue & SendableMetatype {
  /// A value that options and directives write in the same way.
  public static func parsed(_ type: String) -> Self {
    .parsed(type) { text throws(ValueError) in try Value(parsing: text) }
  }
}

extension SettingSyntax
where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
  /// One of several words.
  public static var choice: Self {
    let words = Value.allCases.map { "\"\($0.rawValue)\"" }
    return Self(
      words.map { "`\($0)`" }.joined(separator: ", "), write: { "\"\($0.rawValue)\"" },
      read: { field throws(InputError) in
        guard let choice = Value(rawValue: try field.text()) else {
          throw field.wrong("one of \(words.joined(separator: ", "))")
        }
        return choice
      })
  }
}

extension SettingSyntax where Value == Int {
  public static func integer(_ range: ClosedRange<Int>) -> Self {
    Self("\(range.lowerBound) to \(range.upperBound)") { field throws(InputError) in
      try field.number(range)
    }
  }
}

extension SettingSyntax where Value == String {
  public static var text: Self {
    Self("text") { field throws(InputError) in
      let text = try field.text()
      guard !text.isEmpty else { throw field.wrong("text") }
      return text
    }
  }

  /// A path, relative to the directory of the file.
  public static var path: Self {
    Self("path") { field throws(InputError) in try field.path() }
  }
}

extension SettingSyntax {
  /// A list, each of whose items `parse` accepts.
  ///
  /// - Parameter expected: describes the list in errors.
  public static func list<Item>(
    _ expected: String, _ parse: @escaping @Sendable (TOMLValue) -> Item?
  ) -> Self where Value == [Item] {
    Self("list") { field throws(InputError) in
      guard let list = field.value.list else { throw field.wrong(expected) }
      var items: [Item] = []
      for value in list {
        guard let item = parse(value) else { throw field.error(at: value, expected: expected) }
        items.append(item)
      }
      return items
    }
  }
}
