// Files as the spool needs them: read whole, written durably, moved by one rename.
import CLinux

public enum Files {
  /// The whole of a file or of standard input (`-`), at most `limit` bytes.
  public static func read(_ path: String, limit: Int = 1 << 32) throws(Fault) -> [UInt8] {
    if path == "-" { return try read(descriptor: 0, name: "standard input", limit: limit) }
    let number = unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open \(path)", cause: .last) }
    let file = Descriptor(owning: number)
    return try read(descriptor: file.number, name: path, limit: limit)
  }

  /// The rest of an open file, at most `limit` bytes.
  static func read(descriptor: Int32, name: String, limit: Int) throws(Fault) -> [UInt8] {
    let tooLarge = Fault(
      "\(name) is larger than \(limit) bytes", remedy: "Split it into several files")
    var status = stat()
    let size = unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    guard size <= limit else { throw tooLarge }
    var bytes: [UInt8] = []
    // So that a large file is in memory once, not copied from one array to the next that is twice as large.
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

  /// Creates or empties a file for writing, at its end whoever else writes to it.
  ///
  /// - Parameter isSecret: nobody but the owner may read a file that is made.
  public static func create(_ path: String, exclusive: Bool = false, isSecret: Bool = false)
    throws(Fault) -> Descriptor
  {
    let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (exclusive ? O_EXCL : O_TRUNC)
    let number = unsafe clinux_open(path, flags, isSecret ? 0o600 : 0o644)
    guard number >= 0 else { throw Fault("cannot create \(path)", cause: .last) }
    return Descriptor(owning: number)
  }

  /// Replaces a file by one with the given content: written beside it, flushed, renamed. A reader sees the
  /// old content or the new, never half; after a power cut too when `durable`.
  public static func replace(
    _ path: String, with bytes: [UInt8], durable: Bool, isSecret: Bool = false
  ) throws(Fault) {
    let temporary = path + ".new"
    try write(temporary, bytes, durable: durable, isSecret: isSecret)
    try rename(temporary, to: path)
    if durable { try syncDirectory(parent(of: path)) }
  }

  /// Makes a file with the given content, in place of what had it before; flushed to the device when `durable`.
  public static func write(
    _ path: String, _ bytes: [UInt8], durable: Bool, isSecret: Bool = false
  ) throws(Fault) {
    let file = try create(path, isSecret: isSecret)
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

  /// Makes a directory that may be there already; its parent must exist.
  public static func makeDirectory(_ path: String) throws(Fault) {
    // A umask of 022 makes it 755; one of 002 lets the directory's group put `fetched` into results.
    if unsafe mkdir(path, 0o775) == 0 { return }
    let errno = Errno.last
    guard errno.number == EEXIST, kind(of: path) == .directory else {
      throw Fault("cannot make the directory \(path)", cause: errno)
    }
  }

  /// Makes renames and new names in a directory survive a power cut.
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

  /// What stands at a path, without following a symbolic link; nil for nothing.
  public static func kind(of path: String) -> Kind? { status(of: path)?.kind }

  /// Without symbolic links (realpath(3)); nil where it leads to nothing.
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

  /// Standard output, as a descriptor of its own.
  public static func standardOutput() throws(Fault) -> Descriptor {
    let number = clinux_fcntl(1, F_DUPFD_CLOEXEC, 3)
    guard number >= 0 else { throw Fault("cannot use standard output", cause: .last) }
    return Descriptor(owning: number)
  }
}
