// AF_PACKET transmission: a batch of frames a system call, past the queueing discipline (packet(7),
// PACKET_QDISC_BYPASS). Opening needs CAP_NET_RAW, sending nothing.
import CLinux

/// Sends prepared frames on one interface.
@safe public struct PacketSender: ~Copyable, @unchecked Sendable {
  /// Octets of each frame's place.
  public static let frameSize = 128
  /// Frames in a batch at most.
  public let capacity: Int
  private let socket: Descriptor
  private let frames: UnsafeMutableRawPointer
  private let vectors: UnsafeMutablePointer<iovec>
  private let messages: UnsafeMutablePointer<clinux_message>

  /// Opens a socket bound to `interface` that receives nothing.
  public init(interface: Int32, capacity: Int) throws(Fault) {
    let number = CLinux.socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else {
      throw Fault(
        "cannot open an AF_PACKET socket", cause: .last,
        remedy: "Sending raw frames needs root or CAP_NET_RAW")
    }
    let socket = Descriptor(owning: number)
    do throws(Errno) {
      try socket.bindPacket(interface: interface, protocolNumber: 0)
      try socket.setOption(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    } catch {
      throw Fault("cannot bind an AF_PACKET socket to interface \(interface)", cause: error)
    }
    // Without CAP_NET_ADMIN the system's limit stays in force: smaller bursts, nothing lost.
    try? socket.setOption(SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24)
    self.socket = socket
    self.capacity = capacity
    unsafe frames = .allocate(byteCount: capacity * Self.frameSize, alignment: 64)
    unsafe frames.initializeMemory(as: UInt8.self, repeating: 0, count: capacity * Self.frameSize)
    unsafe vectors = .allocate(capacity: capacity)
    unsafe messages = .allocate(capacity: capacity)
    for index in 0..<capacity {
      unsafe vectors[index] = iovec(iov_base: frames + index * Self.frameSize, iov_len: 0)
      unsafe messages[index] = clinux_message()
      unsafe messages[index].header.msg_iov = vectors + index
      unsafe messages[index].header.msg_iovlen = 1
    }
  }

  deinit {
    unsafe frames.deallocate()
    unsafe vectors.deallocate()
    unsafe messages.deallocate()
  }

  /// Lets `write` fill the place of frame `index`; it returns the frame's length.
  @inline(__always)
  public mutating func withFrame(_ index: Int, _ write: (inout MutableRawSpan) -> Int) {
    precondition(index < capacity)
    var span = unsafe MutableRawSpan(
      _unsafeStart: frames + index * Self.frameSize, byteCount: Self.frameSize)
    let length = write(&span)
    precondition(length <= Self.frameSize)
    unsafe vectors[index].iov_len = length
  }

  /// Sends frames `first..<first + count`; how many the kernel took. Fewer than asked means that the rest
  /// must be sent again: the queue of the NIC is full (ENOBUFS, EAGAIN) or an interface has gone down.
  public mutating func send(first: Int, count: Int) throws(Errno) -> Int {
    precondition(first >= 0 && first + count <= capacity)
    let sent = unsafe clinux_sendmmsg(socket.number, messages + first, UInt32(count))
    if sent >= 0 { return Int(sent) }
    let errno = Errno.last
    switch errno.number {
    case ENOBUFS, EAGAIN, EINTR, EBUSY: return 0
    default: throw errno
    }
  }
}

extension Descriptor {
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
