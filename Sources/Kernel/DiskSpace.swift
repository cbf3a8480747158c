// The space of a file system (statvfs(3)).
import CLinux

/// The space of the file system that holds a path, in bytes.
public struct DiskSpace: Hashable, Sendable {
  public let total: UInt64
  /// What an unprivileged user may still write, without root's reserve.
  public let available: UInt64
  public let used: UInt64
  /// The files and directories that the file system can hold, and those that an unprivileged user may still make; 0 if it
  /// has no such limit.
  public let files: UInt64
  public let availableFiles: UInt64

  public init(
    total: UInt64, available: UInt64, used: UInt64, files: UInt64 = 0, availableFiles: UInt64 = 0
  ) {
    self.total = total
    self.available = available
    self.used = used
    self.files = files
    self.availableFiles = availableFiles
  }

  public init(of path: String) throws(Fault) {
    var about = statvfs()
    do throws(Errno) {
      try syscall { unsafe statvfs(path, &about) }
    } catch {
      throw Fault("cannot read the free space of the file system of \(path)", cause: error)
    }
    self.init(about)
  }

  /// The file system of an open file.
  init(of file: borrowing Descriptor) throws(Errno) {
    var about = statvfs()
    let number = file.number
    try syscall { unsafe fstatvfs(number, &about) }
    self.init(about)
  }

  private init(_ about: statvfs) {
    self.init(
      blockSize: UInt64(about.f_frsize), blocks: UInt64(about.f_blocks), free: UInt64(about.f_bfree),
      available: UInt64(about.f_bavail), files: UInt64(about.f_files),
      availableFiles: UInt64(about.f_favail))
  }

  /// Makes the value from what a file system says of itself, in blocks. A crafted one may say anything, such as more
  /// free blocks than there are: no number exceeds the total, and none overflows.
  package init(
    blockSize: UInt64, blocks: UInt64, free: UInt64, available: UInt64, files: UInt64 = 0,
    availableFiles: UInt64 = 0
  ) {
    func bytes(_ blocks: UInt64) -> UInt64 {
      let (product, overflow) = blocks.multipliedReportingOverflow(by: blockSize)
      return overflow ? .max : product
    }
    let free = min(free, blocks)
    self.init(
      total: bytes(blocks), available: bytes(min(available, free)), used: bytes(blocks - free),
      files: files, availableFiles: min(availableFiles, files))
  }

  /// The used share of what is scarcer, bytes or files, from 0 to 100.
  public var fullestPercent: Int { max(usedPercent, usedFilesPercent) }

  /// The used share of the files that the file system can hold, from 0 to 100, rounded up.
  public var usedFilesPercent: Int {
    guard files > 0 else { return 0 }
    let used = files - min(availableFiles, files)
    let (quotient, remainder) = files.dividingFullWidth(used.multipliedFullWidth(by: 100))
    return Int(quotient) + (remainder > 0 ? 1 : 0)
  }

  /// The used share of the space for unprivileged users, from 0 to 100, rounded up as by df(1).
  public var usedPercent: Int {
    let (whole, overflow) = used.addingReportingOverflow(available)
    if overflow || whole == 0 { return 100 }
    // In full width, because 100 times the bytes of a crafted file system need not fit into 64 bits.
    let (quotient, remainder) = whole.dividingFullWidth(used.multipliedFullWidth(by: 100))
    return Int(quotient) + (remainder > 0 ? 1 : 0)
  }
}
