// The machine: its name, reboot and power-off, kernel modules.
import CLinux

public enum Machine {
  /// CLOCK_BOOTTIME in nanoseconds when PID 1 started, before its runtime; 0 in any other process.
  public static var initStart: UInt64 { clinux_init_start() }

  /// Sets the host name, at most 64 bytes (sethostname(2)).
  public static func setName(_ name: String) throws(Errno) {
    try syscall { unsafe sethostname(name, name.utf8.count) }
  }

  /// Makes ctrl-alt-del send SIGINT to PID 1 instead of rebooting the machine (RB_DISABLE_CAD, reboot(2)).
  public static func disableControlAltDelete() throws(Errno) {
    try syscall { reboot(Int32(bitPattern: UInt32(RB_DISABLE_CAD))) }
  }

  public enum End: Sendable { case restart, powerOff }

  /// Restarts or powers off the machine at once, without flushing or unmounting. Returns only by throwing.
  public static func end(_ end: End) throws(Errno) {
    let command = end == .restart ? UInt32(RB_AUTOBOOT) : UInt32(RB_POWER_OFF)
    try syscall { reboot(Int32(bitPattern: command)) }
  }

  /// Flushes all file systems (sync(2)).
  public static func flush() { sync() }

  /// Loads an uncompressed kernel module (finit_module(2)). The kernel checks its signature.
  public static func loadModule(_ path: String, parameters: String = "") throws(Errno) {
    let file = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0) })
    let number = file.number
    try syscall { unsafe clinux_load_module(number, parameters) }
  }

  /// EEXIST: what `loadModule` throws for a module that is loaded.
  public static let alreadyLoaded = Errno.fileExists
}

/// Returns whether a shell pattern (`*`, `?`, `[…]`) matches (fnmatch(3)).
public func matches(pattern: String, _ text: String) -> Bool {
  unsafe fnmatch(pattern, text, 0) == 0
}
