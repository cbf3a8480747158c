// Sending by AF_PACKET, which works on every NIC.
import Kernel
import Synchronization
import Wire

/// Sends through an AF_PACKET ring.
public final class PacketTransmitter: Transmitter {
  public let mode = TransmitMode.packet
  public let queue: UInt32
  public let batch: Int
  private let state: Mutex<State>

  fileprivate struct State: ~Copyable {
    var ring: PacketRing
    var stamper: FrameStamper?
    /// The template in each slot, if any.
    var kinds: [TransmitEntry.Kind?]
    /// The slot of the oldest frame in flight. The frames in flight are in the slots from there on.
    var oldest = 0
    var inFlight = 0
    /// Whether frames wait that the last call did not send, so that another call is needed.
    var hasUnsent = false
    /// Refused, and not yet returned by `submit`.
    var refused = FrameCounts()
    /// Slots that probes may not use, so that there is always one for an RST.
    let reserved: Int
  }

  /// Opens the ring. Needs CAP_NET_RAW.
  ///
  /// - Parameters:
  ///   - batch: frames sent per system call; nil for the standard.
  ///   - ringSize: the most frames in flight, a power of two.
  public init(interface: Int32, queue: UInt32, batch: Int?, ringSize: Int = 2048) throws(Fault) {
    self.queue = queue
    self.batch = batch ?? standardBatch
    let ring = try PacketRing(interface: interface, slotCount: ringSize)
    state = Mutex(
      State(
        ring: ring, kinds: [TransmitEntry.Kind?](repeating: nil, count: ringSize),
        reserved: ringSize / 4))
  }

  public var inFlight: Int { state.withLock { $0.inFlight } }

  public func prepare(_ stamper: FrameStamper) {
    state.withLock { state in
      state.stamper = stamper
      state.refused = FrameCounts()
      for slot in state.kinds.indices { state.kinds[slot] = nil }
    }
  }

  public func submit(_ entries: Span<TransmitEntry>, more: Bool) throws(Fault) -> SubmitResult {
    let outcome = state.withLock { state in state.submit(entries, limit: batch, more: more) }
    return try outcome.get()
  }

  public var hasUnsent: Bool { state.withLock { $0.hasUnsent } }
  public func discardUnsent() { state.withLock { state in state.discardUnsent() } }

  public func complete(sending: Bool) throws(Fault) -> FrameCounts {
    let outcome = state.withLock { state in state.complete(sending: sending) }
    return try outcome.get()
  }
}

extension PacketTransmitter.State {
  mutating func submit(_ entries: Span<TransmitEntry>, limit: Int, more: Bool)
    -> Result<SubmitResult, Fault>
  {
    guard let stamper else { preconditionFailure("prepare comes first") }
    var result = SubmitResult()
    let slots = ring.slotCount
    while result.accepted < min(entries.count, limit) {
      let entry = entries[result.accepted]
      guard slots - inFlight > (entry.kind == .syn ? reserved : 0) else { break }
      let slot = (oldest + inFlight) & (slots - 1)
      let fresh = kinds[slot] != entry.kind
      ring.put(slot) { frame in
        if fresh { stamper.prefill(&frame, for: entry.kind) }
        return stamper.stamp(entry, into: &frame)
      }
      kinds[slot] = entry.kind
      inFlight += 1
      result.accepted += 1
    }
    result.sent = result.accepted
    if more {
      hasUnsent = hasUnsent || result.accepted > 0
      return .success(result)
    }
    do throws(Fault) {
      if result.accepted > 0 || hasUnsent { try send() }
    } catch {
      return .failure(error)
    }
    result.refused = refused
    refused = FrameCounts()
    return .success(result)
  }

  /// Withdraws the frames that wait: the last ones, because the kernel sends in order.
  mutating func discardUnsent() {
    while inFlight > 0, ring.withdraw((oldest + inFlight - 1) & (ring.slotCount - 1)) { inFlight -= 1 }
    hasUnsent = false
  }

  mutating func complete(sending: Bool) -> Result<FrameCounts, Fault> {
    var counts = FrameCounts()
    do throws(Fault) {
      if hasUnsent, sending { try send() }
      while inFlight > 0, try ring.state(of: oldest) == .free {
        if let kind = kinds[oldest] { counts.count(kind) }
        oldest = (oldest + 1) & (ring.slotCount - 1)
        inFlight -= 1
      }
    } catch {
      return .failure(error)
    }
    return .success(counts)
  }

  private mutating func send() throws(Fault) {
    let isRefused: Bool
    do throws(Errno) {
      isRefused = try !ring.send()
    } catch {
      throw Fault(
        "cannot send", cause: error,
        remedy: error == .networkDown ? "The interface is down; run `ip link set … up`" : nil)
    }
    // The kernel sends in order: if the last frame does not wait, none does.
    let last = (oldest + inFlight - 1) & (ring.slotCount - 1)
    hasUnsent = try ring.state(of: last) == .waiting
    if isRefused { try countRefused() }
  }

  /// Counts the refused frame: the first that waits. It stays in its slot, and the next call retries it.
  private mutating func countRefused() throws(Fault) {
    for offset in 0..<inFlight {
      let slot = (oldest + offset) & (ring.slotCount - 1)
      guard try ring.state(of: slot) == .waiting else { continue }
      if let kind = kinds[slot] { refused.count(kind) }
      return
    }
  }
}
