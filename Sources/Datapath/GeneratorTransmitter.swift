// Sending by the in-kernel generator: entries are copied into shared memory, the kernel makes the frames.
import Kernel
import Synchronization
import Wire

public final class GeneratorTransmitter: Transmitter {
  public let mode = TransmitMode.generator
  public let queue: UInt32
  public let batch: Int
  public let processor: Int?
  private let generator: Generator
  private let state: Mutex<State>

  fileprivate struct State: ~Copyable {
    var ring: GeneratorRing
    var frameLength = FrameLayout.minimumLength
    /// Sent; nobody has been told yet.
    var completed = FrameCounts()
    /// Frames to try at a time: fewer while the driver's ring refuses some.
    var stride: Int
    /// Probes may use the ring but for so many entries, so that an RST always finds room.
    let reserved: Int
    let ringSize: Int
    let batch: Int
  }

  /// - Parameters:
  ///   - number: which of the generator's rings.
  ///   - processor: the one that the sending thread is pinned to, and the thread of no other ring.
  ///   - batch: frames made in one system call.
  ///   - ringSize: entries that wait at most.
  public init(
    _ generator: Generator, number: Int, processor: Int, batch: Int,
    ringSize: Int = ProbeGenerator.ringSize
  ) {
    precondition(ringSize <= ProbeGenerator.ringSize)
    self.generator = generator
    self.queue = UInt32(number)
    self.processor = processor
    self.batch = batch
    state = Mutex(
      State(
        ring: GeneratorRing(
          generator.program, number: number, processor: processor, entry: generator.entry),
        stride: batch, reserved: ringSize / 4, ringSize: ringSize, batch: batch))
  }

  public var inFlight: Int { waiting }
  public var waiting: Int { state.withLock { $0.ring.waiting } }

  public func prepare(_ stamper: FrameStamper) {
    // Each queue sets all templates anew: the same bytes, while nothing is in flight.
    generator.prepare(stamper)
    let key = stamper.cookie.key
    state.withLock { state in
      state.frameLength = stamper.frameLength
      state.completed = FrameCounts()
      state.stride = state.batch
      state.ring.prepare(
        k0: key.k0, k1: key.k1,
        identification: (stamper.identificationMask, stamper.identificationFixed))
    }
  }

  public func submit(_ entries: Span<TransmitEntry>, more: Bool) throws(Fault) -> SubmitResult {
    let outcome = state.withLock { state in state.submit(entries, more: more) }
    do throws(Errno) {
      return try outcome.get()
    } catch {
      throw fault(error)
    }
  }

  public func complete() throws(Fault) -> FrameCounts {
    state.withLock { state in
      defer { state.completed = FrameCounts() }
      return state.completed
    }
  }

  private func fault(_ cause: Errno) -> Fault {
    let remedy: String? =
      switch cause.number {
      case 3: "Something moved the sending thread off processor \(processor ?? 0)"
      // A veth that is down has no ring, and so no ndo_xdp_xmit.
      case 95, 100: "The interface is down, or its peer is; `ip link set … up`"
      default: nil
      }
    return Fault("cannot send through generator queue \(queue)", cause: cause, remedy: remedy)
  }
}

extension GeneratorTransmitter.State {
  mutating func submit(_ entries: Span<TransmitEntry>, more: Bool) -> Result<SubmitResult, Errno> {
    var result = SubmitResult()
    result.accepted = accepted(entries)
    ring.append(entries.extracting(0..<result.accepted))
    if more { return .success(result) }
    do throws(Errno) {
      let run = try ring.run(limit: stride, frameLength: frameLength)
      completed.probes += UInt64(run.sent.probes)
      completed.resets += UInt64(run.sent.resets)
      result.left = run.sent.total
      result.refused = FrameCounts(
        probes: UInt64(run.refused.probes), resets: UInt64(run.refused.resets))
      adapt(sent: run.sent.total, refused: run.refused.total)
      return .success(result)
    } catch {
      return .failure(error)
    }
  }

  /// How many of the first ones there is room for.
  private func accepted(_ entries: Span<TransmitEntry>) -> Int {
    let count = min(entries.count, batch)
    var room = ringSize - ring.waiting
    if room - reserved >= count { return count }
    for index in 0..<count {
      guard room > (entries[index].kind == .rst ? 0 : reserved) else { return index }
      room -= 1
    }
    return count
  }

  /// A full ring refuses the tail of what it is offered, and making those frames was in vain: offer about
  /// what it took, and a little more each time it takes all.
  private mutating func adapt(sent: Int, refused: Int) {
    if refused > 0 {
      stride = max(min(64, batch), sent)
    } else if sent >= stride {
      stride = min(batch, stride + stride / 4 + 1)
    }
  }
}
