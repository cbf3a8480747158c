// An AF_XDP socket through libxdp, for transmission alone (kernel: Documentation/networking/af_xdp.rst).
// Received packets are the XDP program's affair. Opening needs CAP_NET_RAW, running nothing.
import CLinux

/// Whether the NIC reads frames from user memory, or the kernel copies them first.
public enum XDPSocketMode: String, Sendable {
  case zeroCopy = "zero-copy"
  case copy
}

/// One transmit queue: a ring of descriptors that point into memory shared with the kernel (UMEM).
@safe public struct XDPSocket: ~Copyable, @unchecked Sendable {
  public static let frameSize = 2048
  /// What the kernel says the socket got, not what was asked for.
  public let mode: XDPSocketMode
  public let queue: UInt32
  /// Frames for sending, which is also the transmit ring's size.
  public let frameCount: Int
  private let memory: MappedMemory
  private let umem: OpaquePointer
  private let socket: OpaquePointer
  private let rings: UnsafeMutablePointer<Rings>
  private let descriptor: Int32

  @unsafe private struct Rings {
    var fill = unsafe xsk_ring_prod()
    var completion = unsafe xsk_ring_cons()
    var transmit = unsafe xsk_ring_prod()
  }

  /// Binds to one queue of an interface in exactly the mode asked for.
  ///
  /// Attach the XDP program first: an igb socket bound without one claims zero-copy and sends nothing.
  ///
  /// In zero-copy mode the driver also receives this queue's packets into the UMEM, whether or not they are meant
  /// for the socket, and loses those it has no frame for. The XDP program lets none through to the socket,
  /// so that each frame goes back to the driver by itself: the fill ring is stocked here, once.
  ///
  /// - Parameters:
  ///   - frameCount: frames for sending, a power of two.
  ///   - receiveFrameCount: frames for the driver to receive into, at least as many as its receive ring
  ///     has descriptors; nothing is done with them in copy mode.
  /// - Throws: the errno of the refused step, named in the fault.
  public init(
    interface: String, queue: UInt32, frameCount: Int, receiveFrameCount: Int, mode: XDPSocketMode
  ) throws(Fault) {
    precondition(frameCount > 0 && frameCount & (frameCount - 1) == 0)
    let receiving = mode == .zeroCopy ? receiveFrameCount : 0
    let memory = try MappedMemory(
      anonymous: (frameCount + receiving) * Self.frameSize, what: "memory for AF_XDP frames")
    let rings = UnsafeMutablePointer<Rings>.allocate(capacity: 1)
    unsafe rings.initialize(to: Rings())
    var umem: OpaquePointer?
    var umemConfig = xsk_umem_config()
    umemConfig.fill_size = 1 << UInt32(Int.bitWidth - receiveFrameCount.leadingZeroBitCount)
    umemConfig.comp_size = UInt32(frameCount)
    umemConfig.frame_size = UInt32(Self.frameSize)
    var error = unsafe xsk_umem__create(
      &umem, memory.start, UInt64(memory.count), &rings.pointee.fill, &rings.pointee.completion,
      &umemConfig)
    guard error == 0, let umem = unsafe umem else {
      unsafe rings.deallocate()
      throw Self.umemFault(Errno(-error), bytes: memory.count)
    }
    // A ring that was just made, and is larger, has room for all.
    _ = unsafe clinux_xsk_fill(
      &rings.pointee.fill, UInt32(receiving), UInt64(frameCount * Self.frameSize),
      UInt32(Self.frameSize))
    var config = xsk_socket_config()
    config.tx_size = UInt32(frameCount)
    config.libxdp_flags = UInt32(XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD)
    config.bind_flags =
      UInt16(mode == .zeroCopy ? XDP_ZEROCOPY : XDP_COPY) | UInt16(XDP_USE_NEED_WAKEUP)
    var socket: OpaquePointer?
    error = unsafe xsk_socket__create(
      &socket, interface, queue, umem, nil, &rings.pointee.transmit, &config)
    guard error == 0, let socket = unsafe socket else {
      unsafe _ = xsk_umem__delete(umem)
      unsafe rings.deallocate()
      throw Self.bindFault(Errno(-error), interface, queue, mode)
    }
    self.memory = memory
    unsafe self.umem = umem
    unsafe self.socket = socket
    unsafe self.rings = rings
    self.queue = queue
    self.frameCount = frameCount
    let descriptor = unsafe xsk_socket__fd(socket)
    self.descriptor = descriptor
    self.mode = Self.actualMode(descriptor) ?? mode
  }

