// AF_PACKET sockets (packet(7)): one for the frames of one protocol, and what all of them need.
import CLinux

/// A socket that sends frames on one interface, and receives those of one protocol. It does not receive the frames that
/// this host sends.
///
/// Opening it needs CAP_NET_RAW in the interface's network namespace; using it needs no privilege.
public struct FrameSocket: ~Copyable, Sendable {
  public enum Traffic: Sendable {
    case arp
    /// IPv4 with UDP to a port, but no fragments.
    case udp(port: UInt16)
  }

  private let descriptor: Descriptor

  /// Opens a socket.
  ///
  /// - Throws: ENODEV if the interface does not exist, EPERM without CAP_NET_RAW.
  public init(_ traffic: Traffic, interfaceIndex: Int32) throws(Errno) {
    let opened = try Descriptor.packetSocket(type: SOCK_NONBLOCK)
    switch traffic {
    case .arp:
      // 65,536 replies may arrive within seconds. Best effort: this needs CAP_NET_ADMIN.
      try? opened.setOption(SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
      try opened.bindPacket(interface: interfaceIndex, protocolNumber: UInt16(ETH_P_ARP))
    case .udp(let port):
      try SocketFilter.udp(to: port).attach(to: opened.number)
      try opened.bindPacket(interface: interfaceIndex, protocolNumber: UInt16(ETH_P_IP))
    }
    descriptor = opened
  }

  /// Sends one complete Ethernet frame. Returns false if the interface's queue is full.
  ///
  /// - Throws: ENETDOWN if the interface is down, ENXIO if it does not exist any more.
  public func send(_ frame: [UInt8]) throws(Errno) -> Bool {
    let number = descriptor.number
    do throws(Errno) {
      return try syscallUnlessBusy {
        unsafe frame.withUnsafeBytes { unsafe CLinux.send(number, $0.baseAddress, $0.count, 0) }
      } != nil
    } catch {
      if error.number == ENOBUFS { return false }
      throw error
    }
  }

  /// Receives a frame, truncated to `buffer.count` bytes. Returns its length; nil if none has arrived.
  public func receive(into buffer: inout [UInt8]) throws(Errno) -> Int? {
    let number = descriptor.number
    return try syscallUnlessBusy {
      unsafe buffer.withUnsafeMutableBytes { unsafe recv(number, $0.baseAddress, $0.count, 0) }
    }
  }

  /// Returns whether a frame arrives within `milliseconds`.
  public func wait(milliseconds: Int) -> Bool {
    waitReadable(descriptor.number, milliseconds: milliseconds)
  }
}

extension Descriptor {
  /// Opens an AF_PACKET socket for whole frames. It receives nothing until it is bound, so that it gets no frame of
  /// another interface.
  static func packetSocket(type: __socket_type = SOCK_CLOEXEC) throws(Errno) -> Descriptor {
    let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | type.rawValue)
    return Descriptor(owning: try syscall { socket(AF_PACKET, type, 0) })
  }

  /// Does the same, with `purpose` as the subject of the fault's remedy.
  static func packetSocket(for purpose: String) throws(Fault) -> Descriptor {
    do throws(Errno) {
      return try packetSocket()
    } catch {
      throw Fault(
        "cannot open an AF_PACKET socket", cause: error,
        remedy: "\(purpose) needs root or CAP_NET_RAW")
    }
  }

  /// setsockopt(2) with an int.
  func setOption(_ level: Int32, _ option: Int32, _ value: Int32) throws(Errno) {
    var value = value
    let number = self.number
    try syscall {
      unsafe setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  /// Binds an AF_PACKET socket to an interface; protocol 0 receives nothing, ETH_P_ALL everything.
  func bindPacket(interface: Int32, protocolNumber: UInt16) throws(Errno) {
    let number = self.number
    try syscall { clinux_bind_packet(number, interface, protocolNumber) }
  }
}
