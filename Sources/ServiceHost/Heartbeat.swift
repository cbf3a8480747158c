// Signs of life of a service.
import Kernel

/// Heartbeats to PID 1, by the event loop itself: none comes when it hangs.
public final class Heartbeat: Sendable {
  private let pipe: Descriptor

  /// - Parameter number: an inherited descriptor.
  public init(_ number: Int32) throws(Fault) { pipe = try Descriptor.inherited(number) }

  /// Drops a beat if the reader is slow or gone: neither is a reason to stop.
  public func send() { pipe.write([UInt8(ascii: ".")], within: 0) }
}
