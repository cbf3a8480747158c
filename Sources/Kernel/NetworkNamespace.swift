// Which network a thread lives in (network_namespaces(7)).
import CLinux

/// Sockets belong to the namespace their thread was in when they were made; only what is made after
/// `enter` lies in the other one.
public enum NetworkNamespace {
  /// Moves the calling thread, and no other, into the namespace that the file names
  /// (`/run/netns/NAME`, `/proc/PID/ns/net`). Needs CAP_SYS_ADMIN. Meant for a thread of its own:
  /// a pooled one would carry the namespace on to strangers.
  public static func enter(_ path: String) throws(Errno) {
    let file = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0) })
    let number = file.number
    try syscall { clinux_enter_network_namespace(number) }
  }
}
