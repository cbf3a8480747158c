// What keeps the box from working for a while, and is nobody's mistake.
import Kernel

/// A cause outside the box that may go away by itself. Jobs stay in active/ and go on from their checkpoints.
struct TransientFailure: Error {
  let reason: Pause.Reason
  let sentence: String

  init(_ reason: Pause.Reason, _ sentence: String) {
    self.reason = reason
    self.sentence = sentence
  }

  /// nil: the error is another one.
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

  /// Whether it is worth another try.
  func isGone(on station: Station, _ data: String) -> Bool {
    switch reason {
    case .link: return (try? station.requireLink()) != nil
    // Asking again is how one learns.
    case .gateway, .scope: return true
    case .storage:
      let probe = "\(data)/.writable"
      // What a checkpoint, a record and a page of results may take.
      let isWritable =
        (try? Files.write(probe, [UInt8](repeating: 0, count: 1 << 16), durable: true)) != nil
      return (try? Files.remove(probe)) != nil && isWritable
    }
  }
}
