// Limits of what a process may use (setrlimit(2)).
import CLinux

/// A limit of a process and its children. A process without privilege can lower it only.
public enum ResourceLimit: String, CaseIterable, Sendable {
  /// RLIMIT_NOFILE: one more than the greatest descriptor.
  case openFiles = "open-files"
  /// RLIMIT_NPROC: threads of the user.
  case threads
  /// RLIMIT_AS: bytes of address space.
  case addressSpace = "address-space"
  /// RLIMIT_DATA: bytes of private memory that the process may write.
  case data
  /// RLIMIT_FSIZE: bytes of a file that it writes.
  case fileSize = "file-size"
  /// RLIMIT_MEMLOCK: bytes of locked memory.
  case lockedMemory = "locked-memory"

  private var resource: __rlimit_resource_t {
    switch self {
    case .openFiles: __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    case .threads: __rlimit_resource_t(__RLIMIT_NPROC.rawValue)
    case .addressSpace: __rlimit_resource_t(RLIMIT_AS.rawValue)
    case .data: __rlimit_resource_t(RLIMIT_DATA.rawValue)
    case .fileSize: __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    case .lockedMemory: __rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue)
    }
  }

  /// Sets both the soft and the hard limit of this process.
  public func set(_ value: UInt64) throws(Fault) {
    var limit = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
    let resource = resource
    do throws(Errno) {
      try syscall { unsafe setrlimit(resource, &limit) }
    } catch {
      throw Fault("cannot limit \(rawValue) to \(value)", cause: error)
    }
  }

  /// The soft limit of this process; nil if it cannot be read.
  public var current: UInt64? {
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return nil }
    return UInt64(limit.rlim_cur)
  }
}
