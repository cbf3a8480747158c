// The sending thread's loop: RSTs first, then as many probes as the pacer allows.
import Datapath
import Kernel
import Plan
import Scan
import Synchronization
import Wire

/// Sends one thread's share of the probes. Allocates before the loop, not in it.
struct Sender {
  private let transmitter: any Transmitter
  /// nil for all but the first sending thread.
  private let resets: ResetQueue?
  private let counters: SenderCounters
  private let gate: ScopeGate
  private var denied = DeniedProbes()
  private var source: ProbeSource
  private var pacer: Pacer

  private var block: ProbeBlock
  /// The index of the block's first entry that is still to be sent.
  private var nextEntry = 0
  private var resetBatch: [TransmitEntry] = []
  /// The source has no more probes.
  private var isExhausted = false
  private var hasSentProbe = false
  /// When to stop waiting for frames in flight and report no position; nil while no position is requested.
  private var positionDeadline: UInt64?

  /// - Parameters:
  ///   - gate: No probe is sent while its pause is active, and none to an address that it denies.
  ///   - block: An empty block of the source's size.
  ///   - rate: This thread's share, probes per second; 0 is no limit.
  init(
    transmitter: any Transmitter, resets: ResetQueue?, counters: SenderCounters, gate: ScopeGate,
    source: ProbeSource, block: ProbeBlock, rate: UInt64
  ) {
    self.transmitter = transmitter
    self.resets = resets
    self.counters = counters
    self.gate = gate
    self.source = source
    pacer = Pacer(perSecond: rate, start: Clock.monotonic)
    self.block = block
    resetBatch.reserveCapacity(ResetQueue.capacity)
  }

  /// Runs until the phase is `ended`, or until sending fails, and then stores the fault in the counters.
  mutating func run() {
    do throws(Fault) {
      while counters.phase != .ended { try step() }
      // Each reply received is owed an RST.
      try sendResets()
      try drain()
    } catch {
      counters.fault = error
      counters.finishTime.store(Clock.monotonic, ordering: .releasing)
    }
  }

  private mutating func step() throws(Fault) {
    try collectCompletions()
    if denied.update(from: gate) { denied.remove(from: &block, nextEntry, counters) }
    if counters.isPositionRequested, try !reportPosition() { return }
    let isSending = counters.phase == .sending
    let isPaused = isSending && gate.pause.isActive
    if isSending, !isPaused, refill() || transmitter.waiting > 0 { return try sendProbes() }
    if hasResets { return try sendResets() }
    if isPaused {
      // Submitted before the pause. After it, their addresses may be denied.
      if transmitter.waiting > 0 { try sendRefused() }
      return wait(until: Clock.monotonic + 1_000_000)
    }
    guard !isSending || isExhausted else { return wait(until: Clock.monotonic + 20_000) }
    // Refused probes are counted as generated, so they must still be sent.
    if transmitter.waiting > 0 { return try sendRefused() }
    if transmitter.inFlight == 0, counters.finishTime.load(ordering: .relaxed) == 0 {
      counters.finishTime.store(Clock.monotonic, ordering: .releasing)
    }
    wait(until: Clock.monotonic + 500_000)
  }

  /// Reports the position below which all probes are completed; returns false while frames are in flight.
  ///
  /// Frames may be completed out of order, so a count does not tell which ones are. The sender therefore sends
  /// nothing new until none is in flight. It reports no position after 100 ms, because some NICs complete their
  /// last frames only when more are submitted.
  private mutating func reportPosition() throws(Fault) -> Bool {
    if transmitter.inFlight == 0 {
      positionDeadline = nil
      counters.report(
        position: isBlockUsed && isExhausted ? .max : block.position(of: nextEntry))
      return true
    }
    let now = Clock.monotonic
    let deadline = positionDeadline ?? now + 100_000_000
    positionDeadline = deadline
    if now >= deadline {
      positionDeadline = nil
      counters.report(position: nil)
      return true
    }
    if transmitter.waiting > 0 { try sendRefused() } else { wait(until: now + 10_000) }
    return false
  }

  private var isBlockUsed: Bool { nextEntry >= block.count }

