// The system calls that the management service may make after its drop, and why. docs/design/manage.md shows the table.
import Confinement
import Kernel

/// The list, as the scanner has one (`Confinement/SystemCallTable.swift`): every other call is fatal.
public enum ManageSystemCalls {
  public static func rules(inProcess process: Int32) -> [SystemCallRule] {
    network + files + memory + threads + exit(of: process) + refused
  }

  private static let network = [
    SystemCallRule("epoll_wait", "waits for connections and their data"),
    SystemCallRule("epoll_ctl", "says what to wait for"),
    SystemCallRule("epoll_create", "opens the event loop's own descriptors, at the start"),
    SystemCallRule("eventfd2", "wakes the event loop from another thread"),
    SystemCallRule("timerfd_create", "opens the event loop's timer, at the start"),
    SystemCallRule("timerfd_settime", "sets the timer"),
    SystemCallRule("listen", "sets how many connections may wait, on sockets that listen already"),
    SystemCallRule("accept4", "accepts a connection"),
    SystemCallRule("getsockname", "reads the own address of a connection"),
    SystemCallRule("getpeername", "reads the client's address"),
    SystemCallRule(
      "setsockopt", "sends small answers at once", "IPPROTO_TCP, TCP_NODELAY",
      [.equals(1, .IPPROTO_TCP), .equals(2, .TCP_NODELAY)]),
    SystemCallRule(
      "getsockopt", "reads why a connection failed", "SOL_SOCKET, SO_ERROR",
      [.equals(1, .SOL_SOCKET), .equals(2, .SO_ERROR)], use: .rare("a client resets a connection")),
    SystemCallRule("shutdown", "ends the sending half of a connection"),
    SystemCallRule("read", "reads connections, files, signals and wake-ups"),
    SystemCallRule("write", "writes connections, uploads, the log, wake-ups and heartbeats"),
    SystemCallRule(
      "writev", "writes several pieces to a connection, and why the C library aborts",
      use: .rare("a client reads more slowly than the disk")),
    SystemCallRule("poll", "waits for signals"),
    SystemCallRule(
      "clock_nanosleep", "waits for the last answers at the end",
      use: .rare("a connection is open at the end")),
    SystemCallRule(
      "restart_syscall", "continues a wait after SIGSTOP and SIGCONT (made by the kernel)",
      use: .rare("somebody stops the service")),
    SystemCallRule(
      "clock_gettime", "reads clocks",
      use: .rare("clock sources that the vDSO cannot read without a call (hpet, acpi_pm)")),
  ]

  private static let files = [
    SystemCallRule("openat2", "opens files beneath the data directory"),
    SystemCallRule(
      "openat", "reads the token file, and this process's status for the proof of the drop",
      "O_RDONLY, without O_CREAT", [.lacks(2, .openForWriting)]),
    SystemCallRule("close", "closes connections and files"),
    SystemCallRule("newfstatat", "reads kind, size and times of files"),
    SystemCallRule("pread64", "reads result files from the place that a client wants"),
    SystemCallRule("getdents64", "lists directories"),
    SystemCallRule("fsync", "flushes an upload and the spool before the answer"),
    SystemCallRule(
      "renameat2", "moves an upload into the spool", "RENAME_NOREPLACE", [.equals(4, .RENAME_NOREPLACE)]
    ),
    SystemCallRule("unlinkat", "removes refused uploads and old records of owners"),
    SystemCallRule("fstatfs", "reads the free space of the disk"),
    SystemCallRule(
      "fcntl", "makes accepted sockets and directories non-blocking and close-on-exec",
      "F_GETFL, F_SETFL, F_SETFD", [.masked(1, ~7, 0)]),
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
      SystemCallRule("getrandom", "makes keys of connections, sessions and names of uploads"),
      SystemCallRule(
        "getpid", "names the process in abort(3)", use: .rare("the C library finds its heap corrupted")),
      SystemCallRule("exit_group", "ends the process"),
      SystemCallRule(
        "tgkill", "ends the process in abort(3)", "SIGABRT to this process",
        [.equals(0, UInt64(process)), .equals(2, .SIGABRT)],
        use: .rare("the C library finds its heap corrupted")),
    ]
  }

  private static let refused = [
    SystemCallRule(
      "clone3",
      "its flags are in memory that a filter cannot see; ENOSYS makes the C library use clone",
      action: .refuse(.noFunction)),
    SystemCallRule(
      "socket", "the proof of the drop tries to open two; all others are opened before the drop",
      action: .refuse(.notPermitted)),
  ]
}
