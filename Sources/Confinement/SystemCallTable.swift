// The system calls that a scanning box may make, and why, as data. docs/design/confinement.md shows the table.
import Kernel

/// Each call has one of three outcomes:
/// - *allowed*: the loops, the spool, the C library or the Swift runtime make the call during a scan;
/// - *refused*: the call fails with an error of its rule, such as EPERM for the calls that the proof of the drop
///   makes;
/// - *fatal* (SIGSYS for the process): all others, and allowed calls with other arguments. The program never makes
///   them, so whoever does has taken over the process.
///
/// The binary is static, so only the calls of its own C library matter. A new version of that or of the Swift runtime
/// may need other calls; `ServeTests/SystemCallTests` reports them.
public enum SystemCallTable {
  /// Returns the rules. Some contain the ID of the process that makes the call.
  public static func rules(inProcess process: Int32) -> [SystemCallRule] {
    packets + waiting + files + directories + memory + threads + queries + exit(of: process) + refused
  }

  /// The most frequent calls, in descending order, because the filter compares calls in the order of their priority.
  /// Calls that are allowed with any arguments cost nothing, because the kernel caches that (Linux 5.11).
  static let frequent = [
    "bpf", "sendto", "recvmsg", "clock_nanosleep", "poll", "write", "read", "futex",
  ]

  // MARK: Packets

  /// The call whose rules hold on one socket only (`ConfinementPolicy.messageSocket`).
  static let message = "sendmsg"

  static let packets = [
    SystemCallRule(
      "bpf", "reads counters of the BPF programs", "BPF_MAP_LOOKUP_ELEM",
      [.equals(0, .BPF_MAP_LOOKUP_ELEM)]),
    SystemCallRule(
      "bpf", "runs the in-kernel generator: each call sends a batch", "BPF_PROG_TEST_RUN",
      [.equals(0, .BPF_PROG_TEST_RUN)]),
    SystemCallRule(
      "sendto", "makes the kernel send the frames in an AF_XDP or AF_PACKET ring",
      "no data, no address, MSG_DONTWAIT", [.equals(2, 0), .equals(3, .MSG_DONTWAIT), .equals(4, 0)]),
    SystemCallRule(
      "sendto", "sends ARP requests, on a socket that is bound to the interface",
      "no flags, no address", [.equals(3, 0), .equals(4, 0)]),
    SystemCallRule("recvfrom", "receives ARP replies"),
    SystemCallRule(
      "recvmsg", "receives captured packets", "MSG_DONTWAIT|MSG_TRUNC",
      [.equals(2, .MSG_DONTWAIT | .MSG_TRUNC)]),
    SystemCallRule(
      "recvmsg", "reads the length of an rtnetlink reply (libnl)", "MSG_PEEK|MSG_TRUNC",
      [.equals(2, .MSG_PEEK | .MSG_TRUNC)]),
    SystemCallRule("recvmsg", "receives rtnetlink replies", "no flags", [.equals(2, 0)]),
    SystemCallRule(
      "sendmsg", "requests the link, routes and neighbours from rtnetlink (libnl)",
      "no flags, on the rtnetlink socket",
      [.equals(2, 0)]),
    SystemCallRule(
      "getsockopt", "reads the number of packets that packet capture dropped",
      "SOL_PACKET, PACKET_STATISTICS", [.equals(1, .SOL_PACKET), .equals(2, .PACKET_STATISTICS)]),
    SystemCallRule(
      "getsockopt", "reads the offsets of the rings, to unmap them at the end (libxdp)",
      "SOL_XDP, XDP_MMAP_OFFSETS", [.equals(1, .SOL_XDP), .equals(2, .XDP_MMAP_OFFSETS)]),
  ]

  // MARK: Waiting

  static let waiting = [
    SystemCallRule("clock_nanosleep", "paces probes; waits between checks"),
    SystemCallRule("poll", "waits for replies, signals, the spool and rtnetlink"),
    SystemCallRule(
      "restart_syscall", "continues a wait after SIGSTOP and SIGCONT (made by the kernel)"),
    SystemCallRule(
      "clock_gettime", "reads clocks",
      use: .rare("clock sources that the vDSO cannot read without a call (hpet, acpi_pm)")),
  ]

  // MARK: Files, which Landlock restricts

  static let files = [
    SystemCallRule("openat", "opens target files, results, checkpoints, lists and files of sysfs"),
    SystemCallRule("read", "reads files, inotify events and signals"),
    SystemCallRule("write", "writes results, the journal, checkpoints, status, log and heartbeat"),
    SystemCallRule("close", "closes files"),
    SystemCallRule("newfstatat", "reads kind, size and times of files and symbolic links"),
    SystemCallRule("lseek", "reads the journal of an interrupted job from its start"),
    SystemCallRule("ftruncate", "removes the remains of a failed or interrupted write"),
    SystemCallRule(
      "fallocate", "reserves disk space for the status files", "FALLOC_FL_KEEP_SIZE",
      [.equals(1, .FALLOC_FL_KEEP_SIZE)]),
    SystemCallRule("fsync", "flushes files before a checkpoint refers to them"),
    SystemCallRule("rename", "moves a job from directory to directory atomically"),
    SystemCallRule(
      "renameat2", "exchanges the status files, which also works on a full disk", "RENAME_EXCHANGE",
      [.equals(4, .RENAME_EXCHANGE)]),
    SystemCallRule(
      "unlink", "removes job.json and checkpoints when a job ends, and handled cancel files"),
    SystemCallRule(
      "fcntl", "finds out whether a file in the spool is still open for writing", "F_SETLEASE",
      [.equals(1, .F_SETLEASE)]),
  ]

