// Locked memory, which is never written to swap (mlockall(2)), the heap, and core dumps.
import CLinux

/// Removes the limit of locked memory (RLIMIT_MEMLOCK), if CAP_SYS_RESOURCE permits. Otherwise a later call that
/// needs more fails with a reason. The frames of AF_XDP count against it, too.
public func raiseMemoryLockLimit() {
  var limit = rlimit(rlim_cur: .max, rlim_max: .max)
  _ = unsafe setrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit)
}

/// Locks all present and future memory of this process, so that keys are never written to swap. Present pages are
/// faulted in now; later ones, such as thread stacks, when they are used, because most of them never are.
///
/// - Throws: a `Fault` if locked memory is limited. Then nothing is locked, because an allocation or a growing stack
///   would fail later, during a scan.
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
      detail: "the limit is \(limit.rlim_cur / 1024) KiB, and later allocations must not fail",
      remedy: remedy)
  }
  do throws(Errno) {
    try syscall { mlockall(MCL_CURRENT) }
    try syscall { mlockall(MCL_FUTURE | MCL_ONFAULT) }
  } catch {
    throw Fault("cannot lock the memory of this process", cause: error, remedy: remedy)
  }
}

/// Lets all threads share one heap (M_ARENA_MAX, mallopt(3)), so that what one frees serves the others. Call it before any
/// thread starts.
///
/// No thread that sends or receives allocates, so none waits for another here.
public func shareHeap() { _ = mallopt(M_ARENA_MAX, 1) }

/// Disables core dumps (RLIMIT_CORE) and makes the process undumpable (PR_SET_DUMPABLE, prctl(2)), so that other
/// processes of its user cannot read its memory. Call it after switching the user, which resets the latter.
public func disableCoreDumps() throws(Fault) {
  var none = rlimit(rlim_cur: 0, rlim_max: 0)
  do throws(Errno) {
    try syscall { unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) }
    try syscall { clinux_prctl(PR_SET_DUMPABLE, 0, 0) }
  } catch {
    throw Fault("cannot disable core dumps", cause: error)
  }
}

/// Gives memory that was freed back to the kernel (malloc_trim(3)).
public func releaseFreedMemory() { _ = malloc_trim(0) }
