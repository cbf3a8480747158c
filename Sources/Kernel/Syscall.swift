// How every system call is made: errno read at once, EINTR retried, our own bugs trapped.
import CLinux

/// Runs `call` until it is not interrupted; its result, or the errno it set.
///
/// EBADF and EFAULT mean that this program handed the kernel a dead descriptor or a bad pointer: there
/// is no honest way on from there, so they trap.
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

/// As `syscall`, for a call that may not be ready: `nil` instead of EAGAIN.
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
