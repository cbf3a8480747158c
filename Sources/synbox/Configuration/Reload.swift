// The configuration read again while the box runs: what may change then, and what may not.
import Kernel
import Plan
import Synchronization

/// A configuration with the scope that it names, both valid.
struct LoadedConfiguration {
  let configuration: Configuration
  let scope: ScopeInForce
  /// Its lists' status before they were read.
  let lists: [FileStatus?]

  /// Throws `ProfileError` or `InputError` for what is wrong in a file, `Fault` where one cannot be read.
  init(path: String) throws {
    configuration = try Configuration(path: path)
    lists = configuration.scope.statuses
    scope = try configuration.readScope()
  }
}

/// Why a valid configuration cannot take the place of the one in force.
struct ReloadRefusal: Error, CustomStringConvertible {
  let keys: [String]

  var description: String {
    "found a change of \(keys.joined(separator: ", ")), expected the value that the box was started with: "
      + "it was settled while there was privilege. Restart the box to change it"
  }
}

extension Configuration {
  /// The keys that differ in `other` though they belong to what was opened before the drop.
  func settledKeys(differingIn other: Configuration) -> [String] {
    let (now, new) = (station, other.station)
    let pairs: [(key: String, isSame: Bool)] = [
      ("data", data == other.data),
      ("interface", now.interface == new.interface),
      ("profile", profile == other.profile),
      ("source-ip", now.sources.ranges == new.sources.ranges),
      ("source-port", now.sourcePorts == new.sourcePorts),
      ("gateway-mac", now.gatewayMAC == new.gatewayMAC),
      ("transmit", now.transmit == new.transmit),
      ("receive", now.receive == new.receive),
      ("report", now.report == new.report),
      ("rst", now.reset == new.reset),
      ("sender-threads", now.senders == new.senders),
      ("batch", now.batch == new.batch),
      ("log", log == other.log),
      ("user", user == other.user),
      ("lock-memory", lockMemory == other.lockMemory),
    ]
    return pairs.filter { !$0.isSame }.map(\.key)
  }
}

/// Reads a configuration on a thread of its own: its lists may be long, and a scan may be running.
final class ConfigurationReload {
  private final class Outcome: Sendable {
    let value = Mutex<Result<LoadedConfiguration, any Error>?>(nil)
  }

  private let outcome = Outcome()
  private var thread: KernelThread?

  init(path: String) throws(Fault) {
    let outcome = outcome
    thread = try KernelThread(name: "reload", processor: nil) {
      let read = Result { try LoadedConfiguration(path: path) }
      outcome.value.withLock { $0 = read }
    }
  }

  /// What came of it; nil while it is being read.
  func take() -> Result<LoadedConfiguration, any Error>? {
    guard let result = outcome.value.withLock({ $0 }) else { return nil }
    thread.take()?.join()
    return result
  }
}
