// Calls that must fail after the drop, which proves that it is in force.
import CLinux

/// A call that must fail after the drop, and is harmless if it succeeds.
public enum PrivilegeTrial: String, CaseIterable, Sendable {
  /// Opens a raw AF_PACKET socket for protocol 0, which receives nothing. Needs CAP_NET_RAW (packet(7)).
  case packetSocket = "socket(AF_PACKET, SOCK_RAW)"
  /// Changes the root directory to itself. Needs CAP_SYS_CHROOT (chroot(2)).
  case changeRoot = "chroot(\"/\")"
  /// Opens a Unix socket, which every user may (unix(7)): only a seccomp filter refuses it.
  case unixSocket = "socket(AF_UNIX)"
  /// Opens the root directory, which every user may: only Landlock refuses it.
  case readRoot = "open(\"/\")"

  /// Makes the call. Returns its error; nil if it succeeded.
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
