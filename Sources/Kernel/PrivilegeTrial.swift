// Calls that are made in order to be refused: a drop is believed only when the kernel says no.
import CLinux

/// A call that changes nothing and sends nothing if it succeeds, but must not succeed.
public enum PrivilegeTrial: String, CaseIterable, Sendable {
  /// A raw AF_PACKET socket for protocol 0, which hears nothing; needs CAP_NET_RAW (packet(7)).
  case packetSocket = "socket(AF_PACKET, SOCK_RAW)"
  /// A change of root to the present root; needs CAP_SYS_CHROOT (chroot(2)).
  case changeRoot = "chroot(\"/\")"
  /// A Unix socket, which anyone may open (unix(7)): only a seccomp filter refuses it.
  case unixSocket = "socket(AF_UNIX)"
  /// The list of the root directory, which anyone may read: only Landlock refuses it.
  case readRoot = "open(\"/\")"

  /// Makes the call. nil when it succeeded, else the error.
  public func attempt() -> Errno? {
    switch self {
    case .packetSocket: descriptorOrErrno { socket(AF_PACKET, Int32(SOCK_RAW.rawValue), 0) }
    case .unixSocket: descriptorOrErrno { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0) }
    case .readRoot:
      descriptorOrErrno { unsafe clinux_open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
    case .changeRoot: errno { unsafe chroot("/") }
    }
  }

  private func descriptorOrErrno(_ open: () -> Int32) -> Errno? {
    do throws(Errno) {
      _ = Descriptor(owning: try syscall(open))
      return nil
    } catch {
      return error
    }
  }

  private func errno(_ call: () -> Int32) -> Errno? {
    do throws(Errno) {
      try syscall(call)
      return nil
    } catch {
      return error
    }
  }
}
