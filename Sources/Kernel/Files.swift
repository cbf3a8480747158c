// Files: read whole, written durably, moved by one rename.
import CLinux

public enum Files {
  /// Returns the content of a file, or of standard input (`-`), of at most `limit` bytes.
  public static func read(_ path: String, limit: Int = 1 << 32) throws(Fault) -> [UInt8] {
    if path == "-" { return try read(descriptor: STDIN_FILENO, name: "standard input", limit: limit) }
    let number = unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open \(path)", cause: .last) }
    let file = Descriptor(owning: number)
    return try read(descriptor: file.number, name: path, limit: limit)
  }

  /// Opens a file, or standard input (`-`), to read it later.
  public static func openToRead(_ path: String) throws(Fault) -> Descriptor {
    let number =
      path == "-"
      ? clinux_fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
      : unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard number >= 0 else {
      throw Fault("cannot open \(path == "-" ? "standard input" : path)", cause: .last)
    }
    return Descriptor(owning: number)
  }

  /// Returns the remainder of an open file, at most `limit` bytes.
  public static func read(descriptor: Int32, name: String, limit: Int) throws(Fault) -> [UInt8] {
    let tooLarge = Fault(
      "\(name) is larger than \(limit) bytes", remedy: "Split it into several files")
    var status = stat()
    let size = unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    guard size <= limit else { throw tooLarge }
    var bytes: [UInt8] = []
    // So that a large file is not copied each time the array grows.
    bytes.reserveCapacity(size)
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let size = chunk.count
      let count: Int
      do throws(Errno) {
        count = try syscall { unsafe CLinux.read(descriptor, &chunk, size) }
      } catch {
        throw Fault("cannot read \(name)", cause: error)
      }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else { throw tooLarge }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// Returns the next bytes of an open file, as many as there are up to `size`; none at its end.
  public static func readPiece(_ descriptor: Int32, name: String, size: Int) throws(Fault) -> [UInt8] {
    var piece = [UInt8](repeating: 0, count: size)
    var filled = 0
    do throws(Errno) {
      while filled < size {
        let count = try syscall {
          unsafe piece.withUnsafeMutableBytes {
            unsafe CLinux.read(descriptor, $0.baseAddress! + filled, size - filled)
          }
        }
        if count == 0 { break }
        filled += count
      }
    } catch {
      throw Fault("cannot read \(name)", cause: error)
    }
    piece.removeLast(size - filled)
    return piece
  }

  /// Creates or truncates a file and opens it for appending.
  ///
  /// - Parameter keepsContent: Whether a file that exists is not truncated yet.
  public static func create(
    _ path: String, exclusive: Bool = false, keepsContent: Bool = false
  ) throws(Fault) -> Descriptor {
    let disposition = exclusive ? O_EXCL : keepsContent ? 0 : O_TRUNC
    let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | disposition
    let number = unsafe clinux_open(path, flags, 0o644)
    guard number >= 0 else { throw Fault("cannot create \(path)", cause: .last) }
    return Descriptor(owning: number)
  }

  /// Creates a file that nothing has open yet, in place of one of this name; never follows a link.
  public static func createNew(_ path: String, isSecret: Bool = false) throws(Fault) -> Descriptor {
    if unsafe unlink(path) != 0, case let errno = Errno.last, errno.number != ENOENT {
      throw Fault("cannot remove \(path)", cause: errno)
    }
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW
    let number = unsafe clinux_open(path, flags, isSecret ? 0o600 : 0o644)
    guard number >= 0 else { throw Fault("cannot create \(path)", cause: .last) }
    return Descriptor(owning: number)
  }

  /// Replaces a file's content atomically, by writing `PATH.new` and renaming it. A reader sees either the old
  /// content or the new; so it is after a power cut if `durable`.
  public static func replace(
    _ path: String, with bytes: [UInt8], durable: Bool, isSecret: Bool = false
  ) throws(Fault) {
    let temporary = path + ".new"
    try writeNew(temporary, bytes, durable: durable, isSecret: isSecret)
    try rename(temporary, to: path)
    if durable { try syncDirectory(parent(of: path)) }
  }

  /// Writes a file, replacing its content in place. Flushes it to the device if `durable`.
  public static func write(_ path: String, _ bytes: [UInt8], durable: Bool) throws(Fault) {
    try write(try create(path), path, bytes, durable: durable)
  }

  /// Writes a file that is created for it (`createNew`). Flushes it to the device if `durable`.
  public static func writeNew(
    _ path: String, _ bytes: [UInt8], durable: Bool, isSecret: Bool = false
  ) throws(Fault) {
    try write(try createNew(path, isSecret: isSecret), path, bytes, durable: durable)
  }

  private static func write(
    _ file: consuming Descriptor, _ path: String, _ bytes: [UInt8], durable: Bool
  ) throws(Fault) {
    do throws(Errno) {
      try file.writeAll(bytes)
      if durable { try file.sync() }
    } catch {
      throw Fault("cannot write \(path)", cause: error)
    }
  }

  public static func rename(_ from: String, to: String) throws(Fault) {
    guard unsafe CLinux.rename(from, to) == 0 else {
      throw Fault("cannot move \(from) to \(to)", cause: .last)
    }
  }

  public static func remove(_ path: String) throws(Fault) {
    guard unsafe unlink(path) == 0 else { throw Fault("cannot remove \(path)", cause: .last) }
  }

  /// Creates a directory, if it does not exist. Its parent must exist.
  ///
  /// - Parameter mode: less what the umask denies. 775 with a umask of 022 is 755; with 002 the directory's group may mark
  ///   results as fetched.
  public static func makeDirectory(_ path: String, mode: UInt32 = 0o775) throws(Fault) {
    if unsafe mkdir(path, mode) == 0 { return }
    let errno = Errno.last
    guard errno.number == EEXIST, kind(of: path) == .directory else {
      throw Fault("cannot create the directory \(path)", cause: errno)
    }
  }

  /// Sets the permissions of a directory (chmod(2)).
  public static func setMode(_ path: String, _ mode: UInt32) throws(Fault) {
    guard unsafe chmod(path, mode) == 0 else {
      throw Fault("cannot set the mode of \(path)", cause: .last)
    }
  }

  /// Sets the group of a directory (chown(2)).
  public static func setGroup(_ path: String, _ group: UInt32) throws(Fault) {
    guard unsafe lchown(path, uid_t.max, group) == 0 else {
      throw Fault("cannot give \(path) to the group \(group)", cause: .last)
    }
  }

  /// Sets the permissions that new files of this process do not get (umask(2)).
  public static func setCreationMask(_ mask: UInt32) { _ = umask(mask) }

  /// Flushes a directory, so that renames and new names in it survive a power cut.
  public static func syncDirectory(_ path: String) throws(Fault) {
    let number = unsafe clinux_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open the directory \(path)", cause: .last) }
    let directory = Descriptor(owning: number)
    do throws(Errno) {
      try directory.sync()
    } catch {
      throw Fault("cannot flush the directory \(path)", cause: error)
    }
  }

  public enum Kind: Sendable { case file, directory, other }

  /// Returns the kind of a file, without following a symbolic link; nil if there is none.
  public static func kind(of path: String) -> Kind? { status(of: path)?.kind }

  /// Returns a path without symbolic links (realpath(3)); nil if it does not exist.
  public static func resolved(_ path: String) -> String? {
    guard let found = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }

  public static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension Descriptor {
  /// Flushes to the device (fsync(2)).
  public func sync() throws(Errno) {
    let number = self.number
    try syscall { fsync(number) }
  }

  /// Returns a duplicate of standard output.
  public static func standardOutput() throws(Fault) -> Descriptor {
    let number = clinux_fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard number >= 0 else { throw Fault("cannot use standard output", cause: .last) }
    return Descriptor(owning: number)
  }
}
