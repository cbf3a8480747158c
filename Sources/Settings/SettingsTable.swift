// All settings of a file or a section, in the order of the reference page and of error messages.
import Plan

/// The settings that are stored in a `Root`. The parser, the rule for reloads and the reference page come from it.
public struct SettingsTable<Root>: Sendable {
  public let settings: [Setting<Root>]
  private let other: (@Sendable (String) -> Setting<Root>)?
  private let check: @Sendable (Root, StrictTable) throws(InputError) -> Void

  /// - Parameter other: makes a setting of any other key; nil if other keys are errors.
  /// - Parameter check: what the settings have to fulfil together.
  public init(
    _ settings: [Setting<Root>], other: (@Sendable (String) -> Setting<Root>)? = nil,
    check: @escaping @Sendable (Root, StrictTable) throws(InputError) -> Void = { _, _ in }
  ) {
    self.settings = settings
    self.other = other
    self.check = check
  }

  public var keys: [String] { settings.map(\.key) }

  /// Reads a table. Every key must be known, every value valid, and every required key there.
  public func read(_ table: StrictTable, into root: inout Root) throws(InputError) {
    if other == nil { try table.requireKnown(keys) }
    for setting in settings { try read(setting, table, into: &root) }
    if let other {
      for key in table.keys where !keys.contains(key) { try read(other(key), table, into: &root) }
    }
    try check(root, table)
  }

  /// Reads the setting of one key, whatever else the table has.
  public func read(only key: String, of table: StrictTable, into root: inout Root) throws(InputError) {
    for setting in settings where setting.key == key { try read(setting, table, into: &root) }
  }

  private func read(_ setting: Setting<Root>, _ table: StrictTable, into root: inout Root)
    throws(InputError)
  {
    if let field = table[setting.key] { return try setting.read(field, &root) }
    guard case .required(let expected) = setting.standard else { return }
    if setting.isSection {
      throw table.error(nil, found: "no \(setting.key)", expected: expected)
    }
    throw table.missing(setting.key, expected)
  }

  /// Returns the settings whose values differ.
  public func differences(_ a: Root, _ b: Root) -> [Setting<Root>] {
    settings.filter { !$0.isEqual(a, b) }
  }
}
