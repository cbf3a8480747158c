// Directory entries that others create, so that their names and kinds cannot be trusted.
import CLinux
import Support

/// A file name: any bytes except NUL and `/`, not necessarily text.
public struct FileName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let bytes: [UInt8]

  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The name as text; nil if it is not UTF-8.
  public var text: String? { String(validating: bytes, as: UTF8.self) }

  public static func < (a: Self, b: Self) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

  /// The name with invisible characters, quotes and backslashes escaped, safe for a terminal and a log.
  public var description: String { Escaping.fileName(bytes) }

  func path(in directory: String) -> [CChar] {
    (Array(directory.utf8) + [UInt8(ascii: "/")] + bytes + [0]).map { CChar(bitPattern: $0) }
  }
}

/// The attributes of a file (stat(2)).
public struct FileStatus: Hashable, Sendable {
  public let kind: Files.Kind
  public let device: UInt64
  public let inode: UInt64
  public let size: UInt64
  /// The IDs of the owner and the group, and the permission bits.
  public let owner: UInt32
  public let group: UInt32
  public let mode: UInt32
  /// The times of the last write (mtime) and of the last change of content or attributes (ctime), in nanoseconds
  /// since 1970: 0 for earlier times, the greatest number for those after 2554. Owners may set any time.
  public let modified: UInt64
  public let changed: UInt64

  fileprivate init(_ status: stat) {
    switch Int32(bitPattern: status.st_mode) & Int32(bitPattern: UInt32(S_IFMT)) {
    case Int32(S_IFREG): kind = .file
    case Int32(S_IFDIR): kind = .directory
    default: kind = .other
    }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = UInt64(max(0, status.st_size))
    owner = status.st_uid
    group = status.st_gid
    mode = status.st_mode & 0o7777
    func nanoseconds(_ time: timespec) -> UInt64 {
      let (product, overflow) = UInt64(max(0, time.tv_sec)).multipliedReportingOverflow(
        by: 1_000_000_000)
      let (sum, carry) = product.addingReportingOverflow(UInt64(max(0, time.tv_nsec)))
      return overflow || carry ? .max : sum
    }
    modified = nanoseconds(status.st_mtim)
    changed = nanoseconds(status.st_ctim)
  }
}

