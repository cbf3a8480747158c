// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The capabilities by the kernel's names, so that they can be looked up in capabilities(7).

extension CapabilitySet {
  public static let CAP_CHOWN = CapabilitySet(bit: 0)
  public static let CAP_DAC_OVERRIDE = CapabilitySet(bit: 1)
  public static let CAP_DAC_READ_SEARCH = CapabilitySet(bit: 2)
  public static let CAP_FOWNER = CapabilitySet(bit: 3)
  public static let CAP_FSETID = CapabilitySet(bit: 4)
  public static let CAP_KILL = CapabilitySet(bit: 5)
  public static let CAP_SETGID = CapabilitySet(bit: 6)
  public static let CAP_SETUID = CapabilitySet(bit: 7)
  public static let CAP_SETPCAP = CapabilitySet(bit: 8)
  public static let CAP_LINUX_IMMUTABLE = CapabilitySet(bit: 9)
  public static let CAP_NET_BIND_SERVICE = CapabilitySet(bit: 10)
  public static let CAP_NET_BROADCAST = CapabilitySet(bit: 11)
  public static let CAP_NET_ADMIN = CapabilitySet(bit: 12)
  public static let CAP_NET_RAW = CapabilitySet(bit: 13)
  public static let CAP_IPC_LOCK = CapabilitySet(bit: 14)
  public static let CAP_IPC_OWNER = CapabilitySet(bit: 15)
  public static let CAP_SYS_MODULE = CapabilitySet(bit: 16)
  public static let CAP_SYS_RAWIO = CapabilitySet(bit: 17)
  public static let CAP_SYS_CHROOT = CapabilitySet(bit: 18)
  public static let CAP_SYS_PTRACE = CapabilitySet(bit: 19)
  public static let CAP_SYS_PACCT = CapabilitySet(bit: 20)
  public static let CAP_SYS_ADMIN = CapabilitySet(bit: 21)
  public static let CAP_SYS_BOOT = CapabilitySet(bit: 22)
  public static let CAP_SYS_NICE = CapabilitySet(bit: 23)
  public static let CAP_SYS_RESOURCE = CapabilitySet(bit: 24)
  public static let CAP_SYS_TIME = CapabilitySet(bit: 25)
  public static let CAP_SYS_TTY_CONFIG = CapabilitySet(bit: 26)
  public static let CAP_MKNOD = CapabilitySet(bit: 27)
  public static let CAP_LEASE = CapabilitySet(bit: 28)
  public static let CAP_AUDIT_WRITE = CapabilitySet(bit: 29)
  public static let CAP_AUDIT_CONTROL = CapabilitySet(bit: 30)
  public static let CAP_SETFCAP = CapabilitySet(bit: 31)
  public static let CAP_MAC_OVERRIDE = CapabilitySet(bit: 32)
  public static let CAP_MAC_ADMIN = CapabilitySet(bit: 33)
  public static let CAP_SYSLOG = CapabilitySet(bit: 34)
  public static let CAP_WAKE_ALARM = CapabilitySet(bit: 35)
  public static let CAP_BLOCK_SUSPEND = CapabilitySet(bit: 36)
  public static let CAP_AUDIT_READ = CapabilitySet(bit: 37)
  public static let CAP_PERFMON = CapabilitySet(bit: 38)
  public static let CAP_BPF = CapabilitySet(bit: 39)
  public static let CAP_CHECKPOINT_RESTORE = CapabilitySet(bit: 40)

  /// Every capability with its name, in the order of linux/capability.h.
  public static let named: [(name: String, capability: CapabilitySet)] = [
    ("CAP_CHOWN", CAP_CHOWN),
    ("CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE),
    ("CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH),
    ("CAP_FOWNER", CAP_FOWNER),
    ("CAP_FSETID", CAP_FSETID),
    ("CAP_KILL", CAP_KILL),
    ("CAP_SETGID", CAP_SETGID),
    ("CAP_SETUID", CAP_SETUID),
    ("CAP_SETPCAP", CAP_SETPCAP),
    ("CAP_LINUX_IMMUTABLE", CAP_LINUX_IMMUTABLE),
    ("CAP_NET_BIND_SERVICE", CAP_NET_BIND_SERVICE),
    ("CAP_NET_BROADCAST", CAP_NET_BROADCAST),
    ("CAP_NET_ADMIN", CAP_NET_ADMIN),
    ("CAP_NET_RAW", CAP_NET_RAW),
    ("CAP_IPC_LOCK", CAP_IPC_LOCK),
    ("CAP_IPC_OWNER", CAP_IPC_OWNER),
    ("CAP_SYS_MODULE", CAP_SYS_MODULE),
    ("CAP_SYS_RAWIO", CAP_SYS_RAWIO),
    ("CAP_SYS_CHROOT", CAP_SYS_CHROOT),
    ("CAP_SYS_PTRACE", CAP_SYS_PTRACE),
    ("CAP_SYS_PACCT", CAP_SYS_PACCT),
    ("CAP_SYS_ADMIN", CAP_SYS_ADMIN),
    ("CAP_SYS_BOOT", CAP_SYS_BOOT),
    ("CAP_SYS_NICE", CAP_SYS_NICE),
    ("CAP_SYS_RESOURCE", CAP_SYS_RESOURCE),
    ("CAP_SYS_TIME", CAP_SYS_TIME),
    ("CAP_SYS_TTY_CONFIG", CAP_SYS_TTY_CONFIG),
    ("CAP_MKNOD", CAP_MKNOD),
    ("CAP_LEASE", CAP_LEASE),
    ("CAP_AUDIT_WRITE", CAP_AUDIT_WRITE),
    ("CAP_AUDIT_CONTROL", CAP_AUDIT_CONTROL),
    ("CAP_SETFCAP", CAP_SETFCAP),
    ("CAP_MAC_OVERRIDE", CAP_MAC_OVERRIDE),
    ("CAP_MAC_ADMIN", CAP_MAC_ADMIN),
    ("CAP_SYSLOG", CAP_SYSLOG),
    ("CAP_WAKE_ALARM", CAP_WAKE_ALARM),
    ("CAP_BLOCK_SUSPEND", CAP_BLOCK_SUSPEND),
    ("CAP_AUDIT_READ", CAP_AUDIT_READ),
    ("CAP_PERFMON", CAP_PERFMON),
    ("CAP_BPF", CAP_BPF),
    ("CAP_CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE),
  ]
}
