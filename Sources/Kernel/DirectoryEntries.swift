// Directory entries whose names and kinds somebody else has chosen.
import CLinux
import Support

/// A name as the file system has it: any bytes but NUL and `/`, which need not be text.
public struct FileName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let bytes: [UInt8]

  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// nil when it is not UTF-8.
  public var text: String? { String(validating: bytes, as: UTF8.self) }

  public static func < (a: Self, b: Self) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

  /// The name with invisible characters, quotes and backslashes escaped, safe for a terminal and a log.
  public var description: String { Escaping.fileName(bytes) }

  func path(in directory: String) -> [CChar] {
    (Array(directory.utf8) + [UInt8(ascii: "/")] + bytes + [0]).map { CChar(bitPattern: $0) }
  }
}

/// What the file system says about an entry; a symbolic link is not followed.
public struct FileStatus: Hashable, Sendable {
  public let kind: Files.Kind
  public let device: UInt64
  public let inode: UInt64
  public let size: UInt64
  /// The user whose it is, and the permission bits.
  public let owner: UInt32
  public let mode: UInt32
  /// Last write and last change of name, owner or content; nanoseconds since 1970.
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
    mode = status.st_mode & 0o7777
    func nanoseconds(_ time: timespec) -> UInt64 {
      UInt64(max(0, time.tv_sec)) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
    modified = nanoseconds(status.st_mtim)
    changed = nanoseconds(status.st_ctim)
  }
}

extension Files {
  /// All names in a directory, sorted, without `.` and `..`; also those that are not UTF-8.
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

  /// What stands at a path; nil for nothing.
  public static func status(of path: String) -> FileStatus? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return nil }
    return FileStatus(status)
  }

  /// What a name in a directory stands for; nil for nothing.
  public static func status(of name: FileName, in directory: String) -> FileStatus? {
    var status = stat()
    guard unsafe lstat(name.path(in: directory), &status) == 0 else { return nil }
    return FileStatus(status)
  }

  /// Moves an entry, whatever it is, by one rename(2); false when it is not there (any more).
  public static func move(_ name: FileName, in directory: String, to: String) throws(Fault) -> Bool {
    if unsafe CLinux.rename(name.path(in: directory), to) == 0 { return true }
    let errno = Errno.last
    if errno.number == ENOENT, status(of: name, in: directory) == nil { return false }
    throw Fault("cannot move \(directory)/\(name) to \(to)", cause: errno)
  }

  /// The first bytes of a regular file, at most `limit`; nil when it is none or cannot be read.
  public static func head(of name: FileName, in directory: String, limit: Int) -> [UInt8]? {
    guard let file = try? openRegular(name, in: directory) else { return nil }
    var bytes = [UInt8](repeating: 0, count: limit)
    guard let count = try? file.read(into: &bytes) else { return nil }
    return Array(bytes.prefix(count))
  }

  /// The whole of a regular file, at most `limit` bytes. Nothing else is opened: neither what a symbolic
  /// link leads to, nor a FIFO that would wait, nor a device.
  public static func readRegular(_ name: String, in directory: String, limit: Int = 1 << 32)
    throws(Fault) -> [UInt8]
  {
    let file = try openRegular(FileName(name), in: directory)
    return try read(descriptor: file.number, name: name, limit: limit)
  }

  /// The whole of the regular file that a path leads to, by symbolic links too, at most `limit` bytes.
  /// Throws a `Fault` also when it was changed while it was read.
  public static func readUnchanged(_ path: String, limit: Int = 1 << 32) throws(Fault) -> [UInt8] {
    // A FIFO must not keep us waiting.
    let number = unsafe clinux_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
    guard number >= 0 else { throw Fault("cannot open \(path)", cause: .last) }
    let file = Descriptor(owning: number)
    guard let before = status(of: file), before.kind == .file else {
      throw Fault("\(path) is no regular file")
    }
    let bytes = try read(descriptor: number, name: path, limit: limit)
    guard status(of: file) == before, UInt64(bytes.count) == before.size else {
      throw Fault("\(path) was changed while it was read")
    }
    return bytes
  }

  /// What a path leads to, by symbolic links too; nil for nothing.
  public static func statusOfTarget(of path: String) -> FileStatus? {
    var status = stat()
    guard unsafe fstatat(AT_FDCWD, path, &status, 0) == 0 else { return nil }
    return FileStatus(status)
  }

  private static func status(of file: borrowing Descriptor) -> FileStatus? {
    var status = stat()
    guard unsafe fstat(file.number, &status) == 0 else { return nil }
    return FileStatus(status)
  }

  /// Whether somebody has a regular file open for writing, under this name or another; nil where the kernel
  /// does not tell us: the file is somebody else's, or its file system has no leases.
  ///
  /// A lease for reading is what the kernel grants when nobody writes (fcntl(2), F_SETLEASE). It is given
  /// back at once: a writer that comes in between waits that long.
  public static func isOpenForWriting(_ name: FileName, in directory: String) -> Bool? {
    guard let file = try? openRegular(name, in: directory) else { return nil }
    _ = leaseSignalIgnored
    guard clinux_fcntl(file.number, clinux_set_lease, Int32(F_RDLCK)) != 0 else {
      _ = clinux_fcntl(file.number, clinux_set_lease, Int32(F_UNLCK))
      return false
    }
    return Errno.last.number == EAGAIN ? true : nil
  }

  /// Whoever wants to write while the lease is held raises SIGIO, which would end the process.
  private static let leaseSignalIgnored: Void = clinux_ignore_sigio()

  private static func openRegular(_ name: FileName, in directory: String) throws(Fault) -> Descriptor {
    let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let number = unsafe clinux_open(name.path(in: directory), flags, 0)
    guard number >= 0 else { throw Fault("cannot open \(name)", cause: .last) }
    let file = Descriptor(owning: number)
    var status = stat()
    guard unsafe fstat(number, &status) == 0, FileStatus(status).kind == .file else {
      throw Fault("\(name) is no regular file")
    }
    return file
  }

  /// Flushes a file that was written and closed (fsync(2)).
  public static func sync(_ path: String) throws(Fault) {
    let number = unsafe clinux_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0)
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

  /// Removes an entry, and with a directory all that is in it, at most 16 levels deep. Symbolic links are
  /// removed, not followed.
  public static func removeTree(_ name: FileName, in directory: String, levels: Int = 16) throws(Fault)
  {
    let isDirectory = status(of: name, in: directory)?.kind == .directory
    let path = "\(directory)/\(String(decoding: name.bytes, as: UTF8.self))"
    if isDirectory {
      guard levels > 0 else { throw Fault("\(path) is nested too deep to be removed") }
      for entry in try entries(of: path) { try removeTree(entry, in: path, levels: levels - 1) }
    }
    let flags = isDirectory ? Int32(AT_REMOVEDIR) : 0
    guard unsafe unlinkat(AT_FDCWD, name.path(in: directory), flags) != 0 else { return }
    let errno = Errno.last
    if errno.number != ENOENT { throw Fault("cannot remove \(path)", cause: errno) }
  }

  /// Locks a directory against other processes until the descriptor is closed (flock(2)); nil when
  /// another has it.
  public static func lockDirectory(_ path: String) throws(Fault) -> Descriptor? {
    let number = unsafe clinux_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open the directory \(path)", cause: .last) }
    let directory = Descriptor(owning: number)
    do throws(Errno) {
      try syscall { flock(number, LOCK_EX | LOCK_NB) }
    } catch {
      if error.number == EWOULDBLOCK { return nil }
      throw Fault("cannot lock the directory \(path)", cause: error)
    }
    return directory
  }
}
