// Waiting for a descriptor, and the clock that bounds the wait.
import CLinux

/// CLOCK_MONOTONIC.
public enum Monotonic {
  public static var milliseconds: Int { nanoseconds / 1_000_000 }

  public static var nanoseconds: Int {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1_000_000_000 + now.tv_nsec
  }
}

/// Whether `descriptor` becomes readable, or fails (which reading then reports), within `milliseconds`.
func waitReadable(_ descriptor: Int32, milliseconds: Int) -> Bool {
  let deadline = Monotonic.milliseconds + max(0, milliseconds)
  var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  while true {
    let left = Int32(clamping: max(0, deadline - Monotonic.milliseconds))
    let count = unsafe poll(&entry, 1, left)
    if count > 0 { return true }
    if count == 0 || Errno.last.number != EINTR { return false }
  }
}

/// Sleeps. An interruption may end it early: callers loop on their own deadline.
public func pause(milliseconds: Int) {
  _ = usleep(UInt32(clamping: milliseconds * 1_000))
}
