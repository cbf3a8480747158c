// The system calls of every service that is built on SwiftNIO and BoringSSL: memory, threads and the end. Each service's table
// adds its network and its files.
import Confinement
import Kernel

public enum ServiceSystemCalls {
  public static func rules(inProcess process: Int32) -> [SystemCallRule] {
    waiting + descriptors + memory + threads + exit(of: process)
  }

  private static let waiting = [
    SystemCallRule("epoll_wait", "waits for connections and their data"),
    SystemCallRule("epoll_ctl", "says what to wait for"),
    SystemCallRule("epoll_create", "opens the event loop's own descriptors, at the start"),
    SystemCallRule("eventfd2", "wakes the event loop from another thread"),
    SystemCallRule("timerfd_create", "opens the event loop's timer, at the start"),
    SystemCallRule("timerfd_settime", "sets the timer"),
    SystemCallRule("poll", "waits for signals"),
    SystemCallRule(
      "clock_nanosleep", "waits for what is on its way at the end",
      use: .rare("a connection is open, or the disk is slow, at the end")),
    SystemCallRule(
      "restart_syscall", "continues a wait after SIGSTOP and SIGCONT (made by the kernel)",
      use: .rare("somebody stops the process")),
    SystemCallRule(
      "clock_gettime", "reads clocks",
      use: .rare("clock sources that the vDSO cannot read without a call (hpet, acpi_pm)")),
  ]

  private static let descriptors = [
    SystemCallRule("close", "closes connections and files"),
    SystemCallRule(
      "fcntl", "reads the flags of sockets and directories", "F_GETFL", [.equals(1, .F_GETFL)]),
    SystemCallRule(
      "fcntl", "makes directories close-on-exec", "F_SETFD", [.equals(1, .F_SETFD)]),
  ]

  private static let memory = [
    SystemCallRule(
      "mmap", "allocates large blocks, arenas and thread stacks; never files, never executable",
      "MAP_ANONYMOUS, not PROT_EXEC", [.has(3, .MAP_ANONYMOUS), .lacks(2, .PROT_EXEC)]),
    SystemCallRule("munmap", "frees those"),
    SystemCallRule(
      "mremap", "grows and shrinks large blocks",
      use: .rare("an allocation above 128 KiB changes its size")),
    SystemCallRule(
      "mprotect", "grows arenas; never executable", "not PROT_EXEC", [.lacks(2, .PROT_EXEC)]),
    SystemCallRule(
      "brk", "grows and shrinks the first arena", use: .rare("the first thread needs more memory")),
    SystemCallRule(
      "madvise", "frees pages of arenas", "MADV_DONTNEED", [.equals(2, .MADV_DONTNEED)],
      use: .rare("an arena shrinks")),
    SystemCallRule(
      "madvise", "marks the state of BoringSSL's random numbers", "MADV_WIPEONFORK",
      [.equals(2, .MADV_WIPEONFORK)]),
    SystemCallRule(
      "madvise", "tries whether the kernel refuses what it does not know (BoringSSL)", "-1",
      [.masked(2, 0xffff_ffff, 0xffff_ffff)]),
  ]

  private static let threads = [
    SystemCallRule(
      "clone", "creates a thread of this process, never a process",
      "only the flags of pthread_create(3)", [.equals(0, .PTHREAD_CREATE_FLAGS)]),
    SystemCallRule("set_robust_list", "initialises a thread"),
    SystemCallRule(
      "rseq", "initialises a thread: the C library reads the processor's number through it"),
    SystemCallRule("prctl", "names threads", "PR_SET_NAME", [.equals(0, .PR_SET_NAME)]),
    SystemCallRule("gettid", "names the owner of a Swift Mutex or lazily initialised value"),
    SystemCallRule("futex", "waits for and wakes other threads"),
    SystemCallRule("rt_sigprocmask", "blocks signals while a thread starts, and in abort(3)"),
    SystemCallRule(
      "rt_sigaction", "installs the C library's own handler, with the first thread", "SIGSETXID",
      [.equals(0, .SIGSETXID)]),
    SystemCallRule(
      "rt_sigaction", "ignores the signal of a connection that the client has closed", "SIGPIPE",
      [.equals(0, .SIGPIPE)]),
    SystemCallRule("exit", "ends a thread", use: .rare("a thread ends before the process")),
  ]

  private static func exit(of process: Int32) -> [SystemCallRule] {
    [
      SystemCallRule("getrandom", "makes keys of connections, and random names"),
      SystemCallRule(
        "getpid", "names the process in abort(3)", use: .rare("the C library finds its heap corrupted")),
      SystemCallRule("exit_group", "ends the process"),
      SystemCallRule(
        "tgkill", "ends the process in abort(3)", "SIGABRT to this process",
        [.equals(0, UInt64(process)), .equals(2, .SIGABRT)],
        use: .rare("the C library finds its heap corrupted")),
    ]
  }
}
