// Landlock: which files this process may still reach, whoever it is (landlock(7)).
import CLinux

/// A set of rules under construction; what no rule allows is refused once it is in force.
public struct LandlockRuleset: ~Copyable {
  /// What a path and everything beneath it may be used for.
  public enum Access: Sendable { case read, readWrite }

  /// Renaming from one directory into another is refused outright by ABI 1 (Linux 5.13 to 5.18), and the
  /// spool lives on such renames; so a kernel with ABI 1 counts as one without Landlock.
  public static let oldestABI = 2

  public let abi: Int
  private let descriptor: Descriptor
  private let handled: UInt64

  /// The ABI of the running kernel; nil when it has no Landlock, or when that is switched off.
  public static func kernelABI() -> Int? {
    let abi = Int(clinux_landlock_abi())
    return abi >= oldestABI ? abi : nil
  }

  /// What a ruleset of ABI `abi` confines, in words (landlock(7)).
  public static func confines(abi: Int) -> [String] {
    let all: [(abi: Int, what: String)] = [
      (2, "files"), (3, "truncation"), (4, "TCP bind and connect"), (5, "ioctl on devices"),
      (6, "abstract Unix sockets"), (6, "signals"),
    ]
    return all.filter { $0.abi <= abi }.map(\.what)
  }

  /// Handles every right that ABI `abi` knows: files, TCP bind and connect (ABI 4), abstract Unix sockets
  /// and signals to processes outside (ABI 6). Newer ABIs, up to 7, know no others.
  public init(abi: Int) throws(Fault) {
    self.abi = abi
    let handled = Rights.handled(abi: abi)
    let network: UInt64 = abi >= 4 ? 0b11 : 0
    let scopes: UInt64 = abi >= 6 ? 0b11 : 0
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
  /// The rule holds for the inode that is there now, so the path must exist. Not for /proc, whose inodes the
  /// kernel makes anew whenever its cache was trimmed: the rule would be lost.
  public borrowing func allow(_ access: Access, _ path: String) throws(Fault) {
    do throws(Errno) {
      let place = Descriptor(
        owning: try syscall { unsafe clinux_open(path, clinux_o_path | O_CLOEXEC, 0) })
      try allow(access, beneath: place)
    } catch {
      throw Fault("cannot allow \(path) by Landlock", cause: error)
    }
  }

  /// Allows this process to read what the kernel says of it, /proc/PID of its own, and of no other.
  ///
  /// A rule belongs to an inode, and /proc makes a directory's inode anew once nobody uses the directory: so a
  /// descriptor keeps it, until the process ends.
  public borrowing func allowOwnProcess() throws(Fault) {
    do throws(Errno) {
      let place = Descriptor(
        owning: try syscall { unsafe clinux_open("/proc/self", clinux_o_path | O_CLOEXEC, 0) })
      try allow(.read, beneath: place)
      _ = place.release()
    } catch {
      throw Fault("cannot allow /proc/self by Landlock", cause: error, remedy: "Mount /proc")
    }
  }

  private borrowing func allow(_ access: Access, beneath place: borrowing Descriptor) throws(Errno) {
    let number = place.number
    let ruleset = descriptor.number
    var about = stat()
    try syscall { unsafe fstat(number, &about) }
    let isDirectory = about.st_mode & UInt32(S_IFMT) == UInt32(S_IFDIR)
    let rights = Rights.granted(access, toDirectory: isDirectory) & handled
    try syscall { clinux_landlock_allow_beneath(ruleset, rights, number) }
  }

  /// Puts the rules in force for the calling thread and all it starts. Needs no_new_privs.
  public consuming func enforce() throws(Fault) {
    let ruleset = descriptor.number
    do throws(Errno) {
      try syscall { clinux_landlock_restrict_self(ruleset) }
    } catch {
      throw Fault("cannot enforce the Landlock rules", cause: error)
    }
  }
}

/// LANDLOCK_ACCESS_FS_*, of which Debian 12's header lacks the two newest.
private enum Rights {
  static let truncate: UInt64 = 1 << 14  // LANDLOCK_ACCESS_FS_TRUNCATE, ABI 3
  static let ioctlDevice: UInt64 = 1 << 15  // LANDLOCK_ACCESS_FS_IOCTL_DEV, ABI 5

  static func handled(abi: Int) -> UInt64 {
    var rights: UInt64 = (1 << 13) - 1  // ABI 1: EXECUTE to MAKE_SYM
    if abi >= 2 { rights |= 1 << 13 }  // REFER
    if abi >= 3 { rights |= truncate }
    if abi >= 5 { rights |= ioctlDevice }
    return rights
  }

  /// Rights on a file that is no directory may not name what only directories have (EINVAL).
  static func granted(_ access: LandlockRuleset.Access, toDirectory: Bool) -> UInt64 {
    var rights = UInt64(LANDLOCK_ACCESS_FS_READ_FILE)
    if toDirectory { rights |= UInt64(LANDLOCK_ACCESS_FS_READ_DIR) }
    guard access == .readWrite else { return rights }
    rights |= UInt64(LANDLOCK_ACCESS_FS_WRITE_FILE) | truncate
    guard toDirectory else { return rights }
    return rights | UInt64(LANDLOCK_ACCESS_FS_REMOVE_DIR) | UInt64(LANDLOCK_ACCESS_FS_REMOVE_FILE)
      | UInt64(LANDLOCK_ACCESS_FS_MAKE_DIR) | UInt64(LANDLOCK_ACCESS_FS_MAKE_REG)
      | UInt64(LANDLOCK_ACCESS_FS_REFER)
  }
}
