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
  private let resets: ResetQueue
  private let counters: SenderCounters
  private let gate: ScopeGate
  private var denied = DeniedProbes()
  private var source: ProbeSource
  private var pacer: Pacer

  private var block: ProbeBlock
  /// Entries of the block from this one on are still to be sent.
  private var first = 0
  private var resetBatch: [TransmitEntry] = []
  private var exhausted = false
  private var hasBegun = false
  /// When what is on its way must have arrived, if a settlement is to be had; nil where none is awaited.
  private var settlementDeadline: UInt64?

  /// - Parameters:
  ///   - gate: while its pause is active no probes leave, and none to what it denies.
  ///   - block: an empty block of the source's.
  ///   - rate: this thread's share, probes per second; 0 is no limit.
  init(
    transmitter: any Transmitter, resets: ResetQueue, counters: SenderCounters, gate: ScopeGate,
    source: ProbeSource, block: ProbeBlock, rate: UInt64
  ) {
    self.transmitter = transmitter
    self.resets = resets
    self.counters = counters
    self.gate = gate
    self.source = source
    pacer = Pacer(perSecond: rate, start: Clock.monotonic)
    self.block = block
    resetBatch.reserveCapacity(4096)
  }

  /// Runs until told to end, or until sending fails; the reason is left in the counters.
  mutating func run() {
    do throws(Fault) {
      while counters.phase != .ended { try turn() }
      // RSTs whose events were taken are owed.
      try sendResets()
      try drain()
    } catch {
      counters.fault = error
      counters.finished.store(Clock.monotonic, ordering: .releasing)
    }
  }

  private mutating func turn() throws(Fault) {
    try takeCompletions()
    if denied.update(from: gate) { denied.remove(from: &block, first, counters) }
    if counters.isSettlementWanted, try !settle() { return }
    let isSending = counters.phase == .sending
    let isHeld = isSending && gate.pause.isActive
    if isSending, !isHeld, refill() || transmitter.waiting > 0 { return try sendProbes() }
    if !resets.isEmpty { return try sendResets() }
    if isHeld {
      // Handed over before: later it might be denied.
      if transmitter.waiting > 0 { try sendWaiting() }
      return rest(until: Clock.monotonic + 1_000_000)
    }
    guard !isSending || exhausted else { return rest(until: Clock.monotonic + 20_000) }
    if transmitter.waiting > 0 {
      // Told to stop: what the driver refused before still leaves, for it counts as generated.
      return try sendWaiting()
    }
    if transmitter.inFlight == 0, counters.finished.load(ordering: .relaxed) == 0 {
      counters.finished.store(Clock.monotonic, ordering: .releasing)
    }
    rest(until: Clock.monotonic + 500_000)
  }

  /// Says up to which place all probes have been completed, once nothing is on its way: frames may be
  /// completed out of order, so that a count would not tell. False while something is; nothing else is sent
  /// then. A NIC that confirms what it holds only when more comes is not waited for.
  private mutating func settle() throws(Fault) -> Bool {
    if transmitter.inFlight == 0 {
      settlementDeadline = nil
      counters.settle(at: isUsedUp && exhausted ? .max : block.place(of: first))
      return true
    }
    let now = Clock.monotonic
    let deadline = settlementDeadline ?? now + 100_000_000
    settlementDeadline = deadline
    if now >= deadline {
      settlementDeadline = nil
      counters.settle(at: nil)
      return true
    }
    if transmitter.waiting > 0 { try sendWaiting() } else { rest(until: now + 10_000) }
    return false
  }

  private var isUsedUp: Bool { first >= block.count }

  /// Sends what is due, and the RSTs that wait with it: a call costs more than a frame.
  private mutating func sendProbes() throws(Fault) {
    let limit = pacer.batch > 0 ? pacer.batch : transmitter.batch
    let waiting = transmitter.waiting
    let due = min(pacer.due(at: Clock.monotonic), limit)
    let wanted = pacer.batch > 0 ? min(pacer.tick, block.count - first + waiting) : 1
    guard due >= wanted else {
      let moment = pacer.dueTime(for: wanted)
      // RSTs do not wait for the next probes where these are far.
      let isFar = moment > Clock.monotonic + resetDelay
      if isFar, !resets.isEmpty { try sendResets() }
      return rest(until: isFar ? min(moment, Clock.monotonic + resetDelay) : moment)
    }
    if !hasBegun {
      hasBegun = true
      counters.begun.store(Clock.monotonic, ordering: .relaxed)
    }
    if !resets.isEmpty { try sendResets(more: true) }
    let count = min(block.count - first, transmitter.batch, max(0, due - waiting))
    let result = try transmitter.submit(
      block.entries.span.extracting(first..<first + count))
    pacer.spend(min(result.sent, count + waiting), at: Clock.monotonic)
    first += result.accepted
    counters.probesRefused.add(result.refused.probes, ordering: .relaxed)
    // A full queue empties at the NIC's pace; asking again at once would only burn the processor.
    if result.refused.probes > 0 || result.sent == 0 { rest(until: Clock.monotonic + 20_000) }
  }

  /// Nanoseconds that an RST may wait for company.
  private let resetDelay: UInt64 = 2_000_000

  /// Sleeps until a moment of CLOCK_MONOTONIC, but never long: RSTs may come, and a signal wants to be
  /// noticed.
  private func rest(until moment: UInt64) {
    Clock.sleep(untilMonotonic: min(moment, Clock.monotonic + 5_000_000))
  }

  /// Sees to it that there are entries, if there are any to be had now.
  private mutating func refill() -> Bool {
    guard isUsedUp, !exhausted else { return !isUsedUp }
    switch source.next(&block) {
    case .entries:
      first = 0
      // It may have been made before the last change.
      denied.remove(from: &block, first, counters)
    case .nothing: break
    case .end: (first, exhausted) = (block.count, true)
    }
    return !isUsedUp
  }

  private mutating func sendResets(more: Bool = false) throws(Fault) {
    resetBatch.removeAll(keepingCapacity: true)
    resets.takeAll(into: &resetBatch)
    var sent = 0
    while sent < resetBatch.count {
      let end = min(resetBatch.count, sent + transmitter.batch)
      let isLast = end == resetBatch.count
      let result = try transmitter.submit(
        resetBatch.span.extracting(sent..<end), more: more && isLast)
      sent += result.accepted
      counters.probesRefused.add(result.refused.probes, ordering: .relaxed)
      try takeCompletions()
      if result.accepted == 0 { rest(until: Clock.monotonic + 20_000) }
    }
  }

  /// Tries again what was refused.
  private func sendWaiting() throws(Fault) {
    let result = try transmitter.submit(block.entries.span.extracting(0..<0))
    counters.probesRefused.add(result.refused.probes, ordering: .relaxed)
    if result.sent == 0 { rest(until: Clock.monotonic + 20_000) }
  }

  private func takeCompletions() throws(Fault) {
    let counts = try transmitter.complete()
    if counts.probes > 0 { counters.probesCompleted.add(counts.probes, ordering: .relaxed) }
    if counts.resets > 0 { counters.resetsCompleted.add(counts.resets, ordering: .relaxed) }
  }

  /// Waits for what the kernel still holds; a NIC that confirms nothing for two seconds will not any more.
  private func drain() throws(Fault) {
    let deadline = Clock.monotonic + 2_000_000_000
    while true {
      try takeCompletions()
      if transmitter.inFlight == 0 { return }
      guard Clock.monotonic < deadline else {
        throw Fault(
          "\(transmitter.inFlight) frames were handed to queue \(transmitter.queue) and never confirmed",
          remedy: "The link may have gone down during the scan")
      }
      if transmitter.waiting > 0 { try sendWaiting() } else { rest(until: Clock.monotonic + 100_000) }
    }
  }
}
