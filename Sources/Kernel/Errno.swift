// The kernel's error numbers, captured at once after a call.
import CLinux

/// An error number of the kernel, with its symbolic and its readable name (errno(3)).
public struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
  public let number: Int32

  public init(_ number: Int32) { self.number = number }

  /// The calling thread's errno. Read it before anything else can overwrite it.
  static var last: Errno { Errno(clinux_errno()) }

  /// For example `ENOENT: No such file or directory`.
  public var description: String { "\(symbol): \(message)" }

  /// For example `ENOENT`.
  public var symbol: String {
    guard let name = unsafe clinux_error_name(number) else { return "errno \(number)" }
    return unsafe String(cString: name)
  }

  public var message: String {
    guard let text = unsafe clinux_error_text(number) else { return "unknown error" }
    return unsafe String(cString: text)
  }
}

extension Errno {
  /// EOPNOTSUPP: the driver or kernel does not have the thing.
  public static let notSupported = Errno(EOPNOTSUPP)
  /// ENETDOWN: the interface is down.
  public static let networkDown = Errno(ENETDOWN)
  /// EHOSTUNREACH: nobody passes packets on.
  public static let hostUnreachable = Errno(EHOSTUNREACH)
  /// EPERM: a capability is missing.
  public static let notPermitted = Errno(EPERM)
}
