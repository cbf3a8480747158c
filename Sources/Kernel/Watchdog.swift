// The hardware watchdog (Documentation/watchdog/watchdog-api.rst).
import CLinux

/// An armed watchdog, which resets the machine unless it is kept alive. It cannot be disarmed: the magic `V` is never
/// written, and the descriptor stays open until the process ends.
public struct Watchdog: ~Copyable {
  private let device: Descriptor
  /// The driver's identity, for example `i6300ESB timer`.
  public let name: String
  /// The timeout that the driver accepted, which may differ from the requested one; 0 if it accepts none.
  public let seconds: Int

  /// Opens and thereby arms a device, such as /dev/watchdog.
  ///
  /// - Throws: ENOENT if there is none.
  public init(_ path: String, seconds: Int) throws(Errno) {
    let device = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_WRONLY | O_CLOEXEC, 0) })
    let number = device.number
    var bytes = [CChar](repeating: 0, count: 32)
    if unsafe clinux_watchdog_name(number, &bytes) != 0 { bytes[0] = 0 }
    name = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    var timeout = Int32(clamping: seconds)
    // A driver with a fixed timeout refuses this.
    let isAccepted = unsafe clinux_watchdog_set_timeout(number, &timeout) == 0
    self.seconds = isAccepted ? Int(timeout) : 0
    self.device = device
    keepAlive()
  }

  /// Whether the driver accepted a timeout, rather than keep its own.
  public var hasTimeout: Bool { seconds > 0 }

  /// Restarts the timeout. Call it well within `seconds`.
  public func keepAlive() { _ = clinux_watchdog_keep_alive(device.number) }
}
