// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The constants that rules for system calls compare arguments with, by the kernel's names.
import CLinux

extension UInt64 {
  // bpf(2)
  package static let BPF_MAP_LOOKUP_ELEM = UInt64(CLinux.BPF_MAP_LOOKUP_ELEM.rawValue)
  package static let BPF_PROG_TEST_RUN = UInt64(CLinux.BPF_PROG_TEST_RUN.rawValue)

  // Sockets: send(2), recv(2), packet(7), linux/if_xdp.h
  package static let MSG_DONTWAIT = UInt64(CLinux.MSG_DONTWAIT)
  package static let MSG_PEEK = UInt64(CLinux.MSG_PEEK)
  package static let MSG_TRUNC = UInt64(CLinux.MSG_TRUNC)
  package static let SOL_PACKET = UInt64(CLinux.SOL_PACKET)
  package static let PACKET_STATISTICS = UInt64(CLinux.PACKET_STATISTICS)
  package static let SOL_XDP = UInt64(CLinux.SOL_XDP)
  package static let XDP_MMAP_OFFSETS = UInt64(CLinux.XDP_MMAP_OFFSETS)

  // Services: tcp(7), socket(7), open(2), rename(2), madvise(2), signal(7)
  package static let AF_UNIX = UInt64(CLinux.AF_UNIX)
  package static let AF_INET = UInt64(CLinux.AF_INET)
  package static let AF_INET6 = UInt64(CLinux.AF_INET6)
  package static let AF_PACKET = UInt64(CLinux.AF_PACKET)
  package static let SOCK_STREAM: UInt64 = 1
  package static let IPPROTO_TCP: UInt64 = 6
  package static let TCP_NODELAY: UInt64 = 1
  package static let SOL_SOCKET = UInt64(CLinux.SOL_SOCKET)
  package static let SO_ERROR = UInt64(CLinux.SO_ERROR)
  /// O_WRONLY, O_RDWR, O_CREAT, O_TRUNC.
  package static let openForWriting = UInt64(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
  package static let RENAME_NOREPLACE: UInt64 = 1
  package static let MADV_WIPEONFORK: UInt64 = 18
  package static let SIGPIPE = UInt64(CLinux.SIGPIPE)

  // Files: fallocate(2), rename(2), fcntl(2). All but STDERR are declared for _GNU_SOURCE only.
  package static let FALLOC_FL_KEEP_SIZE: UInt64 = 1
  package static let RENAME_EXCHANGE: UInt64 = 2
  package static let F_SETLEASE = UInt64(clinux_set_lease)
  package static let F_GETFL = UInt64(CLinux.F_GETFL)
  package static let F_SETFL = UInt64(CLinux.F_SETFL)
  package static let F_SETFD = UInt64(CLinux.F_SETFD)
  package static let STDERR = UInt64(STDERR_FILENO)

  // Memory: mmap(2), madvise(2)
  package static let MAP_ANONYMOUS = UInt64(CLinux.MAP_ANONYMOUS)
  package static let PROT_EXEC = UInt64(CLinux.PROT_EXEC)
  package static let MADV_DONTNEED = UInt64(CLinux.MADV_DONTNEED)

  // prctl(2)
  package static let PR_SET_NAME = UInt64(CLinux.PR_SET_NAME)
  package static let PR_SET_TIMERSLACK = UInt64(CLinux.PR_SET_TIMERSLACK)

  // futex(2), linux/futex.h
  package static let FUTEX_WAIT: UInt64 = 0
  package static let FUTEX_WAKE: UInt64 = 1
  package static let FUTEX_LOCK_PI: UInt64 = 6
  package static let FUTEX_UNLOCK_PI: UInt64 = 7
  package static let FUTEX_WAIT_BITSET: UInt64 = 9
  package static let FUTEX_PRIVATE_FLAG: UInt64 = 128
  package static let FUTEX_CLOCK_REALTIME: UInt64 = 256

  /// The flags of pthread_create(3): CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD, CLONE_SYSVSEM,
  /// CLONE_SETTLS, CLONE_PARENT_SETTID and CLONE_CHILD_CLEARTID (linux/sched.h).
  package static let PTHREAD_CREATE_FLAGS: UInt64 =
    0x100 | 0x200 | 0x400 | 0x800 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x10_0000 | 0x20_0000

  // signal(7). SIGSETXID is glibc's own signal (nptl(7)).
  package static let SIGABRT = UInt64(CLinux.SIGABRT)
  package static let SIGIO = UInt64(CLinux.SIGIO)
  package static let SIGSETXID: UInt64 = 33
}
