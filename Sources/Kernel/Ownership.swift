// Giving files of root to another user.
import CLinux

extension Files {
  /// Gives a file or directory of root to `owner`, and its group if that is root's, too. Leaves the files of other
  /// users as they are.
  ///
  /// Does not touch symbolic links and their targets, nor files with several hard links, because an attacker may have
  /// made them to point at another file.
  ///
  /// - Returns: whether the file exists.
  @discardableResult
  public static func handOver(_ path: String, to owner: Credentials) throws(Fault) -> Bool {
    let number = unsafe clinux_open(path, clinux_o_path | O_NOFOLLOW | O_CLOEXEC, 0)
    guard number >= 0 else {
      let errno = Errno.last
      if errno.number == ENOENT { return false }
      throw Fault("cannot open \(path)", cause: errno)
    }
    return try handOver(Descriptor(owning: number), path, to: owner)
  }

  /// Does the same for the entries of a directory that satisfy `isIncluded`. Reaches them through an open descriptor
  /// of the directory, so that nobody can replace it meanwhile.
  ///
  /// - Returns: the entries that are directories.
  @discardableResult
  public static func handOver(
    entriesOf path: String, to owner: Credentials, _ isIncluded: (FileName) -> Bool = { _ in true }
  ) throws(Fault) -> [FileName] {
    let number = unsafe clinux_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open the directory \(path)", cause: .last) }
    let directory = Descriptor(owning: number)
    let held = "/proc/self/fd/\(directory.number)"
    var directories: [FileName] = []
    for name in try entries(of: held + "/.") where isIncluded(name) {
      let entry = unsafe clinux_open(
        name.path(in: held), clinux_o_path | O_NOFOLLOW | O_CLOEXEC, 0)
      guard entry >= 0 else {
        throw Fault("cannot open \(path)/\(name)", cause: .last)
      }
      let kind = status(of: name, in: held)?.kind
      try handOver(Descriptor(owning: entry), "\(path)/\(name)", to: owner)
      if kind == .directory { directories.append(name) }
    }
    return directories
  }

  @discardableResult
  private static func handOver(
    _ file: consuming Descriptor, _ path: String, to owner: Credentials
  ) throws(Fault) -> Bool {
    let number = file.number
    var status = stat()
    guard unsafe fstat(number, &status) == 0 else {
      throw Fault("cannot stat \(path)", cause: .last)
    }
    let kind = status.st_mode & UInt32(S_IFMT)
    let isDirectory = kind == UInt32(S_IFDIR)
    let isSingleLink = kind == UInt32(S_IFREG) && status.st_nlink == 1
    guard status.st_uid == 0, isDirectory || isSingleLink else { return true }
    // Keep a group other than root's, because an administrator chose it.
    let group = status.st_gid == 0 ? owner.gid : gid_t.max
    do throws(Errno) {
      try syscall { unsafe fchownat(number, "", owner.uid, group, clinux_at_empty_path) }
    } catch {
      throw Fault("cannot give \(path) to \(owner)", cause: error)
    }
    return true
  }

  /// What a process does with a file (access(2)): reads it, or lists a directory and changes its entries.
  public enum Use: Sendable { case read, modify }

  /// Returns whether file permissions let this process use a file. Returns true for other obstacles, such as a
  /// read-only file system or a missing file.
  public static func isUsable(_ path: String, for use: Use) -> Bool {
    if unsafe access(path, use == .read ? R_OK : R_OK | W_OK | X_OK) == 0 { return true }
    return ![EACCES, EPERM].contains(Errno.last.number)
  }
}
