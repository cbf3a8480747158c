// What a fault means for the box.
import Box
import Kernel

extension Failure {
  /// Classifies a fault of the machine, the network or the disk.
  init(_ error: any Error) {
    let message = "\(error)"
    switch error {
    case let failure as Failure: self = failure
    case EntryError.entry: self.init(.entry, message)
    case EntryError.box(let fault): self.init(fault)
    case let fault as Fault where fault.isOutOfSpace: self.init(.full, message)
    case let fault as Fault where fault.isStorageFailure || fault.isResourceShortage:
      self.init(.storage, message)
    case let fault as Fault where fault.isLinkFailure: self.init(.link, message)
    case let fault as Fault where fault.cause == .hostUnreachable: self.init(.gateway, message)
    default: self.init(.box, message)
    }
  }
}
