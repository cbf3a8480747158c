// Reading the configuration again while the box runs, and which of its keys may change.
import Kernel
import Plan
import Synchronization

/// A valid configuration, with the scope that it names.
struct LoadedConfiguration {
  let configuration: Configuration
  let scope: ScopeInForce
  /// The status of the scope lists before they were read.
  let lists: [FileStatus?]

  /// - Throws: `ProfileError` or `InputError` for a mistake in a file, `Fault` if one cannot be read.
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
  /// The fixed keys whose value differs in `other`.
  package func fixedKeys(changedIn other: Configuration) -> [Key] {
    Key.allCases.filter { key in key.fixedValue.map { !$0.isEqual(self, other) } ?? false }
  }

  /// The value of a key that takes effect only when the box starts.
  fileprivate struct FixedValue {
    let isEqual: (Configuration, Configuration) -> Bool

    init<Value: Equatable>(_ path: KeyPath<Configuration, Value>) {
      isEqual = { $0[keyPath: path] == $1[keyPath: path] }
    }
  }
}

extension Configuration.Key {
  /// Whether the key is fixed: it takes effect when the box starts, with privileges that are dropped afterwards.
  /// A reload applies all other keys.
  package var isFixed: Bool { fixedValue != nil }

  // Without a default, so that every new key has to be classified.
  fileprivate var fixedValue: Configuration.FixedValue? {
    switch self {
    case .data: .init(\.data)
    case .interface: .init(\.station.interface)
    case .profile: .init(\.profile)
    case .sourceIP: .init(\.station.sources.ranges)
    case .sourcePort: .init(\.station.sourcePorts)
    case .gatewayMAC: .init(\.station.gatewayMAC)
    case .transmit: .init(\.station.transmit)
    case .receive: .init(\.station.receive)
    case .report: .init(\.station.report)
    case .rst: .init(\.station.reset)
    case .senderThreads: .init(\.station.senders)
    case .batch: .init(\.station.batch)
    case .eventRing: .init(\.station.eventRing)
    case .log: .init(\.log)
    case .user: .init(\.user)
    case .lockMemory: .init(\.lockMemory)
    case .rate, .bandwidth, .probes, .cooldownTime, .targetPorts, .outputModule, .outputFields,
      .probeOptions, .maxRuntime, .dedupeMemory, .diskHighWater, .scope:
      nil
    }
  }
}

/// Reads a configuration on its own thread, because its lists may be long and a scan may be running.
final class ConfigurationReload {
  private final class Outcome: Sendable {
    let value = Mutex<Result<LoadedConfiguration, any Error>?>(nil)
  }

  private let outcome = Outcome()
  private var thread: KernelThread?

  init(path: String) throws(Fault) {
    let outcome = outcome
    thread = try KernelThread(name: "reload", processor: nil) {
      let loaded = Result { try LoadedConfiguration(path: path) }
      outcome.value.withLock { $0 = loaded }
    }
  }

  /// Returns the outcome, or nil while the files are still being read.
  func take() -> Result<LoadedConfiguration, any Error>? {
    guard let result = outcome.value.withLock({ $0 }) else { return nil }
    thread.take()?.join()
    return result
  }
}
