// Sending by AF_PACKET through memory shared with the kernel (PACKET_TX_RING,
// Documentation/networking/packet_mmap.rst), bypassing the queueing discipline. Opening needs CAP_NET_RAW; sending
// needs no privilege.
import CLinux

/// A ring of slots, each of which holds one frame. Frames are sent in order on one interface.
///
/// Each frame has a virtio header that declares all of it as header, so that the kernel copies it into a linear
/// packet. Otherwise packets would refer to the ring's pages, which is slower because the driver must copy them
/// first.
@safe public struct PacketRing: ~Copyable, @unchecked Sendable {
  /// The longest frame in bytes.
  public static let frameSize = slotSize - frameOffset
  /// The number of slots.
  public let slotCount: Int
  private let socket: Descriptor
  private let memory: MappedMemory

  private static let slotSize = 256
  /// The slot's header, padded to TPACKET_ALIGNMENT. (TPACKET2_HDRLEN also includes an address, which only reception
  /// uses.)
  private static let headerSize = (MemoryLayout<tpacket2_hdr>.size + 15) & ~15
  private static let frameOffset = headerSize + MemoryLayout<virtio_net_hdr>.size

  /// The state of a slot.
  public enum SlotState: Sendable {
    /// Never used, or sent and completed.
    case free
    /// Waiting to be sent.
    case waiting
    /// Submitted to the driver.
    case sending
  }

  /// Opens a socket bound to `interface` that receives nothing. `slotCount` is a power of two, at least 16.
  public init(interface: Int32, slotCount: Int) throws(Fault) {
    precondition(slotCount >= 16 && slotCount & (slotCount - 1) == 0)
    let socket = try Descriptor.packetSocket(for: "Sending raw frames")
    let number = socket.number
    do throws(Errno) {
      try socket.bindPacket(interface: interface, protocolNumber: 0)
      try socket.setOption(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
      try socket.setOption(SOL_PACKET, PACKET_VERSION, Int32(TPACKET_V2.rawValue))
      // Before creating the ring, after which the kernel refuses it.
      try socket.setOption(SOL_PACKET, PACKET_VNET_HDR, 1)
      try Self.makeRing(number, slotCount)
    } catch {
      throw Fault("cannot set up an AF_PACKET ring on interface \(interface)", cause: error)
    }
    // Best effort: without CAP_NET_ADMIN the default limit allows only smaller bursts.
    try? socket.setOption(SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24)
    memory = try MappedMemory(
      descriptor: number, offset: 0, count: slotCount * Self.slotSize, writable: true,
      what: "an AF_PACKET ring")
    self.socket = socket
    self.slotCount = slotCount
  }

  private static func makeRing(_ socket: Int32, _ slotCount: Int) throws(Errno) {
    let block = max(MappedMemory.pageSize, slotSize * 16)
    // A block holds whole slots, and a page holds 16 or a multiple.
    var request = tpacket_req(
      tp_block_size: UInt32(block), tp_block_nr: UInt32(max(1, slotCount * slotSize / block)),
      tp_frame_size: UInt32(slotSize), tp_frame_nr: UInt32(slotCount))
    try syscall {
      unsafe setsockopt(
        socket, SOL_PACKET, PACKET_TX_RING, &request, socklen_t(MemoryLayout<tpacket_req>.size))
    }
  }

  /// Fills a free slot with the frame that `write` writes, and marks it to be sent. `write` returns the frame's
  /// length.
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
    // Last, because the kernel may read the slot as soon as it sees this.
    unsafe clinux_store_release_u32(&header.pointee.tp_status, UInt32(TP_STATUS_SEND_REQUEST))
  }

  /// Returns the state of a slot.
  ///
  /// - Throws: a `Fault` if the kernel rejected its frame as malformed.
  public func state(of slot: Int) throws(Fault) -> SlotState {
    precondition(slot >= 0 && slot < slotCount)
    let header = unsafe (memory.start + slot * Self.slotSize).assumingMemoryBound(
      to: tpacket2_hdr.self)
    switch unsafe Int32(bitPattern: clinux_load_acquire_u32(&header.pointee.tp_status)) {
    case TP_STATUS_AVAILABLE: return .free
    case TP_STATUS_SEND_REQUEST: return .waiting
    case TP_STATUS_SENDING: return .sending
    default: throw Fault("the kernel rejected a frame in the AF_PACKET ring as malformed")
    }
  }

  /// Frees a slot whose frame waits; returns false if it does not wait. Withdraw the last one first: the kernel takes the
  /// slots in order.
  public mutating func withdraw(_ slot: Int) -> Bool {
    precondition(slot >= 0 && slot < slotCount)
    let header = unsafe (memory.start + slot * Self.slotSize).assumingMemoryBound(
      to: tpacket2_hdr.self)
    let status = unsafe clinux_load_acquire_u32(&header.pointee.tp_status)
    guard Int32(bitPattern: status) == TP_STATUS_SEND_REQUEST else { return false }
    unsafe clinux_store_release_u32(&header.pointee.tp_status, UInt32(TP_STATUS_AVAILABLE))
    return true
  }

  /// Sends waiting frames, in order, while the socket has room. Frames that are refused or have no room keep waiting
  /// for the next call.
  ///
  /// - Returns: false if the NIC queue refused a frame.
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
  /// Requests no offload and declares the whole frame as header.
  fileprivate static func plain(headerLength: Int) -> virtio_net_hdr {
    var header = virtio_net_hdr()
    header.hdr_len = UInt16(headerLength)
    return header
  }
}
