// System calls: errno is read at once, EINTR is retried, and our own bugs trap.
import CLinux

/// Makes a system call, again if it is interrupted, and returns its result.
///
/// Traps on EBADF and EFAULT, because a closed descriptor or a bad pointer is a bug of this program.
///
/// - Throws: the errno.
@discardableResult
func syscall<Result: FixedWidthInteger & SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
  while true {
    let result = call()
    if result != -1 { return result }
    let errno = Errno.last
    if errno.number == EINTR { continue }
    precondition(errno.number != EBADF && errno.number != EFAULT, "\(errno)")
    throw errno
  }
}

/// Does the same, but returns nil instead of throwing EAGAIN.
func syscallUnlessBusy<Result: FixedWidthInteger & SignedInteger>(_ call: () -> Result)
  throws(Errno) -> Result?
{
  do throws(Errno) {
    return try syscall(call)
  } catch {
    if error.number == EAGAIN { return nil }
    throw error
  }
}