  deinit {
    unsafe xsk_socket__delete(socket)
    unsafe _ = xsk_umem__delete(umem)
    unsafe rings.deallocate()
  }

  private static func umemFault(_ cause: Errno, bytes: Int) -> Fault {
    let memory = [ENOBUFS, ENOMEM, EPERM].contains(cause.number)
    return Fault(
      "cannot register \(bytes) bytes of memory for AF_XDP", cause: cause,
      remedy: memory
        ? "Raise the memory lock limit to at least \(bytes / 1024) KiB (ulimit -l), or run as root"
        : nil)
  }

  private static func bindFault(
    _ cause: Errno, _ interface: String, _ queue: UInt32, _ mode: XDPSocketMode
  ) -> Fault {
    let remedy: String? =
      switch cause.number {
      case _ where mode == .zeroCopy && [EOPNOTSUPP, EINVAL].contains(cause.number):
        "The driver of \(interface) has no AF_XDP zero-copy on this kernel; use --transmit xdp-copy"
      case EBUSY: "Another AF_XDP socket holds this queue; end that program"
      case ENOBUFS, ENOMEM: "Raise the memory lock limit (ulimit -l)"
      case EPERM, EACCES: "AF_XDP needs root or CAP_NET_RAW"
      default: nil
      }
    return Fault(
      "cannot bind an AF_XDP \(mode.rawValue) socket to queue \(queue) of \(interface)", cause: cause,
      remedy: remedy)
  }

  private static func actualMode(_ descriptor: Int32) -> XDPSocketMode? {
    var options = xdp_options()
    var length = socklen_t(MemoryLayout<xdp_options>.size)
    guard unsafe getsockopt(descriptor, SOL_XDP, XDP_OPTIONS, &options, &length) == 0 else {
      return nil
    }
    return options.flags & UInt32(XDP_OPTIONS_ZEROCOPY) != 0 ? .zeroCopy : .copy
  }

  /// Lets `write` fill frame `index`; it returns the frame's length.
  @inline(__always)
  public mutating func withFrame(_ index: Int, _ write: (inout MutableRawSpan) -> Int) -> Int {
    precondition(index >= 0 && index < frameCount)
    var span = unsafe MutableRawSpan(
      _unsafeStart: memory.start + index * Self.frameSize, byteCount: Self.frameSize)
    return write(&span)
  }

  /// Reserves `count` places in the transmit ring; the first one's index, or nil when there is no room.
  @inline(__always)
  public mutating func reserve(_ count: Int) -> UInt32? {
    var index: UInt32 = 0
    let reserved = unsafe clinux_xsk_tx_reserve(&rings.pointee.transmit, UInt32(count), &index)
    return reserved == UInt32(count) ? index : nil
  }

  /// Points a reserved place at a frame.
  @inline(__always)
  public mutating func setDescriptor(_ place: UInt32, frame: Int, length: Int) {
    precondition(frame >= 0 && frame < frameCount && length <= Self.frameSize)
    unsafe clinux_xsk_tx_set(
      &rings.pointee.transmit, place, UInt64(frame * Self.frameSize), UInt32(length))
  }

  /// Hands over reserved places. All that were reserved: submitting fewer would leak them.
  public mutating func submit(_ count: Int) {
    unsafe clinux_xsk_tx_submit(&rings.pointee.transmit, UInt32(count))
  }

  /// Tells the kernel to send, where it asked to be told. In copy mode the call itself sends.
  public mutating func wakeUp() throws(Errno) {
    guard unsafe clinux_xsk_needs_wakeup(&rings.pointee.transmit) != 0 else { return }
    guard clinux_wake_transmit(descriptor) != 0 else { return }
    let errno = Errno.last
    switch errno.number {
    // The ring goes on from where it stopped at the next call.
    case EAGAIN, EBUSY, ENOBUFS, EINTR: return
    default: throw errno
    }
  }

  /// Takes back at most `limit` frames that were sent, handing each one's index to `body`; how many.
  public mutating func complete(limit: Int, _ body: (Int) -> Void) -> Int {
    var index: UInt32 = 0
    let count = unsafe clinux_xsk_completion_peek(
      &rings.pointee.completion, UInt32(limit), &index)
    guard count > 0 else { return 0 }
    for offset in 0..<count {
      // Ring indices run on and wrap at 2^32.
      let place = index &+ offset
      let address = unsafe clinux_xsk_completion_address(&rings.pointee.completion, place)
      body(Int(address) / Self.frameSize)
    }
    unsafe clinux_xsk_completion_release(&rings.pointee.completion, count)
    return Int(count)
  }
}
