// The system calls of a scanning box as data: what is allowed and why. docs/design/confinement.md shows it.
import Kernel

/// Three answers, decided like this:
/// - *allowed*: the loops, the spool, the C library or the Swift runtime make the call to scan;
/// - *refused*: a call with an answer of its own, EPERM for what the proof of the drop tries;
/// - *fatal* (SIGSYS for the whole process): everything else, and an allowed call with other arguments.
///   Nothing here ever makes one, so whoever does has taken over the process.
///
/// The binary is static, so it is this C library's calls that count and no other's. A new version of it, or
/// of the Swift runtime, may need others: `ServeTests/SystemCallTests` then says which.
public enum SystemCallTable {
  /// The lines of the list; some name the process that makes the call.
  public static func rules(inProcess process: Int32) -> [SystemCallRule] {
    packets + waiting + files + directories + memory + threads + facts + ending(process) + refused
  }

  /// From the most frequent on: what stands first in the filter is found first. A call that is allowed whatever
  /// its arguments costs nothing either way, for the kernel remembers it (Linux 5.11).
  static let frequent = [
    "bpf", "sendto", "recvmsg", "clock_nanosleep", "poll", "write", "read", "futex",
  ]

  // MARK: Packets

  static let packets = [
    SystemCallRule(
      "bpf", "counters of the BPF programs", "BPF_MAP_LOOKUP_ELEM", [.equals(0, 1)]),
    SystemCallRule(
      "bpf", "the in-kernel generator: each call sends a batch", "BPF_PROG_TEST_RUN", [.equals(0, 10)]),
    SystemCallRule(
      "sendto", "wakes an AF_XDP or AF_PACKET ring, which holds the frames",
      "no data, no address, MSG_DONTWAIT", [.equals(2, 0), .equals(3, 0x40), .equals(4, 0)]),
    SystemCallRule(
      "sendto", "ARP requests, on a socket that is bound to the interface",
      "no flags, no address", [.equals(3, 0), .equals(4, 0)]),
    SystemCallRule("recvfrom", "ARP answers"),
    SystemCallRule(
      "recvmsg", "frames of packet capture", "MSG_DONTWAIT|MSG_TRUNC", [.equals(2, 0x60)]),
    SystemCallRule(
      "recvmsg", "libnl asks for the length of rtnetlink's answer", "MSG_PEEK|MSG_TRUNC",
      [.equals(2, 0x22)]),
    SystemCallRule("recvmsg", "rtnetlink's answer", "no flags", [.equals(2, 0)]),
    SystemCallRule(
      "sendmsg", "libnl asks rtnetlink for the link, routes and neighbours", "no flags",
      [.equals(2, 0)]),
    SystemCallRule(
      "getsockopt", "what packet capture had no room for", "SOL_PACKET, PACKET_STATISTICS",
      [.equals(1, 263), .equals(2, 6)]),
    SystemCallRule(
      "getsockopt", "libxdp asks where the rings lie to unmap them at the end",
      "SOL_XDP, XDP_MMAP_OFFSETS", [.equals(1, 283), .equals(2, 1)]),
  ]

  // MARK: Waiting

  static let waiting = [
    SystemCallRule("clock_nanosleep", "pacing, and the pauses between two looks"),
    SystemCallRule("poll", "waits for answers, signals, the spool and rtnetlink"),
    SystemCallRule(
      "restart_syscall", "the kernel makes it when a wait goes on after SIGSTOP and SIGCONT"),
    SystemCallRule(
      "clock_gettime", "clocks",
      use: .rare(
        "the vDSO reads the clock without a call, but for clock sources that it cannot read (hpet, acpi_pm)"
      )),
  ]

  // MARK: Files, which Landlock confines

  static let files = [
    SystemCallRule("openat", "target files, results, checkpoints, lists, sysfs"),
    SystemCallRule("read", "files; inotify's events; signals"),
    SystemCallRule("write", "results, answers, checkpoints, status, log, heartbeat"),
    SystemCallRule("close", "of what was opened"),
    SystemCallRule(
      "newfstatat",
      "kind, size and times of files, of symbolic links themselves and of what they lead to"),
    SystemCallRule("lseek", "reads the answers of an interrupted job from their start"),
    SystemCallRule("ftruncate", "cuts off what a failed or interrupted write has left"),
    SystemCallRule(
      "fallocate", "the status files have their room in advance", "FALLOC_FL_KEEP_SIZE", [.equals(1, 1)]
    ),
    SystemCallRule("fsync", "a checkpoint vouches for what is on the disk"),
    SystemCallRule("rename", "a job moves from directory to directory in one step"),
    SystemCallRule(
      "renameat2", "the status files are exchanged, so that a full disk takes them", "RENAME_EXCHANGE",
      [.equals(4, 2)]),
    SystemCallRule(
      "unlink", "job.json and checkpoints go when a job ends; cancellations that were met"),
    SystemCallRule(
      "fcntl", "is a file of the spool still open for writing?", "F_SETLEASE", [.equals(1, 1024)]),
  ]