  // MARK: Directories

  static let directories = [
    SystemCallRule("getdents64", "lists spool/, active/ and results/, and threads for the proof"),
    SystemCallRule("mkdir", "creates the directory of a job"),
    SystemCallRule("rmdir", "removes the directory of a job whose file vanished before the claim"),
    SystemCallRule("unlinkat", "removes fetched results to free space"),
    SystemCallRule("statfs", "reads the free space of the disk"),
    SystemCallRule("access", "checks permissions on the data directory and the lists"),
  ]

  // MARK: Memory

  static let memory = [
    SystemCallRule(
      "mmap", "allocates large blocks, arenas and thread stacks; never files, never executable",
      "MAP_ANONYMOUS, not PROT_EXEC", [.has(3, .MAP_ANONYMOUS), .lacks(2, .PROT_EXEC)]),
    SystemCallRule("munmap", "frees those, and the rings at the end"),
    SystemCallRule(
      "mprotect", "grows arenas; never executable", "not PROT_EXEC", [.lacks(2, .PROT_EXEC)]),
    SystemCallRule("brk", "grows and shrinks the first arena"),
    SystemCallRule(
      "madvise", "frees pages of arenas and of the stacks of ended threads", "MADV_DONTNEED",
      [.equals(2, .MADV_DONTNEED)]),
  ]

  // MARK: Threads

  static let threads = [
    SystemCallRule(
      "clone", "creates a thread of this process, never a process",
      "only the flags of pthread_create(3)",
      [.equals(0, .PTHREAD_CREATE_FLAGS)]),
    SystemCallRule("set_robust_list", "initialises a thread"),
    SystemCallRule(
      "rseq", "initialises a thread: the C library reads the processor's number through it"),
    SystemCallRule("prctl", "names threads", "PR_SET_NAME", [.equals(0, .PR_SET_NAME)]),
    SystemCallRule(
      "prctl", "makes pacing precise to the microsecond", "PR_SET_TIMERSLACK",
      [.equals(0, .PR_SET_TIMERSLACK)]),
    SystemCallRule("sched_setaffinity", "pins a sender to its processor"),
    SystemCallRule("exit", "ends a thread"),
    SystemCallRule(
      "futex", "waits for the end of a thread (pthread_join(3))", "FUTEX_WAIT_BITSET",
      [.masked(1, futexCommand, .FUTEX_WAIT_BITSET)]),
    SystemCallRule(
      "futex", "releases a lock of the C library", "FUTEX_WAKE",
      [.masked(1, futexCommand, .FUTEX_WAKE)],
      use: .rare("two threads use an allocator's arena or a lazily initialised value at once")),
    SystemCallRule(
      "futex", "waits for a lock of the C library", "FUTEX_WAIT",
      [.masked(1, futexCommand, .FUTEX_WAIT)],
      use: .rare("two threads use an allocator's arena or a lazily initialised value at once")),
    SystemCallRule(
      "futex", "waits for a Swift Mutex", "FUTEX_LOCK_PI", [.masked(1, futexCommand, .FUTEX_LOCK_PI)],
      use: .rare("two threads lock a Mutex at once")),
    SystemCallRule(
      "futex", "releases a Swift Mutex", "FUTEX_UNLOCK_PI",
      [.masked(1, futexCommand, .FUTEX_UNLOCK_PI)], use: .rare("two threads lock a Mutex at once")),
  ]

  /// A mask without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
  private static let futexCommand = ~(UInt64.FUTEX_PRIVATE_FLAG | .FUTEX_CLOCK_REALTIME)

  // MARK: Queries

  static let queries = [
    SystemCallRule("getpid", "names the process in status.json"),
    SystemCallRule("gettid", "names the owner of a Swift Mutex or lazily initialised value"),
    SystemCallRule("getrandom", "makes the key of a scan and the seed of a job"),
    SystemCallRule("geteuid", "names the box's user in reason.txt if it may not read a target file"),
    SystemCallRule("getegid", "names the box's group in reason.txt"),
    SystemCallRule("getrusage", "reads the processor time for the summary"),
  ]

  // MARK: Signals and exit

  static func exit(of process: Int32) -> [SystemCallRule] {
    [
      SystemCallRule("rt_sigprocmask", "blocks signals while a thread starts, and in abort(3)"),
      SystemCallRule(
        "rt_sigaction", "installs the C library's own handler, with the first thread", "SIGSETXID",
        [.equals(0, .SIGSETXID)]),
      SystemCallRule(
        "rt_sigaction", "ignores the signal of a process that writes to a file under a lease", "SIGIO",
        [.equals(0, .SIGIO)]),
      SystemCallRule("exit_group", "ends the process"),
      SystemCallRule(
        "tgkill", "ends the process in abort(3)", "SIGABRT to this process",
        [.equals(0, UInt64(process)), .equals(2, .SIGABRT)],
        use: .rare("the C library finds its heap corrupted")),
      SystemCallRule(
        "writev", "prints why the C library aborts", "to standard error", [.equals(0, .STDERR)],
        use: .rare("the C library finds its heap corrupted")),
    ]
  }

  // MARK: Refused calls

  /// The same for every service.
  package static let refused = [
    SystemCallRule(
      "clone3",
      "its flags are in memory that a filter cannot see; ENOSYS makes the C library use clone",
      action: .refuse(.noFunction)),
    SystemCallRule(
      "socket", "the proof of the drop tries to open two; all others are opened before the drop",
      action: .refuse(.notPermitted)),
  ]
}
