// Locks that keep other processes out (flock(2)).
import CLinux
import Support

extension Files {
  /// Locks a file against other processes until the descriptor is closed, and creates it if it does not exist. Only its
  /// owner can open it, so nobody else can lock it. Returns nil if another process has.
  public static func lock(_ path: String) throws(Fault) -> Descriptor? {
    let flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    var number = unsafe clinux_open(path, flags | O_RDWR | O_CREAT, 0o600)
    // A lock can be held on a read-only file system, too.
    let isReadOnly = number < 0 && Errno.last.number == EROFS
    if isReadOnly { number = unsafe clinux_open(path, flags | O_RDONLY, 0) }
    guard number >= 0 else {
      let cause = Errno.last
      throw Fault(
        "cannot open the lock \(path)", cause: isReadOnly && cause.number == ENOENT ? .readOnly : cause)
    }
    let file = Descriptor(owning: number)
    guard isReadOnly || fchmod(number, 0o600) == 0 else {
      throw Fault("cannot close the lock \(path)", cause: .last)
    }
    guard try isLocked(file, path) else { return nil }
    return file
  }

  /// Does the same with a directory, which everybody who may list it can lock.
  public static func lockDirectory(_ path: String) throws(Fault) -> Descriptor? {
    let number = unsafe clinux_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard number >= 0 else { throw Fault("cannot open the directory \(path)", cause: .last) }
    let directory = Descriptor(owning: number)
    guard try isLocked(directory, path) else { return nil }
    return directory
  }

  private static func isLocked(_ file: borrowing Descriptor, _ path: String) throws(Fault) -> Bool {
    let number = file.number
    do throws(Errno) {
      try syscall { flock(number, LOCK_EX | LOCK_NB) }
      return true
    } catch {
      if error.number == EWOULDBLOCK { return false }
      throw Fault("cannot lock \(path)", cause: error)
    }
  }

  /// Returns the process that holds the lock of a file or directory, as far as this process can see it, and the user it
  /// runs as (/proc/locks, proc_pid_status(5)).
  public static func holder(ofLock path: String) -> (process: Int32, user: UInt32)? {
    guard let status = statusOfTarget(of: path),
      let locks = try? SmallFile.read("/proc/locks", limit: 1 << 24)
    else { return nil }
    let device = status.device
    let wanted =
      Hexadecimal.text(device >> 8 & 0xfff, digits: 2) + ":"
      + Hexadecimal.text(device & 0xff | device >> 12 & 0xfff00, digits: 2) + ":"
      + String(status.inode)
    for line in String(decoding: locks, as: UTF8.self).split(separator: "\n") {
      // 1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF
      let fields = line.split(separator: " ")
      guard fields.count >= 6, fields[1] == "FLOCK", fields[5] == wanted[...],
        let process = Int32(fields[4]),
        let user = user(of: process)
      else { continue }
      return (process, user)
    }
    return nil
  }

  private static func user(of process: Int32) -> UInt32? {
    guard let text = try? SmallFile.read("/proc/\(process)/status", limit: 1 << 16) else { return nil }
    let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first {
      $0.hasPrefix("Uid:")
    }
    return line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).dropFirst().first.flatMap {
      UInt32($0)
    }
  }
}
