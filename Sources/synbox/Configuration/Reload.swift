// Reading the configuration again while the box runs, and which of its keys may change.
import Engine
import Kernel
import Plan
import Settings

/// A valid configuration, with the scope that it names.
struct LoadedConfiguration: Sendable {
  let configuration: Configuration
  let scope: ScopeInForce
  /// The status of the scope lists before they were read.
  let lists: [FileStatus?]

  /// - Throws: `InputError` for a mistake in a file, `Fault` if one cannot be read.
  init(path: String) throws {
    configuration = try Configuration(path: path)
    lists = configuration.scope.statuses
    scope = try configuration.readScope()
  }
}

/// A valid configuration changes keys that cannot change while the box runs.
struct FixedKeyError: Error, CustomStringConvertible {
  let keys: [Configuration.Key]

  var description: String {
    "\(keys.map(\.rawValue).joined(separator: ", ")) cannot change while the box runs; "
      + "restore the old value, or restart the box"
  }
}

extension Configuration {
  /// A key of the file.
  package struct Key: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String
    /// Whether the key is fixed: it takes effect when the box starts, with privileges that are dropped afterwards.
    /// A reload applies all other keys.
    package let isFixed: Bool

    fileprivate init(_ setting: Setting<Configuration>) {
      rawValue = setting.key
      isFixed = setting.reload == .atStart
    }

    package static let allCases = settings.settings.map(Key.init)
    package var description: String { rawValue }
  }

  /// The keys whose value differs in `other`.
  package func keys(changedIn other: Configuration) -> [Key] {
    Self.settings.differences(self, other).map(Key.init)
  }

  /// Throws if `other` changes a key that is fixed.
  func requireSameFixedKeys(in other: Configuration) throws(FixedKeyError) {
    let changed = keys(changedIn: other).filter(\.isFixed)
    guard changed.isEmpty else { throw FixedKeyError(keys: changed) }
  }
}