extension Files {
  /// Returns the names in a directory, sorted, without `.` and `..`. Includes names that are not UTF-8.
  public static func entries(of path: String) throws(Fault) -> [FileName] {
    guard let directory = unsafe opendir(path) else {
      throw Fault("cannot read the directory \(path)", cause: .last)
    }
    defer { unsafe _ = closedir(directory) }
    var names: [FileName] = []
    while let entry = unsafe readdir(directory) {
      let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0) }
      let name = FileName(bytes: bytes.prefix { $0 != 0 })
      if name.bytes != [0x2e], name.bytes != [0x2e, 0x2e] { names.append(name) }
    }
    return names.sorted()
  }

  /// Returns the attributes of a file, without following a symbolic link; nil if there is none.
  public static func status(of path: String) -> FileStatus? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return nil }
    return FileStatus(status)
  }

  /// Returns the attributes of an entry, without following a symbolic link; nil if there is none.
  public static func status(of name: FileName, in directory: String) -> FileStatus? {
    var status = stat()
    guard unsafe lstat(name.path(in: directory), &status) == 0 else { return nil }
    return FileStatus(status)
  }

  /// Moves an entry of any kind by one rename(2). Returns false if it does not exist (any more).
  public static func move(_ name: FileName, in directory: String, to: String) throws(EntryError) -> Bool
  {
    if unsafe CLinux.rename(name.path(in: directory), to) == 0 { return true }
    let errno = Errno.last
    if errno.number == ENOENT, status(of: name, in: directory) == nil { return false }
    throw EntryError(
      changing: name, in: directory, Fault("cannot move \(directory)/\(name) to \(to)", cause: errno))
  }

  /// Returns at most the first `limit` bytes of a regular file; nil if it is not one or cannot be read.
  public static func head(of name: FileName, in directory: String, limit: Int) -> [UInt8]? {
    guard let file = try? openRegular(name, in: directory) else { return nil }
    var bytes = [UInt8](repeating: 0, count: limit)
    guard let count = try? file.read(into: &bytes) else { return nil }
    return Array(bytes.prefix(count))
  }

  /// Returns the content of a regular file of at most `limit` bytes. Does not open the target of a symbolic link, nor
  /// a FIFO, which would block, nor a device.
  ///
  /// - Throws: the entry's fault if another process has a lease on it, too.
  public static func readRegular(_ name: String, in directory: String, limit: Int = 1 << 32)
    throws(EntryError) -> [UInt8]
  {
    do throws(Fault) {
      let file = try openRegular(FileName(name), in: directory)
      return try read(descriptor: file.number, name: name, limit: limit)
    } catch {
      throw EntryError(reading: FileName(name), error)
    }
  }

  /// Returns the content of a regular file of at most `limit` bytes, following symbolic links.
  ///
  /// - Throws: a `Fault`, also if the file changed while it was read.
  public static func readUnchanged(_ path: String, limit: Int = 1 << 32) throws(Fault) -> [UInt8] {
    // O_NONBLOCK, so that opening a FIFO does not block.
    let number = unsafe clinux_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
    guard number >= 0 else { throw Fault("cannot open \(path)", cause: .last) }
    let file = Descriptor(owning: number)
    guard let before = status(of: file), before.kind == .file else {
      throw Fault("\(path) is not a regular file")
    }
    let bytes = try read(descriptor: number, name: path, limit: limit)
    guard status(of: file) == before, UInt64(bytes.count) == before.size else {
      throw Fault("\(path) changed while it was read")
    }
    return bytes
  }

  /// Returns the attributes of a file, following symbolic links; nil if there is none.
  public static func statusOfTarget(of path: String) -> FileStatus? {
    var status = stat()
    guard unsafe fstatat(AT_FDCWD, path, &status, 0) == 0 else { return nil }
    return FileStatus(status)
  }

  /// Returns the attributes of an open file.
  public static func status(of file: borrowing Descriptor) -> FileStatus? {
    var status = stat()
    guard unsafe fstat(file.number, &status) == 0 else { return nil }
    return FileStatus(status)
  }

  /// Returns whether a process has a regular file open for writing, under this name or another, or has a lease on it;
  /// nil if the kernel does not tell, because the file has another owner or its file system has no leases.
  ///
  /// The kernel grants a read lease if nobody has the file open for writing (fcntl(2), F_SETLEASE). The lease is
  /// released at once; a writer that opens the file in between waits for that.
  public static func isOpenForWriting(_ name: FileName, in directory: String) -> Bool? {
    let file: Descriptor
    do throws(Fault) {
      file = try openRegular(name, in: directory)
    } catch {
      // The holder of a write lease makes every other open(2) wait (EWOULDBLOCK).
      return error.cause?.number == EWOULDBLOCK ? true : nil
    }
    _ = leaseSignalIgnored
    guard clinux_fcntl(file.number, clinux_set_lease, Int32(F_RDLCK)) != 0 else {
      _ = clinux_fcntl(file.number, clinux_set_lease, Int32(F_UNLCK))
      return false
    }
    return Errno.last.number == EAGAIN ? true : nil
  }

  /// A process that opens the file for writing during the lease raises SIGIO here, which would end this process.
  private static let leaseSignalIgnored: Void = clinux_ignore_sigio()

  /// Opens a regular file to read it piece by piece, as `readRegular` does.
  public static func openEntry(_ name: FileName, in directory: String) throws(EntryError) -> Descriptor
  {
    do throws(Fault) {
      return try openRegular(name, in: directory)
    } catch {
      throw EntryError(reading: name, error)
    }
  }

  private static func openRegular(_ name: FileName, in directory: String) throws(Fault) -> Descriptor {
    let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let number = unsafe clinux_open(name.path(in: directory), flags, 0)
    guard number >= 0 else { throw Fault("cannot open \(name)", cause: .last) }
    let file = Descriptor(owning: number)
    var status = stat()
    guard unsafe fstat(number, &status) == 0, FileStatus(status).kind == .file else {
      throw Fault("\(name) is not a regular file")
    }
    return file
  }

  /// Flushes a file that is not open any more (fsync(2)).
  public static func sync(_ path: String) throws(Fault) {
    // O_NONBLOCK, so that opening a FIFO does not block.
    let number = unsafe clinux_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
    guard number >= 0 else { throw Fault("cannot open \(path)", cause: .last) }
    let file = Descriptor(owning: number)
    do throws(Errno) {
      try file.sync()
    } catch {
      throw Fault("cannot flush \(path)", cause: error)
    }
  }

  /// Removes an empty directory.
  public static func removeDirectory(_ path: String) throws(Fault) {
    guard unsafe rmdir(path) == 0 else {
      throw Fault("cannot remove the directory \(path)", cause: .last)
    }
  }

  /// Removes an entry and, if it is a directory, everything in it, at most 16 levels deep. Removes symbolic links
  /// without following them.
  public static func removeTree(_ name: FileName, in directory: String, levels: Int = 16) throws(Fault)
  {
    let isDirectory = status(of: name, in: directory)?.kind == .directory
    let path = "\(directory)/\(String(decoding: name.bytes, as: UTF8.self))"
    if isDirectory {
      guard levels > 0 else { throw Fault("cannot remove \(path): it is nested too deeply") }
      for entry in try entries(of: path) { try removeTree(entry, in: path, levels: levels - 1) }
    }
    let flags = isDirectory ? Int32(AT_REMOVEDIR) : 0
    guard unsafe unlinkat(AT_FDCWD, name.path(in: directory), flags) != 0 else { return }
    let errno = Errno.last
    if errno.number != ENOENT { throw Fault("cannot remove \(path)", cause: errno) }
  }
}
