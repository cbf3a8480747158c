// Landlock: the files that this process may access, whatever its user may (landlock(7)).
import CLinux

/// A ruleset that is being built. Once enforced, it denies everything that no rule allows.
public struct LandlockRuleset: ~Copyable {
  /// The access that a rule allows to a path and everything beneath it.
  public enum Access: Sendable {
    case read
    case readWrite
    /// To read, and to create files, but neither to write to one nor to remove one.
    case create
    /// The same, and to move files in from where this process may write.
    case receive
    /// To read, and to start as a program.
    case execute
  }

  /// ABI 1 (Linux 5.13 to 5.18) denies every rename between directories, which the spool needs. So a kernel with ABI
  /// 1 counts as one without Landlock.
  public static let oldestABI = 2

  public let abi: Int
  private let descriptor: Descriptor
  private let handled: UInt64

  /// Returns the ABI of the running kernel; nil if Landlock is missing, disabled or too old.
  public static func kernelABI() -> Int? {
    let abi = Int(clinux_landlock_abi())
    return abi >= oldestABI ? abi : nil
  }

  /// Returns what a ruleset of ABI `abi` restricts, in words (landlock(7)).
  public static func restrictions(abi: Int) -> [String] {
    let all: [(abi: Int, what: String)] = [
      (2, "files"), (3, "truncation"), (4, "TCP bind and connect"), (5, "ioctl on devices"),
      (6, "abstract Unix sockets"), (6, "signals"),
    ]
    return all.filter { $0.abi <= abi }.map(\.what)
  }

  /// Creates a ruleset that handles every right of ABI `abi`: files, TCP bind and connect (ABI 4), abstract Unix
  /// sockets and signals to processes outside (ABI 6). ABI 7 adds none.
  public init(abi: Int) throws(Fault) {
    self.abi = abi
    let handled = Rights.handled(abi: abi)
    let network = abi >= 4 ? Rights.bindTCP | Rights.connectTCP : 0
    let scopes = abi >= 6 ? Rights.abstractUnixSocketScope | Rights.signalScope : 0
    do throws(Errno) {
      let number = try syscall { clinux_landlock_create(handled, network, scopes) }
      descriptor = Descriptor(owning: number)
    } catch {
      throw Fault("cannot create a Landlock ruleset of ABI \(abi)", cause: error)
    }
    self.handled = handled
  }

  /// Allows `access` to `path`, a file or a directory with everything beneath it.
  ///
  /// A rule applies to an inode, so the path must exist. Do not use this for /proc: the kernel recreates its inodes
  /// when it shrinks its caches, and the rule is lost.
  public borrowing func allow(_ access: Access, _ path: String) throws(Fault) {
    do throws(Errno) {
      let file = Descriptor(
        owning: try syscall { unsafe clinux_open(path, clinux_o_path | O_CLOEXEC, 0) })
      try allow(access, beneath: file)
    } catch {
      throw Fault("cannot add a Landlock rule for \(path)", cause: error)
    }
  }

  /// Allows TCP connections to a port, whatever the address. Before ABI 4 all are allowed anyway.
  public borrowing func allowConnecting(to port: UInt16) throws(Fault) {
    guard abi >= 4 else { return }
    let ruleset = descriptor.number
    do throws(Errno) {
      try syscall { clinux_landlock_allow_port(ruleset, Rights.connectTCP, port) }
    } catch {
      throw Fault("cannot add a Landlock rule for port \(port)", cause: error)
    }
  }

  /// Allows this process to read its own /proc/PID, and no other.
  ///
  /// A rule applies to an inode, and /proc recreates a directory's inode if nobody uses it. So a descriptor of the
  /// directory stays open until the process ends.
  public borrowing func allowOwnProcess() throws(Fault) {
    do throws(Errno) {
      let directory = Descriptor(
        owning: try syscall { unsafe clinux_open("/proc/self", clinux_o_path | O_CLOEXEC, 0) })
      try allow(.read, beneath: directory)
      _ = directory.release()
    } catch {
      throw Fault("cannot add a Landlock rule for /proc/self", cause: error, remedy: "Mount /proc")
    }
  }

