// Sending by AF_XDP, one socket a queue.
import Kernel
import Synchronization
import Wire

public final class XDPTransmitter: Transmitter {
  public let mode: TransmitMode
  public let queue: UInt32
  public let batch: Int
  private let state: Mutex<State>

  fileprivate struct State: ~Copyable {
    var socket: XDPSocket
    var stamper: FrameStamper?
    /// Frames that the kernel does not hold, as a stack.
    var free: [Int]
    /// Which template each frame holds, if any.
    var kinds: [TransmitEntry.Kind?]
    /// Probes may use all frames but these, so that an RST always finds one.
    let reserved: Int
  }

  /// Binds to `queue` in exactly the given mode. Needs CAP_NET_RAW; the XDP program must be attached.
  ///
  /// - Parameters:
  ///   - batch: frames handed over with one wake-up; 1 sends each by itself.
  ///   - ringSize: frames in flight at most, a power of two.
  ///   - receiveRing: descriptors of the queue's receive ring, which zero-copy mode takes over; nil is not known.
  public init(
    interface: String, queue: UInt32, mode: XDPSocketMode, batch: Int, ringSize: Int = 2048,
    receiveRing: UInt32? = nil
  ) throws(Fault) {
    let socket = try XDPSocket(
      interface: interface, queue: queue, frameCount: ringSize,
      receiveFrameCount: Self.receiveFrames(receiveRing), mode: mode)
    guard socket.mode == mode else {
      throw Fault(
        "AF_XDP on queue \(queue) of \(interface) runs in \(socket.mode.rawValue) mode",
        remedy: "\(mode.rawValue) was asked for; choose --transmit auto, or another NIC")
    }
    self.mode = socket.mode == .zeroCopy ? .xdpZeroCopy : .xdpCopy
    self.queue = queue
    self.batch = batch
    state = Mutex(
      State(
        socket: socket, free: Array((0..<ringSize).reversed()),
        kinds: [TransmitEntry.Kind?](repeating: nil, count: ringSize), reserved: ringSize / 4))
  }

  /// As many as the ring has descriptors, and what a driver may hold besides.
  private static func receiveFrames(_ ring: UInt32?) -> Int { Int(min(ring ?? 2048, 16_384)) + 64 }

  public var inFlight: Int { state.withLock { $0.socket.frameCount - $0.free.count } }

  public func prepare(_ stamper: FrameStamper) {
    state.withLock { state in
      state.stamper = stamper
      for frame in state.kinds.indices { state.kinds[frame] = nil }
    }
  }

  public func submit(_ entries: Span<TransmitEntry>, more: Bool) throws(Fault) -> SubmitResult {
    let outcome = state.withLock { state in state.submit(entries, limit: batch, more: more) }
    return try outcome.get()
  }

  public func complete() throws(Fault) -> FrameCounts {
    let outcome = state.withLock { state in state.complete() }
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
    result.left = count
    return more ? .success(result) : wakeUp(result)
  }

  mutating func complete() -> Result<FrameCounts, Fault> {
    var counts = FrameCounts()
    // Copy mode sends a bounded number of frames a wake-up: what still waits needs another one.
    if free.count < socket.frameCount {
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
          remedy: error.number == 100 ? "The interface is down; `ip link set … up`" : nil))
    }
  }
}
