// What a fault means for the box.
import Box
import Kernel

extension Failure {
  /// Classifies a fault of the machine, the network or the disk.
  init(_ error: any Error) {
    let message = "\(error)"
    switch error {
    case let failure as Failure: self = failure
    case let fault as Fault where fault.isStorageFailure: self.init(.storage, message)
    case let fault as Fault where fault.isLinkFailure: self.init(.link, message)
    case let fault as Fault where fault.cause == .hostUnreachable: self.init(.gateway, message)
    default: self.init(.box, message)
    }
  }

  /// Classifies a fault of a request that concerns one entry of results/.
  static func ofEntry(_ fault: Fault) -> Failure {
    let own: [Errno] = [
      .permissionDenied, .notPermitted, .tooManySymbolicLinkLevels, .isDirectory, .notDirectory,
      .directoryNotEmpty, .fileNameTooLong,
    ]
    if let cause = fault.cause, own.contains(cause) { return Failure(.entry, "\(fault)") }
    return Failure(fault)
  }
}
