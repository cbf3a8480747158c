// Sending by AF_PACKET: works on every NIC.
import Kernel
import Synchronization
import Wire

public final class PacketTransmitter: Transmitter {
  public let mode = TransmitMode.packet
  public let queue: UInt32
  public let batch: Int
  private let state: Mutex<State>

  fileprivate struct State: ~Copyable {
    var sender: PacketSender
    var stamper: FrameStamper?
    /// Which template each place holds, if any.
    var kinds: [TransmitEntry.Kind?]
    /// The kernel has taken these; nobody has been told yet.
    var completed = FrameCounts()
  }

  /// Needs CAP_NET_RAW. `batch` frames go in one sendmmsg call; 1 sends each by itself.
  public init(interface: Int32, queue: UInt32, batch: Int) throws(Fault) {
    self.queue = queue
    self.batch = batch
    let sender = try PacketSender(interface: interface, capacity: batch)
    state = Mutex(
      State(sender: sender, kinds: [TransmitEntry.Kind?](repeating: nil, count: batch)))
  }

  public var inFlight: Int { 0 }

  public func prepare(_ stamper: FrameStamper) {
    state.withLock { state in
      state.stamper = stamper
      state.completed = FrameCounts()
      for place in state.kinds.indices { state.kinds[place] = nil }
    }
  }

  public func submit(_ entries: Span<TransmitEntry>, more: Bool) throws(Fault) -> SubmitResult {
    let outcome = state.withLock { state in state.submit(entries, limit: batch) }
    return try outcome.get()
  }

  public func complete() throws(Fault) -> FrameCounts {
    state.withLock { state in
      defer { state.completed = FrameCounts() }
      return state.completed
    }
  }
}

extension PacketTransmitter.State {
  mutating func submit(_ entries: Span<TransmitEntry>, limit: Int) -> Result<SubmitResult, Fault> {
    guard let stamper else { preconditionFailure("prepare comes first") }
    let count = min(entries.count, limit)
    for place in 0..<count { write(entries[place], at: place, stamper) }
    var result = SubmitResult()
    do throws(Errno) {
      result.accepted = try sender.send(first: 0, count: count)
    } catch {
      return .failure(
        Fault(
          "cannot send", cause: error,
          remedy: error.number == 100 ? "The interface is down; `ip link set … up`" : nil))
    }
    result.left = result.accepted
    for place in 0..<result.accepted { completed.count(entries[place].kind) }
    if result.accepted < count { result.refused.count(entries[result.accepted].kind) }
    return .success(result)
  }

  private mutating func write(_ entry: TransmitEntry, at place: Int, _ stamper: FrameStamper) {
    let fresh = kinds[place] != entry.kind
    sender.withFrame(place) { frame in
      if fresh { stamper.prefill(&frame, for: entry.kind) }
      return stamper.stamp(entry, into: &frame)
    }
    kinds[place] = entry.kind
  }
}
