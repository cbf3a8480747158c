// The hardware's watchdog (Documentation/watchdog/watchdog-api.rst).
import CLinux

/// An armed watchdog: unless it is kept alive, it resets the machine. There is no way to disarm it here: the
/// magic `V` is never written, and the descriptor stays open as long as the process lives.
public struct Watchdog: ~Copyable {
  private let device: Descriptor
  /// What the driver calls itself, for example `i6300ESB timer`.
  public let name: String
  /// The time that the driver took, which may differ from what was asked for.
  public let seconds: Int

  /// Opens and thereby arms a device, such as /dev/watchdog. ENOENT: there is none.
  public init(_ path: String, seconds: Int) throws(Errno) {
    let device = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_WRONLY | O_CLOEXEC, 0) })
    let number = device.number
    var bytes = [CChar](repeating: 0, count: 32)
    if unsafe clinux_watchdog_name(number, &bytes) != 0 { bytes[0] = 0 }
    name = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    var taken = Int32(clamping: seconds)
    // A driver with a time of its own refuses this one, and keeps its own.
    let isTaken = unsafe clinux_watchdog_set_timeout(number, &taken) == 0
    self.seconds = isTaken ? Int(taken) : 0
    self.device = device
    keepAlive()
  }

  /// Whether the driver took a time: `seconds` is 0 if not.
  public var hasTime: Bool { seconds > 0 }

  /// To be called well within `seconds`.
  public func keepAlive() { _ = clinux_watchdog_keep_alive(device.number) }
}
