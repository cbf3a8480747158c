// The kernel's pseudo file systems, which everything else needs.
import Kernel

/// The first mounts of PID 1.
public enum EarlyMounts {
  private static let table: [(type: String, target: String, options: Mount.Options, data: String?)] = [
    ("proc", "/proc", .dataOnly, nil),
    ("sysfs", "/sys", .dataOnly, nil),
    // No MS_NODEV: it exists for its device nodes.
    ("devtmpfs", "/dev", [.noSetUID, .noExecution], "mode=0755"),
    ("tmpfs", "/run", .dataOnly, "mode=0755,size=16m"),
    ("tmpfs", "/tmp", .dataOnly, "mode=1777,size=16m"),
  ]

  /// Mounts all of them. Throws a `Fault` at the first failure, because nothing works without them.
  public static func attach() throws(Fault) {
    for (type, target, options, data) in table {
      do throws(Fault) {
        try Mount.attach(type, at: target, type: type, options, data: data)
      } catch {
        // machine.c mounts /proc before main, and kernels with CONFIG_DEVTMPFS_MOUNT mount devtmpfs.
        guard error.cause == Mount.alreadyMounted else { throw error }
      }
    }
  }
}
