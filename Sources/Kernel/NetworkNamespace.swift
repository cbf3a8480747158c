// The network namespace of a thread (network_namespaces(7)).
import CLinux

/// A socket belongs to the namespace that its thread was in when it created the socket.
public enum NetworkNamespace {
  /// Moves only the calling thread into a namespace, given by a file such as `/run/netns/NAME` or `/proc/PID/ns/net`.
  /// Needs CAP_SYS_ADMIN. Use a dedicated thread: one of a pool would keep the namespace for other work.
  public static func enter(_ path: String) throws(Errno) {
    let file = Descriptor(
      owning: try syscall { unsafe clinux_open(path, O_RDONLY | O_CLOEXEC, 0) })
    let number = file.number
    try syscall { clinux_enter_network_namespace(number) }
  }
}