  /// Sends the probes that are due, and any RSTs with them, because a call costs more than a frame.
  private mutating func sendProbes() throws(Fault) {
    let limit = pacer.batch > 0 ? pacer.batch : transmitter.batch
    let refused = transmitter.waiting
    let due = min(pacer.due(at: Clock.monotonic), limit)
    let wanted = pacer.batch > 0 ? min(pacer.tick, block.count - nextEntry + refused) : 1
    guard due >= wanted else {
      let dueTime = pacer.dueTime(for: wanted)
      // At low rates an RST must not wait for the next probe.
      let isFar = dueTime > Clock.monotonic + maxResetDelay
      if isFar, hasResets { try sendResets() }
      return wait(until: isFar ? min(dueTime, Clock.monotonic + maxResetDelay) : dueTime)
    }
    if !hasSentProbe {
      hasSentProbe = true
      counters.firstProbeTime.store(Clock.monotonic, ordering: .relaxed)
    }
    if hasResets { try sendResets(more: true) }
    let count = min(block.count - nextEntry, transmitter.batch, max(0, due - refused))
    let result = try transmitter.submit(
      block.entries.span.extracting(nextEntry..<nextEntry + count))
    pacer.spend(min(result.sent, count + refused), at: Clock.monotonic)
    nextEntry += result.accepted
    counters.probesRefused.add(result.refused.probes, ordering: .relaxed)
    // A full queue empties at the NIC's speed, so retrying at once would only burn the processor.
    if result.refused.probes > 0 || result.sent == 0 { wait(until: Clock.monotonic + 20_000) }
  }

  /// Nanoseconds that an RST may wait to be sent together with probes.
  private let maxResetDelay: UInt64 = 2_000_000

  /// Sleeps until `time` on CLOCK_MONOTONIC, but for at most 5 ms, so that RSTs and a change of phase are noticed.
  private func wait(until time: UInt64) {
    Clock.sleep(untilMonotonic: min(time, Clock.monotonic + 5_000_000))
  }

  /// Fetches the next block if the current one is used; returns whether there are entries to send.
  private mutating func refill() -> Bool {
    guard isBlockUsed, !isExhausted else { return !isBlockUsed }
    switch source.next(&block) {
    case .filled:
      nextEntry = 0
      // The block may have been built before the last change of the scope.
      denied.remove(from: &block, nextEntry, counters)
    case .pending: break
    case .exhausted: (nextEntry, isExhausted) = (block.count, true)
    }
    return !isBlockUsed
  }

  private var hasResets: Bool { resets.map { !$0.isEmpty } ?? false }

  private mutating func sendResets(more: Bool = false) throws(Fault) {
    resetBatch.removeAll(keepingCapacity: true)
    resets?.takeAll(into: &resetBatch)
    var sent = 0
    while sent < resetBatch.count {
      let end = min(resetBatch.count, sent + transmitter.batch)
      let isLast = end == resetBatch.count
      let result = try transmitter.submit(
        resetBatch.span.extracting(sent..<end), more: more && isLast)
      sent += result.accepted
      counters.probesRefused.add(result.refused.probes, ordering: .relaxed)
      try collectCompletions()
      if result.accepted == 0 { wait(until: Clock.monotonic + 20_000) }
    }
  }

  /// Retries the frames that the driver refused.
  private func sendRefused() throws(Fault) {
    let result = try transmitter.submit(block.entries.span.extracting(0..<0))
    counters.probesRefused.add(result.refused.probes, ordering: .relaxed)
    if result.sent == 0 { wait(until: Clock.monotonic + 20_000) }
  }

  private func collectCompletions() throws(Fault) {
    let counts = try transmitter.complete()
    if counts.probes > 0 { counters.probesCompleted.add(counts.probes, ordering: .relaxed) }
  }

  /// Waits until no frame is in flight.
  ///
  /// - Throws: A fault after two seconds.
  private func drain() throws(Fault) {
    let deadline = Clock.monotonic + 2_000_000_000
    while true {
      try collectCompletions()
      if transmitter.inFlight == 0 { return }
      guard Clock.monotonic < deadline else {
        throw Fault(
          "queue \(transmitter.queue) did not complete \(transmitter.inFlight) frames within 2 s",
          remedy: "Check whether the link went down during the scan")
      }
      if transmitter.waiting > 0 { try sendRefused() } else { wait(until: Clock.monotonic + 100_000) }
    }
  }
}
