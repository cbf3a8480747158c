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
      try Self.attachFilter(number, ports)
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

  /// Attaches a filter for TCP with a destination port in the range and ICMP of type 3, 4, 11 or 12. The classifier
  /// handles fragments.
  private static func attachFilter(_ socket: Int32, _ ports: ClosedRange<UInt16>) throws(Errno) {
    func op(_ code: Int32, _ jt: UInt8, _ jf: UInt8, _ k: UInt32) -> sock_filter {
      sock_filter(code: UInt16(code), jt: jt, jf: jf, k: k)
    }
    let jumpEqual = BPF_JMP | BPF_JEQ | BPF_K
    var program = [
      op(BPF_LD | BPF_H | BPF_ABS, 0, 0, 12),  // 0: EtherType
      op(jumpEqual, 0, 14, UInt32(ETH_P_IP)),  // 1: IPv4? else to 16
      op(BPF_LD | BPF_B | BPF_ABS, 0, 0, 23),  // 2: IPv4 protocol
      op(jumpEqual, 0, 4, 6),  // 3: TCP? else to 8
      op(BPF_LDX | BPF_B | BPF_MSH, 0, 0, 14),  // 4: X = IPv4 header length
      op(BPF_LD | BPF_H | BPF_IND, 0, 0, 16),  // 5: destination port
      op(BPF_JMP | BPF_JGE | BPF_K, 0, 9, UInt32(ports.lowerBound)),  // 6: below? to 16
      op(BPF_JMP | BPF_JGT | BPF_K, 8, 7, UInt32(ports.upperBound)),  // 7: above? to 16, else 15
      op(jumpEqual, 0, 7, 1),  // 8: ICMP? else to 16
      op(BPF_LDX | BPF_B | BPF_MSH, 0, 0, 14),  // 9
      op(BPF_LD | BPF_B | BPF_IND, 0, 0, 14),  // 10: ICMP type
      op(jumpEqual, 3, 0, 3),  // 11
      op(jumpEqual, 2, 0, 4),  // 12
      op(jumpEqual, 1, 0, 11),  // 13
      op(jumpEqual, 0, 1, 12),  // 14
      op(BPF_RET | BPF_K, 0, 0, .max),  // 15: accept
      op(BPF_RET | BPF_K, 0, 0, 0),  // 16: reject
    ]
    try syscall {
      unsafe program.withUnsafeMutableBufferPointer { buffer in
        var filter = unsafe sock_fprog(len: UInt16(buffer.count), filter: buffer.baseAddress)
        return unsafe setsockopt(
          socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, socklen_t(MemoryLayout<sock_fprog>.size))
      }
    }
  }

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
