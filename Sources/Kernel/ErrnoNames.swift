// The error numbers that this program tells apart, by the names that swift-system gives them.
import CLinux

extension Errno {
  /// EPERM: a capability is missing.
  public static let notPermitted = Errno(EPERM)
  /// ESRCH: no such process or thread.
  public static let noSuchProcess = Errno(ESRCH)
  /// EACCES: file permissions or Landlock deny it.
  public static let permissionDenied = Errno(EACCES)
  /// EBUSY: another holds it.
  public static let resourceBusy = Errno(EBUSY)
  /// EEXIST: it exists already.
  public static let fileExists = Errno(EEXIST)
  /// EINVAL: the kernel does not accept the arguments.
  public static let invalidArgument = Errno(EINVAL)
  /// ENOSPC: no room.
  public static let noSpace = Errno(ENOSPC)
  /// EDQUOT
  public static let quotaExceeded = Errno(EDQUOT)
  /// ENOENT
  public static let noSuchFile = Errno(ENOENT)
  /// EIO
  public static let inputOutput = Errno(EIO)
  /// EPIPE: the reader has closed its end.
  public static let brokenPipe = Errno(EPIPE)
  /// ERANGE: a value is out of range.
  public static let outOfRange = Errno(ERANGE)
  /// ENOSYS: the kernel does not have the system call.
  public static let noFunction = Errno(ENOSYS)
  /// ELOOP: too many symbolic links, or one where O_NOFOLLOW allows none.
  public static let tooManySymbolicLinkLevels = Errno(ELOOP)
  /// EMSGSIZE: the message, or the MTU, is too large.
  public static let messageTooLong = Errno(EMSGSIZE)
  /// EOPNOTSUPP: the driver or the kernel does not support it.
  public static let notSupported = Errno(EOPNOTSUPP)
  /// ENETDOWN: the interface is down.
  public static let networkDown = Errno(ENETDOWN)
  /// EHOSTUNREACH: the gateway does not answer.
  public static let hostUnreachable = Errno(EHOSTUNREACH)
  /// EISDIR.
  public static let isDirectory = Errno(EISDIR)
  /// ENOTDIR.
  public static let notDirectory = Errno(ENOTDIR)
  /// ENOTEMPTY.
  public static let directoryNotEmpty = Errno(ENOTEMPTY)
  /// EROFS: the file system is read-only.
  public static let readOnly = Errno(EROFS)
  /// ENAMETOOLONG.
  public static let fileNameTooLong = Errno(ENAMETOOLONG)
}
