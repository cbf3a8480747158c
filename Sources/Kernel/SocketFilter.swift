// Filters of sockets (Documentation/networking/filter.rst): what the kernel does not hand over.
import CLinux

/// A classic BPF program over whole Ethernet frames.
struct SocketFilter {
  private var program: [sock_filter]

  private static func op(_ code: Int32, _ jt: UInt8, _ jf: UInt8, _ k: UInt32) -> sock_filter {
    sock_filter(code: UInt16(code), jt: jt, jf: jf, k: k)
  }

  private static let loadByte = BPF_LD | BPF_B | BPF_ABS
  private static let loadHalf = BPF_LD | BPF_H | BPF_ABS
  private static let loadHalfBehindHeader = BPF_LD | BPF_H | BPF_IND
  /// X = the length of the IPv4 header.
  private static let headerLength = op(BPF_LDX | BPF_B | BPF_MSH, 0, 0, 14)
  private static let jumpEqual = BPF_JMP | BPF_JEQ | BPF_K
  private static let accept = op(BPF_RET | BPF_K, 0, 0, .max)
  private static let reject = op(BPF_RET | BPF_K, 0, 0, 0)

  /// IPv4 frames with TCP to a port in the range, or with ICMP of type 3, 4, 11 or 12. The classifier handles fragments.
  static func replies(to ports: ClosedRange<UInt16>) -> SocketFilter {
    SocketFilter(program: [
      op(loadHalf, 0, 0, 12),  // 0: EtherType
      op(jumpEqual, 0, 14, UInt32(ETH_P_IP)),  // 1: IPv4? else to 16
      op(loadByte, 0, 0, 23),  // 2: IPv4 protocol
      op(jumpEqual, 0, 4, 6),  // 3: TCP? else to 8
      headerLength,  // 4
      op(loadHalfBehindHeader, 0, 0, 16),  // 5: destination port
      op(BPF_JMP | BPF_JGE | BPF_K, 0, 9, UInt32(ports.lowerBound)),  // 6: below? to 16
      op(BPF_JMP | BPF_JGT | BPF_K, 8, 7, UInt32(ports.upperBound)),  // 7: above? to 16, else 15
      op(jumpEqual, 0, 7, 1),  // 8: ICMP? else to 16
      headerLength,  // 9
      op(BPF_LD | BPF_B | BPF_IND, 0, 0, 14),  // 10: ICMP type
      op(jumpEqual, 3, 0, 3),  // 11
      op(jumpEqual, 2, 0, 4),  // 12
      op(jumpEqual, 1, 0, 11),  // 13
      op(jumpEqual, 0, 1, 12),  // 14
      accept,  // 15
      reject,  // 16
    ])
  }

  /// IPv4 frames with UDP to a port, but no fragments.
  static func udp(to port: UInt16) -> SocketFilter {
    SocketFilter(program: [
      op(loadByte, 0, 0, 23),  // 0: IPv4 protocol
      op(jumpEqual, 0, 6, 17),  // 1: UDP? else to 8
      op(loadHalf, 0, 0, 20),  // 2: flags and offset
      op(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 0x3fff),  // 3: a fragment? to 8
      headerLength,  // 4
      op(loadHalfBehindHeader, 0, 0, 16),  // 5: destination port
      op(jumpEqual, 0, 1, UInt32(port)),  // 6: else to 8
      accept,  // 7
      reject,  // 8
    ])
  }

  /// Attaches the filter. Do so before the socket is bound, so that nothing else gets through.
  func attach(to socket: Int32) throws(Errno) {
    var program = program
    try syscall {
      unsafe program.withUnsafeMutableBufferPointer { buffer in
        var filter = unsafe sock_fprog(len: UInt16(buffer.count), filter: buffer.baseAddress)
        return unsafe setsockopt(
          socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, socklen_t(MemoryLayout<sock_fprog>.size))
      }
    }
  }
}
