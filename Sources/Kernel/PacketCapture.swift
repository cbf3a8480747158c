// Receiving by AF_PACKET with a socket filter, for interfaces that cannot run an XDP program (packet(7),
// Documentation/networking/filter.rst).
import CLinux

/// A socket that receives copies of packets that may be replies.
@safe public struct PacketCapture: ~Copyable, @unchecked Sendable {
  /// The descriptor to poll.
  public var descriptor: Int32 { socket.number }
  private let socket: Descriptor
  private let buffer: UnsafeMutableRawPointer
  /// The longest possible frame in bytes, because a checksum covers all of it.
  private static let snapLength = 1 << 16

  /// What the kernel reports about a captured frame.
  public struct Origin: Sendable {
    /// A local sender left the TCP or UDP checksum to the adapter (TP_STATUS_CSUMNOTREADY).
    public var isChecksumPending: Bool
    /// The frame is addressed to this host (PACKET_HOST) and in no VLAN, so the host's own IPv4 receives it, too.
    public var isForHost: Bool
  }

  /// Opens a capture of IPv4 TCP to `ports` and of ICMP errors on `interface`.
  public init(interface: Int32, ports: ClosedRange<UInt16>) throws(Fault) {
    let descriptor = try Descriptor.packetSocket(for: "Capturing packets")
    let number = descriptor.number
    do throws(Errno) {
      // Attach the filter before binding, so that no other packet gets through.
      try SocketFilter.replies(to: ports).attach(to: number)
      try descriptor.setOption(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
      try descriptor.setOption(SOL_PACKET, PACKET_AUXDATA, 1)
      try? descriptor.setOption(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
      // Of all protocols: then the kernel passes a copy before its filters see the packet. The filter takes IPv4.
      try descriptor.bindPacket(interface: interface, protocolNumber: UInt16(ETH_P_ALL))
    } catch {
      throw Fault("cannot set up packet capture on interface \(interface)", cause: error)
    }
    socket = descriptor
    unsafe buffer = .allocate(byteCount: Self.snapLength, alignment: 64)
  }

  deinit { unsafe buffer.deallocate() }

  /// Passes at most `limit` frames to `body`, which returns false to stop.
  ///
  /// - Returns: the number of frames passed.
  public mutating func drain(limit: Int, _ body: (Span<UInt8>, Origin) -> Bool) throws(Errno) -> Int {
    var count = 0
    while count < limit {
      var status: UInt32 = 0
      var type: UInt8 = 0
      let length = unsafe clinux_receive_packet(
        socket.number, buffer, Self.snapLength, &status, &type)
      if length < 0 {
        let errno = Errno.last
        if [EAGAIN, EINTR].contains(errno.number) { return count }
        throw errno
      }
      let bytes = unsafe UnsafeRawBufferPointer(start: buffer, count: min(length, Self.snapLength))
      let frame = unsafe Span<UInt8>(_unsafeElements: bytes.bindMemory(to: UInt8.self))
      let origin = Origin(
        isChecksumPending: status & UInt32(TP_STATUS_CSUMNOTREADY) != 0,
        isForHost: type == UInt8(PACKET_HOST) && status & UInt32(TP_STATUS_VLAN_VALID) == 0)
      count += 1
      if !body(frame, origin) { break }
    }
    return count
  }

  /// Returns the number of packets that the kernel dropped since the last call (PACKET_STATISTICS).
  public func drops() throws(Errno) -> UInt64 {
    var statistics = tpacket_stats()
    var length = socklen_t(MemoryLayout<tpacket_stats>.size)
    let number = socket.number
    try syscall {
      unsafe getsockopt(number, SOL_PACKET, PACKET_STATISTICS, &statistics, &length)
    }
    return UInt64(statistics.tp_drops)
  }
}
