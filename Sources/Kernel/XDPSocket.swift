// An AF_XDP socket, by libxdp, that only sends (Documentation/networking/af_xdp.rst). The receive program handles
// received packets. Opening needs CAP_NET_RAW; sending needs no privilege.
import CLinux

/// How frames reach the NIC.
public enum XDPSocketMode: String, Sendable {
  /// The NIC reads them from user memory.
  case zeroCopy = "zero-copy"
  /// The kernel copies them.
  case copy
}

/// One transmit queue: a ring of descriptors that point into memory shared with the kernel (UMEM).
@safe public struct XDPSocket: ~Copyable, @unchecked Sendable {
  public static let frameSize = 2048
  /// The mode that the kernel reports, which may differ from the requested one.
  public let mode: XDPSocketMode
  public let queue: UInt32
  /// The number of frames for sending, which is also the size of the transmit ring.
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

  /// Binds to one queue of an interface, in the given mode only.
  ///
  /// Attach the receive program first: without one an igb socket reports zero-copy and sends nothing.
  ///
  /// In zero-copy mode the driver receives all packets of the queue into the UMEM and drops those for which it has no
  /// frame. The receive program passes none to the socket, so the driver reuses the frames, and the fill ring needs
  /// filling only once, here.
  ///
  /// - Parameters:
  ///   - frameCount: the number of frames for sending, a power of two.
  ///   - receiveFrameCount: the number of frames for the driver to receive into, at least as many as its receive ring
  ///     has descriptors. Copy mode ignores them.
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
    // The new ring is large enough for all.
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
      case EBUSY: "Another AF_XDP socket is bound to this queue; end its program"
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

  /// Fills frame `index` with `write`, which returns the frame's length.
  @inline(__always)
  public mutating func withFrame(_ index: Int, _ write: (inout MutableRawSpan) -> Int) -> Int {
    precondition(index >= 0 && index < frameCount)
    var span = unsafe MutableRawSpan(
      _unsafeStart: memory.start + index * Self.frameSize, byteCount: Self.frameSize)
    return write(&span)
  }

  /// Reserves `count` descriptors in the transmit ring. Returns the index of the first; nil if there is no room.
  @inline(__always)
  public mutating func reserve(_ count: Int) -> UInt32? {
    var index: UInt32 = 0
    let reserved = unsafe clinux_xsk_tx_reserve(&rings.pointee.transmit, UInt32(count), &index)
    return reserved == UInt32(count) ? index : nil
  }

  /// Sets a reserved descriptor to a frame.
  @inline(__always)
  public mutating func setDescriptor(_ index: UInt32, frame: Int, length: Int) {
    precondition(frame >= 0 && frame < frameCount && length <= Self.frameSize)
    unsafe clinux_xsk_tx_set(
      &rings.pointee.transmit, index, UInt64(frame * Self.frameSize), UInt32(length))
  }

  /// Submits reserved descriptors. Submit all that were reserved: others would be lost.
  public mutating func submit(_ count: Int) {
    unsafe clinux_xsk_tx_submit(&rings.pointee.transmit, UInt32(count))
  }

  /// The number of submitted frames that the kernel has not taken. 0 in zero-copy mode, where the NIC takes them by itself.
  public var unsent: Int {
    mode == .zeroCopy ? 0 : unsafe Int(clinux_xsk_tx_unsent(&rings.pointee.transmit))
  }

  /// Takes back those frames, and passes the index of each to `body`. The kernel sends nothing for
  /// their descriptors.
  public mutating func withdraw(_ body: (Int) -> Void) {
    for number in 0..<UInt32(unsent) {
      let address = unsafe clinux_xsk_tx_withdraw(&rings.pointee.transmit, number)
      // One that was withdrawn before.
      if address != UInt64.max { body(Int(address) / Self.frameSize) }
    }
  }

  /// Sets how many frames one wake-up may send in copy mode: 32 to `frameCount`. Returns false before Linux 6.17, where it
  /// is always 32.
  public func setWakeUpLimit(_ frames: Int) -> Bool {
    clinux_xsk_set_budget(descriptor, Int32(min(max(frames, 32), frameCount))) == 0
  }

  /// Wakes the kernel up to send, if it needs that. In copy mode this call sends.
  public mutating func wakeUp() throws(Errno) {
    guard unsafe clinux_xsk_needs_wakeup(&rings.pointee.transmit) != 0 else { return }
    guard clinux_wake_transmit(descriptor) != 0 else { return }
    let errno = Errno.last
    switch errno.number {
    // The next call continues where this one stopped.
    case EAGAIN, EBUSY, ENOBUFS, EINTR: return
    default: throw errno
    }
  }

  /// Reclaims at most `limit` completed frames and passes the index of each to `body`. Returns their number.
  public mutating func complete(limit: Int, _ body: (Int) -> Void) -> Int {
    var index: UInt32 = 0
    let count = unsafe clinux_xsk_completion_peek(
      &rings.pointee.completion, UInt32(limit), &index)
    guard count > 0 else { return 0 }
    for offset in 0..<count {
      // Ring indices wrap at 2^32.
      let address = unsafe clinux_xsk_completion_address(&rings.pointee.completion, index &+ offset)
      // Newer kernels also complete withdrawn descriptors (seen with 6.18).
      if address != UInt64.max { body(Int(address) / Self.frameSize) }
    }
    unsafe clinux_xsk_completion_release(&rings.pointee.completion, count)
    return Int(count)
  }
}