  // MARK: Directories

  static let directories = [
    SystemCallRule("getdents64", "lists spool/, active/ and results/, and the tasks for the proof"),
    SystemCallRule("mkdir", "the directory of a job"),
    SystemCallRule("rmdir", "the directory of a job whose file went before it was moved"),
    SystemCallRule("unlinkat", "fetched results make room"),
    SystemCallRule("statfs", "how full the disk is"),
    SystemCallRule("access", "may the box's user work in the data directory and read the lists?"),
  ]

  // MARK: Memory

  static let memory = [
    SystemCallRule(
      "mmap", "large allocations, arenas and thread stacks, never files, never executable",
      "MAP_ANONYMOUS, not PROT_EXEC", [.has(3, 0x20), .lacks(2, 4)]),
    SystemCallRule("munmap", "gives them back; rings at the end"),
    SystemCallRule(
      "mprotect", "arenas grow; never executable", "not PROT_EXEC", [.lacks(2, 4)]),
    SystemCallRule("brk", "the first arena grows and shrinks"),
    SystemCallRule(
      "madvise", "arenas and the stacks of ended threads give back their pages", "MADV_DONTNEED",
      [.equals(2, 4)]),
  ]

  // MARK: Threads

  static let threads = [
    SystemCallRule(
      "clone", "a thread of this process, never another process", "pthread_create(3)'s flags alone",
      [.equals(0, 0x3d0f00)]),
    SystemCallRule("set_robust_list", "each new thread"),
    SystemCallRule("rseq", "each new thread; the C library reads the processor's number through it"),
    SystemCallRule(
      "prctl", "threads have names", "PR_SET_NAME", [.equals(0, 15)]),
    SystemCallRule("prctl", "pacing to the microsecond", "PR_SET_TIMERSLACK", [.equals(0, 29)]),
    SystemCallRule("sched_setaffinity", "a sending thread is pinned to its processor"),
    SystemCallRule("sched_getaffinity", "the processors that may be used"),
    SystemCallRule("exit", "the end of a thread"),
    SystemCallRule(
      "futex", "pthread_join(3)", "FUTEX_WAIT_BITSET", [.masked(1, futexCommand, 9)]),
    SystemCallRule(
      "futex", "wakes who waits for a lock of the C library's", "FUTEX_WAKE",
      [.masked(1, futexCommand, 1)],
      use: .rare("two threads that want the allocator's arena or a lazily made value at once")),
    SystemCallRule(
      "futex", "waits for a lock of the C library's", "FUTEX_WAIT", [.masked(1, futexCommand, 0)],
      use: .rare("two threads that want the allocator's arena or a lazily made value at once")),
    SystemCallRule(
      "futex", "Swift's Mutex waits", "FUTEX_LOCK_PI", [.masked(1, futexCommand, 6)],
      use: .rare("two threads that want the same Mutex at once")),
    SystemCallRule(
      "futex", "Swift's Mutex lets others in", "FUTEX_UNLOCK_PI", [.masked(1, futexCommand, 7)],
      use: .rare("two threads that want the same Mutex at once")),
  ]

  /// All but FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
  private static let futexCommand: UInt64 = ~0x180

  // MARK: Facts

  static let facts = [
    SystemCallRule("getpid", "status.json names the process"),
    SystemCallRule("gettid", "Swift's lazily made values and its Mutex name their owner by it"),
    SystemCallRule("getrandom", "the key of a scan, the seed of a job"),
    SystemCallRule("geteuid", "as whom the box may not read a target file, for reason.txt"),
    SystemCallRule("getegid", "the same"),
    SystemCallRule("getrusage", "processor time, for the summary"),
  ]

  // MARK: Signals and the end

  static func ending(_ process: Int32) -> [SystemCallRule] {
    [
      SystemCallRule("rt_sigprocmask", "a new thread begins with all signals blocked; abort(3)"),
      SystemCallRule(
        "rt_sigaction", "the C library's own signal, with the first thread", "SIGSETXID",
        [.equals(0, 33)]),
      SystemCallRule(
        "rt_sigaction", "who writes to a file under a lease raises it; it is ignored", "SIGIO",
        [.equals(0, 29)]),
      SystemCallRule("exit_group", "the end of the process"),
      SystemCallRule(
        "tgkill", "abort(3)", "SIGABRT to this process",
        [.equals(0, UInt64(process)), .equals(2, 6)],
        use: .rare("the C library finds its heap damaged")),
      SystemCallRule(
        "writev", "the C library says why it aborts", "to standard error", [.equals(0, 2)],
        use: .rare("the C library finds its heap damaged")),
    ]
  }

  // MARK: Answers of their own

  static let refused = [
    SystemCallRule(
      "clone3",
      "its flags lie in memory that a filter cannot see; ENOSYS makes the C library use clone",
      action: .refuse(Errno(38))),
    SystemCallRule(
      "socket", "the proof of the drop tries to open two; every other was opened before",
      action: .refuse(.permission)),
  ]
}
