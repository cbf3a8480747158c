// Files that grow at their end and are cut back where they went wrong.
import CLinux

extension Files {
  /// Opens a regular file for reading from its start and writing at its end; makes it where there is none.
  public static func openAppended(_ path: String) throws(Fault) -> Descriptor {
    let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let number = unsafe clinux_open(path, flags, 0o644)
    guard number >= 0 else { throw Fault("cannot open \(path)", cause: .last) }
    let file = Descriptor(owning: number)
    var status = stat()
    guard unsafe fstat(number, &status) == 0,
      status.st_mode & UInt32(S_IFMT) == UInt32(S_IFREG)
    else { throw Fault("\(path) is no regular file") }
    return file
  }
}

extension Files {
  /// Replaces a file that is replaced again and again, so that a reader sees the old content or the new: written
  /// over the content before the last, in `PATH.new`, and exchanged. Both have room on the disk in advance, so
  /// that it works on a full one too. Not flushed.
  public static func exchange(_ path: String, with bytes: [UInt8]) throws(Fault) {
    let other = path + ".new"
    let number = unsafe clinux_open(other, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard number >= 0 else { throw Fault("cannot create \(other)", cause: .last) }
    let file = Descriptor(owning: number)
    do throws(Errno) {
      try file.writeAll(bytes)
      try file.truncate(to: UInt64(bytes.count))
      // As much again as it needs. Where there is no room, or no such call, it has what it has.
      _ = clinux_reserve(number, off_t(max(1 << 14, 2 * bytes.count)))
      if unsafe clinux_exchange(other, path) == 0 { return }
      let errno = Errno.last
      // There is none yet, or the file system cannot exchange.
      guard [ENOENT, EINVAL].contains(errno.number) else { throw errno }
    } catch {
      throw Fault("cannot write \(path)", cause: error)
    }
    try rename(other, to: path)
  }
}

extension Descriptor {
  /// Cuts a file back to its first `length` bytes (ftruncate(2)).
  public func truncate(to length: UInt64) throws(Errno) {
    let number = self.number
    try syscall { ftruncate(number, off_t(length)) }
  }

  /// Where the next byte is read from, counted from the file's start.
  public func seek(to offset: UInt64) throws(Errno) {
    let number = self.number
    try syscall { lseek(number, off_t(offset), SEEK_SET) }
  }
}

extension Fault {
  /// The storage has no room, takes no writes or fails: nothing is wrong with what was to be written, and the
  /// cause may go away by itself (ENOSPC, EDQUOT, EROFS, EIO).
  public var isOfStorage: Bool { [ENOSPC, EDQUOT, EROFS, EIO].contains(cause?.number ?? 0) }

  /// The interface is down or its driver takes no frames (ENETDOWN, EOPNOTSUPP of a veth without a peer that is
  /// up).
  public var isOfLink: Bool { [ENETDOWN, EOPNOTSUPP].contains(cause?.number ?? 0) }
}