  private borrowing func allow(_ access: Access, beneath file: borrowing Descriptor) throws(Errno) {
    let number = file.number
    let ruleset = descriptor.number
    var about = stat()
    try syscall { unsafe fstat(number, &about) }
    let isDirectory = about.st_mode & UInt32(S_IFMT) == UInt32(S_IFDIR)
    let rights = Rights.granted(access, toDirectory: isDirectory) & handled
    try syscall { clinux_landlock_allow_beneath(ruleset, rights, number) }
  }

  /// Enforces the rules for the calling thread and all it starts. Needs no_new_privs.
  public consuming func enforce() throws(Fault) {
    let ruleset = descriptor.number
    do throws(Errno) {
      try syscall { clinux_landlock_restrict_self(ruleset) }
    } catch {
      throw Fault("cannot enforce the Landlock rules", cause: error)
    }
  }
}

/// The rights that Debian 12's linux/landlock.h lacks, and combinations.
private enum Rights {
  static let truncate: UInt64 = 1 << 14  // LANDLOCK_ACCESS_FS_TRUNCATE, ABI 3
  static let ioctlDevice: UInt64 = 1 << 15  // LANDLOCK_ACCESS_FS_IOCTL_DEV, ABI 5
  static let bindTCP: UInt64 = 1 << 0  // LANDLOCK_ACCESS_NET_BIND_TCP, ABI 4
  static let connectTCP: UInt64 = 1 << 1  // LANDLOCK_ACCESS_NET_CONNECT_TCP, ABI 4
  static let abstractUnixSocketScope: UInt64 = 1 << 0  // LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, ABI 6
  static let signalScope: UInt64 = 1 << 1  // LANDLOCK_SCOPE_SIGNAL, ABI 6

  /// Every file right of an ABI.
  static func handled(abi: Int) -> UInt64 {
    // ABI 1: all from LANDLOCK_ACCESS_FS_EXECUTE to LANDLOCK_ACCESS_FS_MAKE_SYM.
    var rights = UInt64(LANDLOCK_ACCESS_FS_MAKE_SYM) * 2 - 1
    if abi >= 2 { rights |= UInt64(LANDLOCK_ACCESS_FS_REFER) }
    if abi >= 3 { rights |= truncate }
    if abi >= 5 { rights |= ioctlDevice }
    return rights
  }

  /// Returns the rights for an access. The kernel rejects directory rights for other files (EINVAL).
  static func granted(_ access: LandlockRuleset.Access, toDirectory: Bool) -> UInt64 {
    var rights = UInt64(LANDLOCK_ACCESS_FS_READ_FILE)
    if toDirectory { rights |= UInt64(LANDLOCK_ACCESS_FS_READ_DIR) }
    if access == .execute { rights |= UInt64(LANDLOCK_ACCESS_FS_EXECUTE) }
    if toDirectory, access == .create || access == .receive {
      rights |= UInt64(LANDLOCK_ACCESS_FS_MAKE_REG)
      if access == .receive { rights |= UInt64(LANDLOCK_ACCESS_FS_REFER) }
    }
    guard access == .readWrite else { return rights }
    rights |= UInt64(LANDLOCK_ACCESS_FS_WRITE_FILE) | truncate
    guard toDirectory else { return rights }
    return rights | UInt64(LANDLOCK_ACCESS_FS_REMOVE_DIR) | UInt64(LANDLOCK_ACCESS_FS_REMOVE_FILE)
      | UInt64(LANDLOCK_ACCESS_FS_MAKE_DIR) | UInt64(LANDLOCK_ACCESS_FS_MAKE_REG)
      | UInt64(LANDLOCK_ACCESS_FS_REFER)
  }
}
