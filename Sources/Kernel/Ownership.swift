// What root's files need to become another user's, and nothing more.
import CLinux

extension Files {
  /// Gives what root owns at `path` to `owner`; its group only where that is root's too. Somebody else's stays
  /// as it is, and where nothing is, nothing happens. Neither a symbolic link nor what it leads to is given
  /// away, nor a file of which there is a second name: they may lead to what was never meant.
  ///
  /// - Returns: whether it stands there, whoever owns it now.
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

  /// The same for all entries of a directory that `isMeant`, reached through the directory itself, so that nobody
  /// can put another in its place meanwhile; the directories among them.
  @discardableResult
  public static func handOver(
    entriesOf path: String, to owner: Credentials, _ isMeant: (FileName) -> Bool = { _ in true }
  ) throws(Fault) -> [FileName] {
    let number = unsafe clinux_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open the directory \(path)", cause: .last) }
    let directory = Descriptor(owning: number)
    let held = "/proc/self/fd/\(directory.number)"
    var directories: [FileName] = []
    for name in try entries(of: held + "/.") where isMeant(name) {
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
    _ place: consuming Descriptor, _ path: String, to owner: Credentials
  ) throws(Fault) -> Bool {
    let number = place.number
    var about = stat()
    guard unsafe fstat(number, &about) == 0 else {
      throw Fault("cannot look at \(path)", cause: .last)
    }
    let kind = about.st_mode & UInt32(S_IFMT)
    let isDirectory = kind == UInt32(S_IFDIR)
    let isLoneFile = kind == UInt32(S_IFREG) && about.st_nlink == 1
    guard about.st_uid == 0, isDirectory || isLoneFile else { return true }
    // A group that is not root's was chosen by somebody: it stays.
    let group = about.st_gid == 0 ? owner.gid : gid_t.max
    do throws(Errno) {
      try syscall { unsafe fchownat(number, "", owner.uid, group, clinux_at_empty_path) }
    } catch {
      throw Fault("cannot give \(path) to \(owner)", cause: error)
    }
    return true
  }

  /// What a process may do with a file (access(2)).
  public enum Use: Sendable { case read, work }

  /// Whether this process's user may read a file, or work in a directory: list it, make, move and remove in it.
  /// A disk that takes no writes from anybody, and a file that is not there, are other matters.
  public static func isUsable(_ path: String, for use: Use) -> Bool {
    if unsafe access(path, use == .read ? R_OK : R_OK | W_OK | X_OK) == 0 { return true }
    return ![EACCES, EPERM].contains(Errno.last.number)
  }
}
