// The process's user and group, and no_new_privs.
import CLinux

/// The user and group of a process (credentials(7)).
public struct Credentials: Hashable, Sendable, CustomStringConvertible {
  public var uid: UInt32
  public var gid: UInt32

  public init(uid: UInt32, gid: UInt32) {
    self.uid = uid
    self.gid = gid
  }

  /// Returns the effective IDs of this process.
  public static func current() -> Credentials { Credentials(uid: geteuid(), gid: getegid()) }

  public var description: String { "uid \(uid) gid \(gid)" }

  /// Looks up a user in `file`, which has the format of passwd(5). Returns nil if the file has no such user.
  ///
  /// Ignores nsswitch.conf(5), because a static program cannot load its modules.
  public static func named(_ name: String, in file: String = "/etc/passwd") throws(Fault)
    -> Credentials?
  {
    guard let stream = unsafe fopen(file, "re") else {
      if Errno.last.number == ENOENT { return nil }
      throw Fault("cannot open \(file)", cause: .last)
    }
    defer { _ = unsafe fclose(stream) }
    while let entry = unsafe fgetpwent(stream) {
      guard unsafe String(cString: entry.pointee.pw_name) == name else { continue }
      return unsafe Credentials(uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid)
    }
    return nil
  }

  /// Switches the process to this user and group for good, without supplementary groups. Needs CAP_SETGID and
  /// CAP_SETUID. Changes the user last, because the user permits the other changes.
  public func assume() throws(Fault) {
    try step("drop the supplementary groups") { setgroups(0, nil) }
    try step("switch to gid \(gid)") { clinux_setresgid(gid) }
    try step("switch to uid \(uid)") { clinux_setresuid(uid) }
    guard Self.real() == self, Self.current() == self else {
      throw Fault("cannot switch to \(self): the process is still \(Self.real())")
    }
  }

  private static func real() -> Credentials { Credentials(uid: getuid(), gid: getgid()) }

  private func step(_ what: String, _ call: () -> Int32) throws(Fault) {
    do throws(Errno) {
      try syscall(call)
    } catch {
      throw Fault(
        "cannot \(what)", cause: error,
        remedy: error.number == EINVAL
          ? "\(self) is not mapped in this user namespace; use one that is"
          : "This needs CAP_SETGID and CAP_SETUID")
    }
  }
}

/// Sets no_new_privs, so that no execve(2) can give privilege to the calling thread or its children
/// (PR_SET_NO_NEW_PRIVS, prctl(2)). Irreversible.
public func setNoNewPrivileges() throws(Fault) {
  do throws(Errno) {
    try syscall { clinux_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) }
  } catch {
    throw Fault("cannot set no_new_privs", cause: error)
  }
}

/// Returns the ID of this process, which is also that of its main thread (getpid(2)).
public func processID() -> Int32 { getpid() }
