// The space of a file system (statvfs(3)).
import CLinux

/// The space of the file system that holds a path, in bytes.
public struct DiskSpace: Hashable, Sendable {
  public let total: UInt64
  /// What an unprivileged user may still write, without root's reserve.
  public let available: UInt64
  public let used: UInt64

  public init(total: UInt64, available: UInt64, used: UInt64) {
    self.total = total
    self.available = available
    self.used = used
  }

  public init(of path: String) throws(Fault) {
    var about = statvfs()
    do throws(Errno) {
      try syscall { unsafe statvfs(path, &about) }
    } catch {
      throw Fault("cannot read the free space of the file system of \(path)", cause: error)
    }
    let block = UInt64(about.f_frsize)
    self.init(
      total: UInt64(about.f_blocks) * block, available: UInt64(about.f_bavail) * block,
      used: UInt64(about.f_blocks - about.f_bfree) * block)
  }

  /// The used share of the space for unprivileged users, from 0 to 100, rounded up as by df(1).
  public var usedPercent: Int {
    let whole = used + available
    return whole == 0 ? 100 : Int((used * 100 + whole - 1) / whole)
  }
}
