// Who this process is, and no_new_privs: the two facts beside capabilities that decide about privilege.
import CLinux

/// The user and group that a process acts as (credentials(7)).
public struct Credentials: Hashable, Sendable, CustomStringConvertible {
  public var uid: UInt32
  public var gid: UInt32

  public init(uid: UInt32, gid: UInt32) {
    self.uid = uid
    self.gid = gid
  }

  /// The effective ids of this process.
  public static func current() -> Credentials { Credentials(uid: geteuid(), gid: getegid()) }

  public var description: String { "uid \(uid) gid \(gid)" }

  /// Those of a line of `file`, in passwd(5)'s form; nil when it has no such name. The file alone is read, none
  /// of what nsswitch.conf(5) names beside it: a static program has none of those modules.
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

  /// Becomes this user for good: no supplementary groups, then real, effective and saved group, then
  /// user. Needs CAP_SETGID and CAP_SETUID. The order matters: the user is what permits the rest.
  public func assume() throws(Fault) {
    try step("drop the supplementary groups") { setgroups(0, nil) }
    try step("become gid \(gid)") { clinux_setresgid(gid) }
    try step("become uid \(uid)") { clinux_setresuid(uid) }
    guard Self.real() == self, Self.current() == self else {
      throw Fault("asked to become \(self), still \(Self.real())")
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
          ? "This user namespace does not know \(self); name one that it knows"
          : "This needs CAP_SETGID and CAP_SETUID")
    }
  }
}

/// From here on no execve(2) can give privilege to the calling thread or to what it starts
/// (PR_SET_NO_NEW_PRIVS, prctl(2)). Cannot be taken back.
public func noNewPrivileges() throws(Fault) {
  do throws(Errno) {
    try syscall { clinux_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) }
  } catch {
    throw Fault("cannot set no_new_privs", cause: error)
  }
}

/// The id of this process, which is also that of its first thread (getpid(2)).
public func processID() -> Int32 { getpid() }
