// The machine as a whole: its name, its end, its kernel's modules.
import CLinux

public enum Machine {
  /// CLOCK_BOOTTIME in nanoseconds when the first process of the machine began, before its runtime did; 0 in any
  /// other process.
  public static var initStart: UInt64 { clinux_init_start() }

  /// At most 64 bytes (sethostname(2)).
  public static func setName(_ name: String) throws(Errno) {
    try syscall { unsafe sethostname(name, name.utf8.count) }
  }

  /// From now on ctrl-alt-del is a SIGINT to PID 1 and not the machine's end (reboot(2)).
  public static func takeControlAltDelete() throws(Errno) {
    try syscall { reboot(Int32(bitPattern: UInt32(RB_DISABLE_CAD))) }
  }

  public enum End: Sendable { case restart, powerOff }

  /// Ends the machine at once: nothing is flushed or unmounted any more. Returns only when it is refused.
  public static func end(_ end: End) throws(Errno) {
    let command = end == .restart ? UInt32(RB_AUTOBOOT) : UInt32(RB_POWER_OFF)
    try syscall { reboot(Int32(bitPattern: command)) }
  }

  /// Flushes all file systems (sync(2)).
  public static func flush() { sync() }

  /// Hands an uncompressed module to the kernel (finit_module(2)), which checks its signature.
  public static func loadModule(_ path: String, parameters: String = "") throws(Errno) {
    let file = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0) })
    let number = file.number
    try syscall { unsafe clinux_load_module(number, parameters) }
  }

  /// EEXIST: the module is loaded already.
  public static let isLoaded = Errno(EEXIST)
}

/// Shell patterns as fnmatch(3) has them: `*`, `?`, `[…]`.
public func matches(pattern: String, _ text: String) -> Bool {
  unsafe fnmatch(pattern, text, 0) == 0
}
