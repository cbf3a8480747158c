// The capabilities of one thread (capabilities(7)), by libcap.
import CLinux

public enum ThreadCapabilities {
  /// Gives up all capabilities of the calling thread, for good: effective, permitted and inheritable.
  /// Other threads keep theirs.
  public static func dropAll() throws(Errno) {
    guard let none = unsafe cap_init() else { throw Errno.last }
    defer { _ = unsafe cap_free(UnsafeMutableRawPointer(none)) }
    try syscall { unsafe cap_set_proc(none) }
  }
}
