// Sending by AF_XDP, with one socket for each NIC queue.
import Kernel
import Synchronization
import Wire

/// Sends through an AF_XDP socket.
public final class XDPTransmitter: Transmitter {
  public let mode: TransmitMode
  public let queue: UInt32
  public let batch: Int
  private let state: Mutex<State>

  fileprivate struct State: ~Copyable {
    var socket: XDPSocket
    var stamper: FrameStamper?
    /// A stack of the frames that the kernel does not hold.
    var free: [Int]
    /// The template in each frame, if any.
    var kinds: [TransmitEntry.Kind?]
    /// Frames that probes may not use, so that there is always one for an RST.
    let reserved: Int
  }

  /// Binds to `queue` in exactly the given mode. Needs CAP_NET_RAW; the receive program must be attached.
  ///
  /// - Parameters:
  ///   - batch: frames sent per wake-up. The standard is 512 in copy mode where the kernel can send so many, because each
  ///     wake-up is a system call; else `standardBatch`.
  ///   - ringSize: the most frames in flight, a power of two.
  ///   - receiveRing: the number of descriptors of the queue's receive ring, which zero-copy mode takes over; nil if
  ///     unknown.
  public init(
    interface: String, queue: UInt32, mode: XDPSocketMode, batch: Int?, ringSize: Int = 2048,
    receiveRing: UInt32? = nil
  ) throws(Fault) {
    let socket = try XDPSocket(
      interface: interface, queue: queue, frameCount: ringSize,
      receiveFrameCount: Self.receiveFrames(receiveRing), mode: mode)
    guard socket.mode == mode else {
      throw Fault(
        "AF_XDP on queue \(queue) of \(interface) runs in \(socket.mode.rawValue) mode",
        remedy: "\(mode.rawValue) was requested; use --transmit auto, or another NIC")
    }
    self.mode = socket.mode == .zeroCopy ? .xdpZeroCopy : .xdpCopy
    self.queue = queue
    let takesMany = mode == .copy && socket.setWakeUpLimit(batch ?? 512)
    self.batch = batch ?? (takesMany ? 512 : standardBatch)
    state = Mutex(
      State(
        socket: socket, free: Array((0..<ringSize).reversed()),
        kinds: [TransmitEntry.Kind?](repeating: nil, count: ringSize), reserved: ringSize / 4))
  }

  /// A frame for each descriptor of the ring, and some that a driver may hold besides.
  private static func receiveFrames(_ ring: UInt32?) -> Int { Int(min(ring ?? 2048, 16_384)) + 64 }

  public var inFlight: Int { state.withLock { $0.socket.frameCount - $0.free.count } }

  public func prepare(_ stamper: FrameStamper) {
    state.withLock { state in
      state.stamper = stamper
      for frame in state.kinds.indices { state.kinds[frame] = nil }
    }
  }

  /// Sends one Ethernet frame of at most 60 bytes, padded to that, before the first `submit`.
  public func send(frame bytes: [UInt8]) throws(Fault) {
    let outcome = state.withLock { state in state.send(frame: bytes) }
    _ = try outcome.get()
    _ = try complete(sending: true)
  }

  public func submit(_ entries: Span<TransmitEntry>, more: Bool) throws(Fault) -> SubmitResult {
    let outcome = state.withLock { state in state.submit(entries, limit: batch, more: more) }
    return try outcome.get()
  }

  public var hasUnsent: Bool { state.withLock { $0.socket.unsent > 0 } }
  public func discardUnsent() {
    state.withLock { state in state.socket.withdraw { frame in state.free.append(frame) } }
  }

  public func complete(sending: Bool) throws(Fault) -> FrameCounts {
    let outcome = state.withLock { state in state.complete(sending: sending) }
    return try outcome.get()
  }
}

extension XDPTransmitter.State {
  mutating func submit(_ entries: Span<TransmitEntry>, limit: Int, more: Bool)
    -> Result<SubmitResult, Fault>
  {
    guard let stamper else { preconditionFailure("prepare comes first") }
    var count = 0
    var room = free.count
    while count < min(entries.count, limit) {
      guard room > (entries[count].kind == .syn ? reserved : 0) else { break }
      room -= 1
      count += 1
    }
    guard count > 0, let first = socket.reserve(count) else { return wakeUp(SubmitResult()) }
    for offset in 0..<count {
      let entry = entries[offset]
      let frame = free.removeLast()
      let fresh = kinds[frame] != entry.kind
      let length = socket.withFrame(frame) { bytes in
        if fresh { stamper.prefill(&bytes, for: entry.kind) }
        return stamper.stamp(entry, into: &bytes)
      }
      kinds[frame] = entry.kind
      socket.setDescriptor(first &+ UInt32(offset), frame: frame, length: length)
    }
    socket.submit(count)
    var result = SubmitResult()
    result.accepted = count
    result.sent = count
    return more ? .success(result) : wakeUp(result)
  }

  mutating func send(frame content: [UInt8]) -> Result<SubmitResult, Fault> {
    precondition(content.count <= 60)
    guard let frame = free.popLast() else { return .failure(Fault("no frame is free")) }
    guard let first = socket.reserve(1) else {
      free.append(frame)
      return .failure(Fault("the transmit ring is full"))
    }
    let length = socket.withFrame(frame) { bytes in
      for index in 0..<60 {
        bytes.storeBytes(
          of: index < content.count ? content[index] : 0, toByteOffset: index, as: UInt8.self)
      }
      return 60
    }
    kinds[frame] = nil
    socket.setDescriptor(first, frame: frame, length: length)
    socket.submit(1)
    return wakeUp(SubmitResult())
  }

  mutating func complete(sending: Bool) -> Result<FrameCounts, Fault> {
    var counts = FrameCounts()
    // In copy mode a wake-up sends a bounded number of frames; those that still wait need another.
    if sending, free.count < socket.frameCount {
      if case .failure(let fault) = wakeUp(SubmitResult()) { return .failure(fault) }
    }
    _ = socket.complete(limit: socket.frameCount) { frame in
      if let kind = kinds[frame] { counts.count(kind) }
      free.append(frame)
    }
    return .success(counts)
  }

  private mutating func wakeUp(_ result: SubmitResult) -> Result<SubmitResult, Fault> {
    do throws(Errno) {
      try socket.wakeUp()
      return .success(result)
    } catch {
      return .failure(
        Fault(
          "cannot send through queue \(socket.queue)", cause: error,
          remedy: error == .networkDown ? "The interface is down; run `ip link set … up`" : nil))
    }
  }
}
