// Files that grow at their end and are truncated after a failed write.
import CLinux

extension Files {
  /// Opens a file of this process's own for reading from its start and appending, and creates it if there is none.
  ///
  /// Anything else of this name is replaced by an empty file: a link, a FIFO, or a file with a second name elsewhere.
  public static func openAppended(_ path: String) throws(Fault) -> Descriptor {
    try openOwn(path, O_RDWR | O_APPEND, replacing: [ENOENT, ELOOP, ENXIO])
  }

  /// Opens a regular file of one name, or creates it in place of anything else.
  ///
  /// - Parameter replacing: the errors of open(2) after which what has the name is removed, too.
  private static func openOwn(_ path: String, _ mode: Int32, replacing: [Int32]) throws(Fault)
    -> Descriptor
  {
    // O_NONBLOCK: for a FIFO without a reader, and for a file under a lease of another process.
    let flags = mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let number = unsafe clinux_open(path, flags, 0)
    if number >= 0 {
      let file = Descriptor(owning: number)
      var status = stat()
      if unsafe fstat(number, &status) == 0, status.st_mode & UInt32(S_IFMT) == UInt32(S_IFREG),
        status.st_nlink == 1
      {
        return file
      }
    } else if case let errno = Errno.last, !replacing.contains(errno.number) {
      throw Fault("cannot open \(path)", cause: errno)
    }
    if unsafe unlink(path) != 0, case let errno = Errno.last, errno.number != ENOENT {
      throw Fault("cannot remove \(path)", cause: errno)
    }
    let created = unsafe clinux_open(path, flags | O_CREAT | O_EXCL, 0o644)
    guard created >= 0 else { throw Fault("cannot create \(path)", cause: .last) }
    return Descriptor(owning: created)
  }
}

extension Files {
  /// Replaces the content of a file that is often replaced; a reader sees either the old content or the new.
  ///
  /// Overwrites `PATH.new`, which holds the content before the last, and exchanges the two (renameat2(2)). Both have
  /// disk space reserved, so that this works on a full disk, too. Does not flush.
  ///
  /// Others may put something else under that name, such as a FIFO, which would block its writer for ever, or a hard
  /// link to a file that must not change. It is removed.
  public static func exchange(_ path: String, with bytes: [UInt8]) throws(Fault) {
    let other = path + ".new"
    // A status is written anew, so nothing is lost, whatever the obstacle is.
    let file = try openOwn(other, O_WRONLY, replacing: [ENOENT, ELOOP, ENXIO, EAGAIN, EACCES])
    let number = file.number
    do throws(Errno) {
      try file.writeAll(bytes)
      try file.truncate(to: UInt64(bytes.count))
      // Reserve twice what it needs. Best effort: the disk may be full or the file system unable.
      _ = clinux_reserve(number, off_t(max(1 << 14, 2 * bytes.count)))
      if unsafe clinux_exchange(other, path) == 0 { return }
      let errno = Errno.last
      // There is no file yet, or the file system does not support RENAME_EXCHANGE.
      guard [ENOENT, EINVAL].contains(errno.number) else { throw errno }
    } catch {
      throw Fault("cannot write \(path)", cause: error)
    }
    try rename(other, to: path)
  }
}

extension Descriptor {
  /// Truncates a file to its first `length` bytes (ftruncate(2)).
  public func truncate(to length: UInt64) throws(Errno) {
    let number = self.number
    try syscall { ftruncate(number, off_t(length)) }
  }

  /// Removes a file's content. Pipes and devices have none.
  public func clear() throws(Errno) {
    do throws(Errno) {
      try truncate(to: 0)
    } catch {
      guard error == .invalidArgument else { throw error }
    }
  }

  /// Sets the position of the next read to the start, unless the file is a pipe.
  public func rewind() { _ = lseek(number, 0, SEEK_SET) }

  /// Sets the position of the next read, in bytes from the file's start (lseek(2)).
  public func seek(to offset: UInt64) throws(Errno) {
    let number = self.number
    try syscall { lseek(number, off_t(offset), SEEK_SET) }
  }
}

extension Fault {
  /// Whether the storage is full, read-only or failing. The data is not at fault, and the cause may clear.
  public var isStorageFailure: Bool { [ENOSPC, EDQUOT, EROFS, EIO].contains(cause?.number ?? 0) }

  /// Whether the storage takes no more data, whatever free space it reports: it is full, or a quota is used up.
  public var isOutOfSpace: Bool { [ENOSPC, EDQUOT].contains(cause?.number ?? 0) }

  /// Whether the process or the machine lacks descriptors, memory or threads. That may clear, too.
  public var isResourceShortage: Bool { [EMFILE, ENFILE, ENOMEM].contains(cause?.number ?? 0) }

  /// Whether the interface is down or its driver takes no frames. (EOPNOTSUPP: a veth whose peer is down.)
  public var isLinkFailure: Bool { [ENETDOWN, EOPNOTSUPP].contains(cause?.number ?? 0) }
}
