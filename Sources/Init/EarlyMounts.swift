// The kernel's own file systems, which everything else needs.
import Kernel

public enum EarlyMounts {
  private static let table: [(type: String, target: String, options: Mount.Options, data: String?)] = [
    ("proc", "/proc", .dataOnly, nil),
    ("sysfs", "/sys", .dataOnly, nil),
    // Its device nodes are what it is for.
    ("devtmpfs", "/dev", [.noSetUID, .noExecution], "mode=0755"),
    ("tmpfs", "/run", .dataOnly, "mode=0755,size=16m"),
    ("tmpfs", "/tmp", .dataOnly, "mode=1777,size=16m"),
  ]

  /// Mounts all of them. Throws at the first that cannot be: nothing works without.
  public static func attach() throws(Fault) {
    for (type, target, options, data) in table {
      do throws(Fault) {
        try Mount.attach(type, at: target, type: type, options, data: data)
      } catch {
        // /proc is there since before main (machine.c); some kernels mount devtmpfs by themselves
        // (CONFIG_DEVTMPFS_MOUNT).
        guard error.cause == Mount.isMounted else { throw error }
      }
    }
  }
}
