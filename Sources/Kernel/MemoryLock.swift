// The limit of locked memory, which AF_XDP counts its frames against.
import CLinux

/// Lifts RLIMIT_MEMLOCK where CAP_SYS_RESOURCE permits; otherwise it stays, and a call that needs more
/// will fail with a reason.
public func raiseMemoryLockLimit() {
  var limit = rlimit(rlim_cur: .max, rlim_max: .max)
  _ = unsafe setrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit)
}
