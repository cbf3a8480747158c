// Memory that is never written to swap (mlockall(2)), and its limit.
import CLinux

/// Lifts RLIMIT_MEMLOCK where CAP_SYS_RESOURCE permits; otherwise it stays, and a call that needs more
/// will fail with a reason. AF_XDP counts its frames against it, too.
public func raiseMemoryLockLimit() {
  var limit = rlimit(rlim_cur: .max, rlim_max: .max)
  _ = unsafe setrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit)
}

/// Locks all memory of this process, and what it will ever have: keys reach no disk, and no page of the
/// program has to be read again. What is mapped now is made present at once; what comes later, a thread's stack
/// or an arena, page by page as it is used, for most of it never is.
///
/// Throws a `Fault` where the limit of locked memory is not lifted, and locks nothing then: an allocation above
/// it, or the growth of a stack, would fail later, in the middle of a scan.
public func lockMemory() throws(Fault) {
  raiseMemoryLockLimit()
  var limit = rlimit()
  let remedy =
    "Start as root with CAP_SYS_RESOURCE, or with an unlimited RLIMIT_MEMLOCK (LimitMEMLOCK=infinity, "
    + "ulimit -l); or let the configuration of `synbox serve` say lock-memory = \"wanted\""
  guard unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0,
    limit.rlim_cur == .max
  else {
    throw Fault(
      "cannot lock the memory of this process",
      detail: "it may lock \(limit.rlim_cur / 1024) KiB, and none of what comes later may fail",
      remedy: remedy)
  }
  do throws(Errno) {
    try syscall { mlockall(MCL_CURRENT) }
    try syscall { mlockall(MCL_FUTURE | MCL_ONFAULT) }
  } catch {
    throw Fault("cannot lock the memory of this process", cause: error, remedy: remedy)
  }
}

/// No memory image of this process is ever written, nor may processes of the same user look into it: no core
/// file (RLIMIT_CORE), and not dumpable (PR_SET_DUMPABLE, prctl(2)). Call it after the user was changed, which
/// sets the second anew.
public func forbidMemoryImages() throws(Fault) {
  var none = rlimit(rlim_cur: 0, rlim_max: 0)
  do throws(Errno) {
    try syscall { unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) }
    try syscall { clinux_prctl(PR_SET_DUMPABLE, 0, 0) }
  } catch {
    throw Fault("cannot forbid core files", cause: error)
  }
}
