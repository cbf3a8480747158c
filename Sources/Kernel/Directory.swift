// Open directories: nothing outside one can be reached through it, whatever its entries are (openat2(2)).
import CLinux

/// An open directory, whose entries others may create and replace at any time. A path is a list of names; none of them may
/// be `.`, `..` or contain a slash, and no symbolic link is followed.
public struct Directory: ~Copyable, Sendable {
  /// For messages.
  public let path: String
  private let descriptor: Descriptor

  private init(_ path: String, _ descriptor: consuming Descriptor) {
    self.path = path
    self.descriptor = descriptor
  }

  public init(_ path: String) throws(Fault) {
    let number = unsafe clinux_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open the directory \(path)", cause: .last) }
    self.init(path, Descriptor(owning: number))
  }

  /// Opens an entry. A name that cannot be one does not exist (ENOENT).
  private borrowing func open(_ names: [FileName], _ flags: Int32, mode: UInt32 = 0) throws(Errno)
    -> Descriptor
  {
    guard !names.isEmpty, names.allSatisfy(\.isEntry) else { throw Errno(ENOENT) }
    let path = names.map(\.bytes).joined(separator: [UInt8(ascii: "/")]) + [0]
    let characters = path.map { CChar(bitPattern: $0) }
    let directory = descriptor.number
    return Descriptor(
      owning: try syscall {
        unsafe clinux_open_beneath(directory, characters, flags | O_CLOEXEC, mode)
      })
  }

  /// Opens a directory beneath this one.
  public borrowing func directory(_ names: FileName...) throws(Errno) -> Directory {
    let path = ([self.path] + names.map(\.description)).joined(separator: "/")
    return Directory(path, try open(names, O_RDONLY | O_DIRECTORY))
  }

  /// Opens a regular file to read it.
  ///
  /// - Throws: ENOENT if it does not exist or is no regular file, ELOOP and EXDEV for links out of the directory.
  public borrowing func file(_ names: [FileName]) throws(Errno) -> Descriptor {
    // O_NONBLOCK, so that opening a FIFO does not block.
    let file = try open(names, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    guard Files.status(of: file)?.kind == .file else { throw Errno(ENOENT) }
    return file
  }

  /// Returns the content of a regular file.
  ///
  /// - Throws: EFBIG if it is longer than `limit` bytes.
  public borrowing func read(_ names: FileName..., limit: Int) throws(Errno) -> [UInt8] {
    let file = try file(names)
    guard let size = Files.status(of: file)?.size, size <= limit else { throw Errno(EFBIG) }
    // Not memory for `limit`, which may be a hundred times as much. One byte more shows that the file has grown.
    var bytes = try file.read(at: 0, count: Int(size) + 1)
    while bytes.count > size, bytes.count <= limit {
      let more = try file.read(at: UInt64(bytes.count), count: min(1 << 16, limit + 1 - bytes.count))
      if more.isEmpty { break }
      bytes += more
    }
    guard bytes.count <= limit else { throw Errno(EFBIG) }
    return bytes
  }

  /// Creates a file that does not exist (EEXIST) and opens it for writing.
  public borrowing func create(_ name: FileName, mode: UInt32 = 0o644) throws(Errno) -> Descriptor {
    try open([name], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
  }

  /// Creates an empty file, unless there is an entry of this name. Needs no right to write to files.
  public borrowing func mark(_ names: FileName...) throws(Errno) {
    do throws(Errno) {
      _ = try open(names, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644)
    } catch {
      if error.number != EEXIST { throw error }
    }
  }

  /// Returns the attributes of an entry, without following a symbolic link; nil if there is none.
  public borrowing func status(_ names: FileName...) -> FileStatus? {
    guard let entry = try? open(names, clinux_o_path | O_NOFOLLOW) else { return nil }
    return Files.status(of: entry)
  }

  /// The attributes of the directory itself.
  public var ownStatus: FileStatus? { Files.status(of: descriptor) }

  /// Returns the names of the entries, sorted.
  public borrowing func entries() throws(Errno) -> [FileName] {
    let directory = descriptor.number
    // A descriptor of its own, because it has a position.
    let number = try syscall {
      unsafe clinux_open_beneath(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    }
    guard let stream = unsafe fdopendir(number) else {
      let errno = Errno.last
      close(number)
      throw errno
    }
    defer { unsafe _ = closedir(stream) }
    var names: [FileName] = []
    while let entry = unsafe readdir(stream) {
      let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0) }
      let name = FileName(bytes: bytes.prefix { $0 != 0 })
      if name.isEntry { names.append(name) }
    }
    return names.sorted()
  }

  /// Moves an entry to another directory, where no entry has its new name (EEXIST), by one rename(2).
  public borrowing func move(
    _ name: FileName, to other: borrowing Directory, as newName: FileName
  ) throws(Errno) {
    guard name.isEntry, newName.isEntry else { throw Errno(ENOENT) }
    let (from, to) = (descriptor.number, other.descriptor.number)
    let (old, new) = (name.characters, newName.characters)
    try syscall { unsafe clinux_move_new(from, old, to, new) }
  }

  /// Removes a file. Returns whether it existed.
  @discardableResult
  public borrowing func remove(_ name: FileName) throws(Errno) -> Bool {
    guard name.isEntry else { return false }
    let directory = descriptor.number
    let characters = name.characters
    do throws(Errno) {
      try syscall { unsafe unlinkat(directory, characters, 0) }
      return true
    } catch {
      if error.number == ENOENT { return false }
      throw error
    }
  }

  /// Flushes the directory, so that new names and renames survive a power cut.
  public borrowing func sync() throws(Errno) { try descriptor.sync() }

  /// The space of its file system.
  public borrowing func space() throws(Errno) -> DiskSpace { try DiskSpace(of: descriptor) }
}

extension FileName {
  /// Whether it can be the name of an entry.
  var isEntry: Bool {
    !bytes.isEmpty && bytes != [0x2e] && bytes != [0x2e, 0x2e] && !bytes.contains(0)
      && !bytes.contains(UInt8(ascii: "/"))
  }

  fileprivate var characters: [CChar] { (bytes + [0]).map { CChar(bitPattern: $0) } }
}

extension Descriptor {
  /// Reads up to `count` bytes from an offset: fewer at the end of the file (pread(2)).
  public func read(at offset: UInt64, count: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    let number = self.number
    while filled < count {
      let place = off_t(clamping: offset + UInt64(filled))
      let read = try syscall {
        unsafe bytes.withUnsafeMutableBytes {
          unsafe pread(number, $0.baseAddress! + filled, count - filled, place)
        }
      }
      if read == 0 { break }
      filled += read
    }
    bytes.removeLast(count - filled)
    return bytes
  }
}
