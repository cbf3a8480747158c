// Sending by the in-kernel generator: entries are copied into shared memory, and the kernel builds the frames.
import Kernel
import Synchronization
import Wire

/// Sends through one ring of the in-kernel generator.
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
    /// Sent, and not yet returned by `complete`.
    var completed = FrameCounts()
    /// Frames per system call: fewer than `batch` while the driver refuses some.
    var stride: Int
    /// Entries of the ring that probes may not use, so that there is always room for an RST.
    let reserved: Int
    let ringSize: Int
    let batch: Int
  }

  /// - Parameters:
  ///   - number: which of the generator's rings.
  ///   - processor: the one that the sending thread is pinned to; each ring needs its own.
  ///   - batch: frames sent per system call.
  ///   - ringSize: the most entries that may wait.
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
    // Each transmitter sets all templates again: the same bytes, and nothing is in flight.
    generator.prepare(stamper)
    state.withLock { state in
      state.frameLength = stamper.frameLength
      state.completed = FrameCounts()
      state.stride = state.batch
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

  public var hasUnsent: Bool { waiting > 0 }
  public func discardUnsent() { state.withLock { $0.ring.discard() } }

  public func complete(sending: Bool) throws(Fault) -> FrameCounts {
    state.withLock { state in
      defer { state.completed = FrameCounts() }
      return state.completed
    }
  }

  private func fault(_ cause: Errno) -> Fault {
    let remedy: String? =
      switch cause {
      case .noSuchProcess: "Another program moved the sending thread off processor \(processor ?? 0)"
      // EOPNOTSUPP: a veth that is down has no ring, and so no ndo_xdp_xmit.
      case .notSupported, .networkDown: "The interface is down, or its peer is; run `ip link set … up`"
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
      result.sent = run.sent.total
      result.refused = FrameCounts(
        probes: UInt64(run.refused.probes), resets: UInt64(run.refused.resets))
      adapt(sent: run.sent.total, refused: run.refused.total)
      return .success(result)
    } catch {
      return .failure(error)
    }
  }

  /// Returns how many of the entries, from the first, there is room for.
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

  /// Adapts the number of frames per call to what the driver takes. A full queue refuses the tail of a batch, whose
  /// frames were built in vain, so offer as many as it took last, and a few more each time it takes all.
  private mutating func adapt(sent: Int, refused: Int) {
    if refused > 0 {
      stride = max(min(64, batch), sent)
    } else if sent >= stride {
      stride = min(batch, stride + stride / 4 + 1)
    }
  }
}
