// The allowed system calls of which only some uses are allowed, told apart by an argument.
import Kernel

extension SystemCallTable {
  /// A seccomp filter sees numbers only, never what a pointer points to.
  static func withArguments(process: Int32) -> [SystemCallRule] {
    let executable: UInt64 = 4  // PROT_EXEC
    let thread: UInt64 = 0x10000  // CLONE_THREAD
    return [
      rule("mmap", "memory and file mappings, never executable", [.lacks(2, executable)]),
      rule("mprotect", "thread stacks, never executable", [.lacks(2, executable)]),
      rule("clone", "a thread of this process, never another process", [.has(0, thread)]),
      SystemCallRule(
        name: "clone3",
        reason: "its flags lie in memory that a filter cannot see; ENOSYS makes glibc use clone",
        arguments: [], action: .refuse(Errno(38))),
      rule("tgkill", "abort(3), and signals between our threads", [.equals(0, UInt64(process))]),
      rule(
        "prlimit64", "reading our own limits, never setting them", [.equals(0, 0), .equals(2, 0)]),
      rule("ioctl", "isatty(3) and line buffering of the console (TCGETS)", [.equals(1, 0x5401)]),
    ]
      + each(
        "bpf", argument: 0,
        [
          (1, "BPF_MAP_LOOKUP_ELEM: counters"),
          (10, "BPF_PROG_TEST_RUN: the in-kernel generator's tick"),
        ])
      + each(
        "prctl", argument: 0,
        [
          (15, "PR_SET_NAME: threads have names"),
          (16, "PR_GET_NAME"),
          (29, "PR_SET_TIMERSLACK: pacing to the microsecond"),
          (0x5356_4d41, "PR_SET_VMA: newer glibc names its mappings"),
        ])
      + each(
        "fcntl", argument: 1,
        [
          (0, "F_DUPFD"), (1030, "F_DUPFD_CLOEXEC"), (1, "F_GETFD"), (2, "F_SETFD"),
          (3, "F_GETFL"), (4, "F_SETFL: O_NONBLOCK"), (5, "F_GETLK"),
          (6, "F_SETLK: one box per data directory"), (7, "F_SETLKW"), (36, "F_OFD_GETLK"),
          (37, "F_OFD_SETLK"), (38, "F_OFD_SETLKW"),
          (1024, "F_SETLEASE: is a file of the spool still open for writing?"),
        ])
  }

  private static func rule(_ name: String, _ reason: String, _ arguments: [SeccompFilter.Argument])
    -> SystemCallRule
  {
    SystemCallRule(name: name, reason: reason, arguments: arguments, action: .allow)
  }

  private static func each(_ name: String, argument: Int, _ values: [(UInt64, String)])
    -> [SystemCallRule]
  {
    values.map { rule(name, $0.1, [.equals(argument, $0.0)]) }
  }
}
