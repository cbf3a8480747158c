// Faults outside the box that may clear without anyone touching it.
import Engine
import Kernel

/// A fault that pauses the box instead of ending it. Jobs stay in active/ and resume from their checkpoints.
struct TransientFailure: Error {
  let reason: Pause.Reason
  /// What failed, for the log and the status.
  let message: String

  init(_ reason: Pause.Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  /// Returns nil if `error` is not transient.
  init?(_ error: any Error) {
    switch error {
    case let failure as TransientFailure: self = failure
    case let fault as Fault where fault.isStorageFailure: self.init(.storage, "\(fault)")
    case let fault as Fault where fault.isLinkFailure: self.init(.link, "\(fault)")
    case let fault as Fault where fault.cause == .hostUnreachable:
      self.init(.gateway, "\(fault)")
    default: return nil
    }
  }

  /// Returns whether the fault may have cleared, so that another try is worthwhile.
  ///
  /// - Parameter data: the data directory.
  func hasCleared(on station: Station, _ data: String) -> Bool {
    switch reason {
    case .link: return (try? station.requireLink()) != nil
    // Only another try can tell.
    case .gateway, .scope: return true
    case .storage, .slowDisk:
      let probe = "\(data)/.writable"
      // About the size of a checkpoint, a job record and a page of results.
      let isWritable =
        (try? Files.write(probe, [UInt8](repeating: 0, count: 1 << 16), durable: true)) != nil
      return (try? Files.remove(probe)) != nil && isWritable
    }
  }
}
