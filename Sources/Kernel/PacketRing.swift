// AF_PACKET transmission through memory shared with the kernel (PACKET_TX_RING; kernel:
// Documentation/networking/packet_mmap.rst), past the queueing discipline. Opening needs CAP_NET_RAW, sending
// nothing.
import CLinux

/// A ring of slots that each hold one frame, sent in order on one interface.
///
/// The kernel would make packets whose pages are the ring's, which every other owner of the packet must copy
/// first. A virtio header before each frame claims that all of it is header, so it is copied once, into a plain
/// packet: a third faster than that, a fifth faster than sendmmsg(2) (`benchmark packet-send`).
@safe public struct PacketRing: ~Copyable, @unchecked Sendable {
  /// Bytes that a frame may have.
  public static let frameSize = slotSize - frameOffset
  /// Slots in the ring.
  public let slotCount: Int
  private let socket: Descriptor
  private let memory: MappedMemory

  private static let slotSize = 256
  /// TPACKET2_HDRLEN without the address that only reception has, a macro of sizes: the slot's header
  /// padded to TPACKET_ALIGNMENT.
  private static let headerSize = (MemoryLayout<tpacket2_hdr>.size + 15) & ~15
  private static let frameOffset = headerSize + MemoryLayout<virtio_net_hdr>.size

  /// What has become of a slot.
  public enum SlotState: Sendable {
    /// Free: never used, or sent and let go.
    case free
    /// To be sent.
    case waiting
    /// With the NIC.
    case sending
  }

  /// Opens a socket bound to `interface` that receives nothing. `slotCount` is a power of two from 16 on.
  public init(interface: Int32, slotCount: Int) throws(Fault) {
    precondition(slotCount >= 16 && slotCount & (slotCount - 1) == 0)
    let socket = try Descriptor.packetSocket(for: "Sending raw frames")
    let number = socket.number
    do throws(Errno) {
      try socket.bindPacket(interface: interface, protocolNumber: 0)
      try socket.setOption(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
      try socket.setOption(SOL_PACKET, PACKET_VERSION, Int32(TPACKET_V2.rawValue))
      // Before the ring: afterwards the kernel refuses it.
      try socket.setOption(SOL_PACKET, PACKET_VNET_HDR, 1)
      try Self.makeRing(number, slotCount)
    } catch {
      throw Fault("cannot set up an AF_PACKET ring on interface \(interface)", cause: error)
    }
    // Without CAP_NET_ADMIN the system's limit stays in force: smaller bursts, nothing lost.
    try? socket.setOption(SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24)
    memory = try MappedMemory(
      descriptor: number, offset: 0, count: slotCount * Self.slotSize, writable: true,
      what: "an AF_PACKET ring")
    self.socket = socket
    self.slotCount = slotCount
  }

  private static func makeRing(_ socket: Int32, _ slotCount: Int) throws(Errno) {
    let block = max(MappedMemory.pageSize, slotSize * 16)
    // A block holds whole slots, and a page is 16 of them or a multiple.
    var request = tpacket_req(
      tp_block_size: UInt32(block), tp_block_nr: UInt32(max(1, slotCount * slotSize / block)),
      tp_frame_size: UInt32(slotSize), tp_frame_nr: UInt32(slotCount))
    try syscall {
      unsafe setsockopt(
        socket, SOL_PACKET, PACKET_TX_RING, &request, socklen_t(MemoryLayout<tpacket_req>.size))
    }
  }

  /// Lets `write` fill a free slot's frame, and marks it to be sent; `write` returns the frame's length.
  @inline(__always)
  public mutating func put(_ slot: Int, _ write: (inout MutableRawSpan) -> Int) {
    precondition(slot >= 0 && slot < slotCount)
    let start = unsafe memory.start + slot * Self.slotSize
    var span = unsafe MutableRawSpan(
      _unsafeStart: start + Self.frameOffset, byteCount: Self.frameSize)
    let length = write(&span)
    precondition(length <= Self.frameSize)
    unsafe (start + Self.headerSize).storeBytes(
      of: virtio_net_hdr.plain(headerLength: length), as: virtio_net_hdr.self)
    let header = unsafe start.assumingMemoryBound(to: tpacket2_hdr.self)
    unsafe header.pointee.tp_len = UInt32(length + MemoryLayout<virtio_net_hdr>.size)
    // Last, for the kernel may read the slot as soon as it sees this.
    unsafe clinux_store_release_u32(&header.pointee.tp_status, UInt32(TP_STATUS_SEND_REQUEST))
  }

  public func state(of slot: Int) throws(Fault) -> SlotState {
    precondition(slot >= 0 && slot < slotCount)
    let header = unsafe (memory.start + slot * Self.slotSize).assumingMemoryBound(
      to: tpacket2_hdr.self)
    switch unsafe Int32(bitPattern: clinux_load_acquire_u32(&header.pointee.tp_status)) {
    case TP_STATUS_AVAILABLE: return .free
    case TP_STATUS_SEND_REQUEST: return .waiting
    case TP_STATUS_SENDING: return .sending
    default: throw Fault("the kernel takes a frame in the AF_PACKET ring for malformed")
    }
  }

  /// Sends what waits, in order, as far as the socket has room; false when the NIC's queue refused a frame.
  /// What was refused or had no room goes on waiting, and needs another call.
  public mutating func send() throws(Errno) -> Bool {
    if clinux_wake_transmit(socket.number) == 0 { return true }
    let errno = Errno.last
    switch errno.number {
    case ENOBUFS, EBUSY: return false
    case EAGAIN, EINTR: return true
    default: throw errno
    }
  }
}

extension virtio_net_hdr {
  /// No offload; the whole frame is header.
  fileprivate static func plain(headerLength: Int) -> virtio_net_hdr {
    var header = virtio_net_hdr()
    header.hdr_len = UInt16(headerLength)
    return header
  }
}
