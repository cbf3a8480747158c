// AF_PACKET reception behind a kernel filter, for interfaces on which no XDP program can run (packet(7),
// socket filters: kernel Documentation/networking/filter.rst).
import CLinux

/// Receives copies of the packets that may be replies.
@safe public struct PacketCapture: ~Copyable, @unchecked Sendable {
  /// To wait on.
  public var descriptor: Int32 { socket.number }
  private let socket: Descriptor
  private let buffer: UnsafeMutableRawPointer
  /// The longest frame there is: a checksum needs all of it.
  private static let snapLength = 1 << 16

  /// What the kernel says of a captured frame beside its bytes.
  public struct Origin: Sendable {
    /// A local sender left the TCP or UDP checksum to an adapter (TP_STATUS_CSUMNOTREADY).
    public var isChecksumPending: Bool
    /// It is addressed to this host (PACKET_HOST), whose own IPv4 sees it too.
    public var isForHost: Bool
  }

  /// Opens a capture of IPv4 TCP to `ports` and of ICMP errors on `interface`.
  public init(interface: Int32, ports: ClosedRange<UInt16>) throws(Fault) {
    let descriptor = try Descriptor.packetSocket(for: "Capturing packets")
    let number = descriptor.number
    do throws(Errno) {
      // The filter first, then the binding: no packet slips in between.
      try Self.attachFilter(number, ports)
      try descriptor.setOption(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
      try descriptor.setOption(SOL_PACKET, PACKET_AUXDATA, 1)
      try? descriptor.setOption(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
      try descriptor.bindPacket(interface: interface, protocolNumber: UInt16(ETH_P_IP))
    } catch {
      throw Fault("cannot set up packet capture on interface \(interface)", cause: error)
    }
    socket = descriptor
    unsafe buffer = .allocate(byteCount: Self.snapLength, alignment: 64)
  }

  deinit { unsafe buffer.deallocate() }

  /// tcp dst port in range, or ICMP type 3, 4, 11, 12; all else is refused in the kernel. Fragments are left to
  /// the classifier.
  private static func attachFilter(_ socket: Int32, _ ports: ClosedRange<UInt16>) throws(Errno) {
    func op(_ code: Int32, _ jt: UInt8, _ jf: UInt8, _ k: UInt32) -> sock_filter {
      sock_filter(code: UInt16(code), jt: jt, jf: jf, k: k)
    }
    let loadByte = BPF_LD | BPF_B | BPF_ABS
    let jumpEqual = BPF_JMP | BPF_JEQ | BPF_K
    var program = [
      op(loadByte, 0, 0, 23),  // 0: IPv4 protocol
      op(jumpEqual, 0, 4, 6),  // 1: TCP? else to 6
      op(BPF_LDX | BPF_B | BPF_MSH, 0, 0, 14),  // 2: X = IPv4 header length
      op(BPF_LD | BPF_H | BPF_IND, 0, 0, 16),  // 3: destination port
      op(BPF_JMP | BPF_JGE | BPF_K, 0, 9, UInt32(ports.lowerBound)),  // 4: below? to 14
      op(BPF_JMP | BPF_JGT | BPF_K, 8, 7, UInt32(ports.upperBound)),  // 5: above? to 14, else 13
      op(jumpEqual, 0, 7, 1),  // 6: ICMP? else to 14
      op(BPF_LDX | BPF_B | BPF_MSH, 0, 0, 14),  // 7
      op(BPF_LD | BPF_B | BPF_IND, 0, 0, 14),  // 8: ICMP type
      op(jumpEqual, 3, 0, 3),  // 9
      op(jumpEqual, 2, 0, 4),  // 10
      op(jumpEqual, 1, 0, 11),  // 11
      op(jumpEqual, 0, 1, 12),  // 12
      op(BPF_RET | BPF_K, 0, 0, .max),  // 13: take it
      op(BPF_RET | BPF_K, 0, 0, 0),  // 14: leave it
    ]
    try syscall {
      unsafe program.withUnsafeMutableBufferPointer { buffer in
        var filter = unsafe sock_fprog(len: UInt16(buffer.count), filter: buffer.baseAddress)
        return unsafe setsockopt(
          socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, socklen_t(MemoryLayout<sock_fprog>.size))
      }
    }
  }

  /// Hands at most `limit` frames to `body`, which returns false to stop; how many were taken.
  public mutating func drain(limit: Int, _ body: (Span<UInt8>, Origin) -> Bool) throws(Errno) -> Int {
    var taken = 0
    while taken < limit {
      var status: UInt32 = 0
      var type: UInt8 = 0
      let length = unsafe clinux_receive_packet(
        socket.number, buffer, Self.snapLength, &status, &type)
      if length < 0 {
        let errno = Errno.last
        if [EAGAIN, EINTR].contains(errno.number) { return taken }
        throw errno
      }
      let bytes = unsafe UnsafeRawBufferPointer(start: buffer, count: min(length, Self.snapLength))
      let frame = unsafe Span<UInt8>(_unsafeElements: bytes.bindMemory(to: UInt8.self))
      let origin = Origin(
        isChecksumPending: status & UInt32(TP_STATUS_CSUMNOTREADY) != 0,
        isForHost: type == UInt8(PACKET_HOST))
      taken += 1
      if !body(frame, origin) { break }
    }
    return taken
  }

  /// Packets the kernel had no room for since the last call (PACKET_STATISTICS resets itself).
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
