// Sockets that listen, for a service that has no right to open one.
import CLinux

/// Where a socket listens.
public enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// An IPv4 address and a port, in host byte order (ip(7)).
  case tcp(address: UInt32, port: UInt16)
  /// A path of at most 107 bytes and its mode, whose write bits say who may connect (unix(7)).
  case unix(path: String, mode: UInt32)

  public var description: String {
    switch self {
    case .tcp(let address, let port):
      stride(from: 24, through: 0, by: -8).map { String(address >> UInt32($0) & 0xff) }
        .joined(separator: ".") + ":\(port)"
    case .unix(let path, _): path
    }
  }
}

extension Descriptor {
  /// Opens a socket that listens. It is close-on-exec, and accepting a connection does not block.
  ///
  /// - Parameter interface: the only one by which connections may come (SO_BINDTODEVICE); nil for any.
  /// - Throws: a `Fault` if the address is in use or does not belong to this host.
  public static func listening(on address: ListenAddress, interface: String? = nil) throws(Fault)
    -> Descriptor
  {
    do throws(Errno) {
      let family = if case .tcp = address { AF_INET } else { AF_UNIX }
      let type =
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
      let number = try syscall { socket(family, type, 0) }
      let opened = Descriptor(owning: number)
      switch address {
      case .tcp(let host, let port):
        // Connections of the process before may still be closing.
        try opened.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
        if let interface { try opened.bindToInterface(interface) }
        try syscall { clinux_bind_tcp(number, host, port) }
      case .unix(let path, let mode):
        // What a socket of an earlier process has left.
        if Files.kind(of: path) == .other { _ = unsafe unlink(path) }
        try syscall { unsafe clinux_bind_unix(number, path) }
        try syscall { unsafe chmod(path, mode) }
      }
      try syscall { listen(number, 128) }
      return opened
    } catch {
      throw Fault("cannot listen on \(address)", cause: error)
    }
  }

  private borrowing func bindToInterface(_ name: String) throws(Errno) {
    let number = self.number
    let text = Array(name.utf8CString)
    try syscall {
      unsafe setsockopt(number, SOL_SOCKET, SO_BINDTODEVICE, text, socklen_t(text.count))
    }
  }
}
