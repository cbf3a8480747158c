// The system calls of a scanning box as data: what is allowed and why, what is refused and why.
import Kernel

/// One line of the list of allowed calls.
public struct SystemCallRule: Hashable, Sendable {
  public let name: String
  public let reason: String
  public let arguments: [SeccompFilter.Argument]
  public let action: SeccompFilter.Action
}

/// A call that is expected now and then, harmless as a failure, and answered with EPERM.
public struct RefusedSystemCall: Hashable, Sendable {
  public let name: String
  public let reason: String
}

/// Three answers, decided like this:
/// - *allowed*: the loops, the spool or the Swift runtime need it to scan;
/// - *refused* (EPERM): a library or the runtime may try it in good faith and can live without, or the
///   proof of the drop tries it; also an allowed call with arguments that are not on the list;
/// - *fatal* (SIGSYS for the whole process): everything else. Nothing here ever calls execve, ptrace,
///   mount, unshare or keyctl; whoever does has taken over the process. A fork(3) in glibc is a clone
///   without CLONE_THREAD and so refused.
public enum SystemCallTable {
  /// The allowed calls; some name the process that makes them.
  public static func allowed(inProcess process: Int32) -> [SystemCallRule] {
    plain(files, "files: results, checkpoints, the spool; Landlock says which")
      + plain(memory, "memory of the allocator and of thread stacks")
      + plain(threads, "threads, and the locks between them")
      + plain(signals, "signals, and the return from their handlers")
      + plain(time, "clocks, pacing, waiting")
      + plain(events, "waiting for the spool, for signals and for the event ring")
      + plain(packets, "sending and receiving on sockets that are open already")
      + plain(facts, "harmless facts about this process and the machine")
      + withArguments(process: process)
  }

  static let files = """
    read write readv writev pread64 pwrite64 preadv pwritev open openat openat2 creat close
    close_range fsync fdatasync sync_file_range lseek ftruncate fallocate fadvise64 rename renameat
    renameat2 unlink unlinkat rmdir mkdir mkdirat getdents64 stat lstat fstat newfstatat statx statfs
    fstatfs access faccessat faccessat2 readlink readlinkat getcwd umask flock dup dup2 dup3
    """
  static let memory = "munmap madvise mremap brk msync"
  static let threads = """
    futex futex_waitv set_robust_list get_robust_list rseq set_tid_address exit exit_group
    sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler
    sched_get_priority_min sched_get_priority_max membarrier gettid getcpu
    """
  static let signals = """
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait rt_sigpending rt_sigsuspend sigaltstack
    pause restart_syscall
    """
  static let time = """
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times
    timerfd_create timerfd_settime timerfd_gettime
    """
  static let events = """
    epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll select
    pselect6 eventfd eventfd2 signalfd4 inotify_init1 inotify_add_watch inotify_rm_watch pipe2
    """
  static let packets = "sendto sendmsg recvfrom recvmsg recvmmsg getsockopt"
  static let facts = """
    getpid getppid getuid geteuid getgid getegid getresuid getresgid getgroups capget uname sysinfo
    getrandom getrusage
    """

  /// What must not be fatal but has no place in a scan.
  public static let refused: [RefusedSystemCall] =
    refusals("socket socketpair", "the proof of the drop; syslog and name lookups in the libc")
    + refusals(
      "bind connect listen accept accept4 setsockopt shutdown getsockname getpeername",
      "every socket was opened and set up before the drop")
    + refusals("chroot", "the proof of the drop")
    + refusals(
      "chmod fchmod fchmodat chown fchown lchown fchownat utimensat setxattr fsetxattr lsetxattr",
      "Landlock does not cover these, and a result's mode is right from its creation")
    + refusals(
      "link linkat symlink symlinkat mknod mknodat chdir fchdir truncate",
      "a file is made by open and moved by rename, nothing else")
    + refusals("memfd_create io_uring_setup userfaultfd", "libraries try them and go on without")
    + refusals(
      "mlock mlock2 mlockall munlock munlockall mbind get_mempolicy set_mempolicy pkey_mprotect",
      "memory was placed before the drop; pkey_mprotect could make it executable")
    + refusals(
      "sched_setscheduler sched_setparam sched_setattr getpriority setpriority ioprio_set",
      "thread libraries try to change priorities; that was settled before the drop")
    + refusals(
      "setuid setgid setreuid setregid setresuid setresgid setgroups capset setrlimit seccomp",
      "who we are and what we may is settled; seccomp itself loads the second filter, once")
    + refusals("kill tkill rt_sigqueueinfo rt_tgsigqueueinfo", "no other process is our business")

  private static func plain(_ names: String, _ reason: String) -> [SystemCallRule] {
    words(names).map { SystemCallRule(name: $0, reason: reason, arguments: [], action: .allow) }
  }

  private static func refusals(_ names: String, _ reason: String) -> [RefusedSystemCall] {
    words(names).map { RefusedSystemCall(name: $0, reason: reason) }
  }

  private static func words(_ text: String) -> [String] {
    text.split(whereSeparator: \.isWhitespace).map(String.init)
  }
}
