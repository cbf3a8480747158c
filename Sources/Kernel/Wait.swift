// Waiting for descriptors, with a timeout.
import CLinux

/// Returns whether `descriptor` becomes readable within `milliseconds`, or has an error, which a read will report.
public func waitReadable(_ descriptor: Int32, milliseconds: Int) -> Bool {
  let deadline = Int(Clock.monotonic / 1_000_000) + max(0, milliseconds)
  var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  while true {
    let remaining = Int32(clamping: max(0, deadline - Int(Clock.monotonic / 1_000_000)))
    let count = unsafe poll(&entry, 1, remaining)
    if count > 0 { return true }
    if count == 0 || Errno.last.number != EINTR { return false }
  }
}

/// Waits until one of `descriptors` is readable or has an error, for at most `milliseconds`.
public func waitForAny(_ descriptors: [Int32], milliseconds: Int) {
  var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  _ = unsafe poll(&entries, nfds_t(entries.count), Int32(clamping: milliseconds))
}

/// Sleeps. A signal may end it early, so callers check their own deadline.
public func pause(milliseconds: Int) {
  _ = usleep(UInt32(clamping: milliseconds * 1_000))
}
