// The kernel's error numbers, read right after a call.
import CLinux

/// An error number of the kernel (errno(3)).
public struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
  public let number: Int32

  public init(_ number: Int32) { self.number = number }

  /// The calling thread's errno. Read it before anything else can overwrite it.
  static var last: Errno { Errno(clinux_errno()) }

  /// The symbol and the message, for example `ENOENT: No such file or directory`.
  public var description: String { "\(symbol): \(message)" }

  /// The symbolic name, for example `ENOENT`.
  public var symbol: String {
    guard let name = unsafe clinux_error_name(number) else { return "errno \(number)" }
    return unsafe String(cString: name)
  }

  public var message: String {
    guard let text = unsafe clinux_error_text(number) else { return "unknown error" }
    return unsafe String(cString: text)
  }
}
