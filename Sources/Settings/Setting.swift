// One setting: its key, type, default, check, whether a reload may change it, and its documentation.
import Plan

/// When a changed value takes effect.
public enum ReloadRule: Sendable {
  /// When the program starts, because the value is used before privileges are dropped. A reload refuses a change.
  case atStart
  /// With a reload.
  case onReload
}

/// What holds if a file does not have the key.
public enum SettingDefault: Sendable, ExpressibleByStringLiteral {
  /// The key must exist. The text describes a value in the error.
  case required(String)
  /// The value that `Root` has anyway.
  case initial
  /// The same, in words for the reference page.
  case described(String)

  public init(stringLiteral text: String) { self = .described(text) }
}

/// A setting that is stored in a `Root`.
public struct Setting<Root>: Sendable {
  public let key: String
  /// Markdown.
  public let type: String
  public let standard: SettingDefault
  public let reload: ReloadRule
  /// Markdown.
  public let meaning: String
  /// The settings in the section that this setting is; empty if it is a value.
  let inner: @Sendable (Root) -> [SettingRow]
  let isSection: Bool
  let read: @Sendable (Field, inout Root) throws(InputError) -> Void
  let isEqual: @Sendable (Root, Root) -> Bool
  /// The value of the root, as a file would spell it.
  let written: @Sendable (Root) -> String

  /// A value that always exists.
  public init<Value: Equatable & SendableMetatype>(
    _ key: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ syntax: SettingSyntax<Value>,
    default standard: SettingDefault = .initial, reload: ReloadRule = .atStart, _ meaning: String
  ) {
    self.init(
      key: key, type: syntax.type, standard: standard, reload: reload, meaning: meaning,
      inner: { _ in [] }, isSection: false,
      read: { field, root throws(InputError) in root[keyPath: path] = try syntax.read(field) },
      isEqual: { $0[keyPath: path] == $1[keyPath: path] },
      written: { syntax.write($0[keyPath: path]) })
  }

  /// A value that may be missing.
  public init<Value: Equatable & SendableMetatype>(
    _ key: String, _ path: any WritableKeyPath<Root, Value?> & Sendable, _ syntax: SettingSyntax<Value>,
    default standard: SettingDefault, reload: ReloadRule = .atStart, _ meaning: String
  ) {
    self.init(
      key: key, type: syntax.type, standard: standard, reload: reload, meaning: meaning,
      inner: { _ in [] }, isSection: false,
      read: { field, root throws(InputError) in root[keyPath: path] = try syntax.read(field) },
      isEqual: { $0[keyPath: path] == $1[keyPath: path] },
      written: { $0[keyPath: path].map(syntax.write) ?? "" })
  }

  /// A section with settings of its own.
  public static func section<Inner>(
    _ key: String, _ path: any WritableKeyPath<Root, Inner> & Sendable, _ table: SettingsTable<Inner>,
    default standard: SettingDefault = "", reload: ReloadRule = .atStart, _ meaning: String
  ) -> Self {
    Self(
      key: key, type: "table", standard: standard, reload: reload, meaning: meaning,
      inner: { table.rows(of: $0[keyPath: path]) }, isSection: true,
      read: { field, root throws(InputError) in
        try table.read(try field.section(), into: &root[keyPath: path])
      },
      isEqual: { table.differences($0[keyPath: path], $1[keyPath: path]).isEmpty },
      written: { _ in "" })
  }

  private init(
    key: String, type: String, standard: SettingDefault, reload: ReloadRule, meaning: String,
    inner: @escaping @Sendable (Root) -> [SettingRow], isSection: Bool,
    read: @escaping @Sendable (Field, inout Root) throws(InputError) -> Void,
    isEqual: @escaping @Sendable (Root, Root) -> Bool, written: @escaping @Sendable (Root) -> String
  ) {
    self.key = key
    self.type = type
    self.standard = standard
    self.reload = reload
    self.meaning = meaning
    self.inner = inner
    self.isSection = isSection
    self.read = read
    self.isEqual = isEqual
    self.written = written
  }
}
