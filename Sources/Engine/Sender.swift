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
  /// nil if probes are sent even if their replies may be lost.
  private var overload: OverloadGuard?
  /// nil if no licence is needed.
  private var licence: LicensedShare?
  /// Whether the licence allowed no probe at the last look.
  private var isUnlicensed = false
  /// Whether probes were in the transmitter, unsent, when the licence ended. Until it is renewed, nothing may send them.
  private var holdsProbes = false
  /// The probes of this interval that are still to be sent: blocks and calls may be shorter than an interval's worth.
  private var rest = 0

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
  ///   - pacer: Keeps to this thread's share of the rate.
  ///   - overload: nil to send even if replies may be lost.
  ///   - licence: nil if no licence is needed.
  init(
    transmitter: any Transmitter, resets: ResetQueue?, counters: SenderCounters, gate: ScopeGate,
    source: ProbeSource, block: ProbeBlock, pacer: Pacer, overload: OverloadGuard?,
    licence: LicensedShare? = nil
  ) {
    self.transmitter = transmitter
    self.resets = resets
    self.counters = counters
    self.gate = gate
    self.source = source
    self.pacer = pacer
    self.overload = overload
    self.licence = licence
    // Nothing of another job is unsent, so nothing is held.
    isUnlicensed = licence != nil
    self.block = block
    resetBatch.reserveCapacity(ResetQueue.capacity)
  }

  /// Runs until the phase is `ended`, or until sending fails, and then stores the fault in the counters.
  mutating func run() {
    do throws(Fault) {
      while counters.phase != .ended { try step() }
      _ = checkLicence()
      // Nobody waits for another licence, and the next job must not send them.
      if isHeld { transmitter.discardUnsent() }
      // Each reply received is owed an RST.
      try sendResets()
      try drain()
    } catch {
      counters.fault = error
      counters.finishTime.store(Clock.monotonic, ordering: .releasing)
    }
  }

  private mutating func step() throws(Fault) {
    let isLicensed = checkLicence()
    try collectCompletions(sending: !isHeld)
    if denied.update(from: gate) { denied.remove(from: &block, nextEntry, counters) }
    if counters.isPositionRequested, try !reportPosition() { return }
    let isSending = counters.phase == .sending
    let isPaused = isSending && (!isLicensed || gate.pause.isActive)
    if isSending, !isPaused, refill() || transmitter.waiting > 0 { return try sendProbes() }
    if isHeld { return wait(until: Clock.monotonic + pauseInterval) }
    if hasResets { return try sendResets() }
    if isPaused {
      // Submitted before the pause. After it, their addresses may be denied.
      if transmitter.waiting > 0 { try sendRefused() }
      return wait(until: Clock.monotonic + pauseInterval)
    }
    guard !isSending || isExhausted else { return wait(until: Clock.monotonic + 20_000) }
    // Refused probes are counted as generated, so they must still be sent.
    if transmitter.waiting > 0 { return try sendRefused() }
    guard transmitter.inFlight == 0 else { return wait(until: Clock.monotonic + 500_000) }
    if counters.finishTime.load(ordering: .relaxed) == 0 {
      counters.finishTime.store(Clock.monotonic, ordering: .releasing)
    }
    wait(until: Clock.monotonic + longestWait)
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
    if transmitter.waiting > 0, !isHeld { try sendRefused() } else { wait(until: now + 10_000) }
    return false
  }

  // MARK: - The licence

  /// Returns whether the licence allows probes now, and keeps to its rate.
  private mutating func checkLicence() -> Bool {
    guard licence != nil else { return true }
    let rate = licence?.rate(at: Clock.boottime)
    guard let rate else {
      if !isUnlicensed { (isUnlicensed, holdsProbes) = (true, transmitter.hasUnsent) }
      return false
    }
    if isUnlicensed || rate != pacer.perSecond {
      pacer.set(perSecond: rate, at: Clock.monotonic)
      (isUnlicensed, holdsProbes, rest) = (false, false, 0)
    }
    return true
  }

  /// Whether the next call of the transmitter would send probes that the licence does not allow any more.
  private var isHeld: Bool { isUnlicensed && holdsProbes && transmitter.hasUnsent }

  /// Hands entries to the transmitter. Under a licence it looks at the clock again before the call that sends them, because
  /// the process may have been stopped since the last look.
  private mutating func submit(_ first: Int, _ count: Int) throws(Fault) -> SubmitResult {
    let entries = first..<first + count
    guard licence != nil else { return try transmitter.submit(block.entries.span.extracting(entries)) }
    var result = try transmitter.submit(block.entries.span.extracting(entries), more: true)
    guard checkLicence() else { return result }
    let sending = try transmitter.submit(block.entries.span.extracting(0..<0))
    result.sent += sending.sent
    result.refused = sending.refused
    return result
  }

  // MARK: - Sending

  private var isBlockUsed: Bool { nextEntry >= block.count }

  /// Sends the probes that are due, and any RSTs with them, because a call costs more than a frame.
  private mutating func sendProbes() throws(Fault) {
    let refused = transmitter.waiting
    let limit = pacer.batch == 0 ? transmitter.batch : rest > 0 ? rest : pacer.batch
    let due = min(pacer.due(at: Clock.monotonic), limit)
    let wanted = rest > 0 ? 1 : max(1, pacer.tick)
    guard due >= wanted else {
      rest = 0
      let dueTime = pacer.dueTime(for: wanted)
      // At low rates an RST must not wait for the next probe.
      if hasResets, dueTime > Clock.monotonic + maxResetDelay { try sendResets() }
      return wait(until: dueTime)
    }
    guard let room = try roomForReplies() else { return }
    if !hasSentProbe {
      hasSentProbe = true
      counters.firstProbeTime.store(Clock.monotonic, ordering: .relaxed)
    }
    if hasResets { try sendResets(more: true) }
    let count = min(block.count - nextEntry, transmitter.batch, max(0, due - refused), room)
    let result = try submit(nextEntry, count)
    let sent = min(result.sent, count + refused)
    pacer.spend(sent, at: Clock.monotonic)
    if pacer.batch > 0 { rest = max(0, due - sent) }
    nextEntry += result.accepted
    counters.probesRefused.add(result.refused.probes, ordering: .relaxed)
    // A full queue empties at the NIC's speed, so retrying at once would only burn the processor.
    if result.refused.probes > 0 || result.sent == 0 { wait(until: Clock.monotonic + 20_000) }
  }

  /// Returns how many probes may be answered without losing replies. If none may, sends only the RSTs that are due, waits a
  /// little and returns nil.
  private mutating func roomForReplies() throws(Fault) -> Int? {
    guard let room = overload?.room() else { return .max }
    if room > 0 { return room }
    let begun = Clock.monotonic
    if hasResets { try sendResets() }
    wait(until: begun + 100_000)
    counters.overloadTime.add(Clock.monotonic - begun, ordering: .relaxed)
    return nil
  }

  /// Nanoseconds that an RST may wait to be sent together with probes.
  private let maxResetDelay: UInt64 = 5_000_000
  /// Nanoseconds between two looks at whether a pause has ended.
  private let pauseInterval: UInt64 = 5_000_000
  /// Nanoseconds after which a change of phase, a request for the position or a change of the scope is noticed.
  private let longestWait: UInt64 = 20_000_000

  /// Sleeps until `time` on CLOCK_MONOTONIC, or until RSTs come if none wait, but not for long.
  private func wait(until time: UInt64) {
    let now = Clock.monotonic
    var end = min(time, now + longestWait)
    if let resets {
      // poll(2) counts in milliseconds. What remains is slept in the next call.
      if end > now + 2_000_000, resets.isEmpty {
        return resets.wait(milliseconds: Int((end - now) / 1_000_000))
      }
      end = min(end, now + maxResetDelay)
    }
    Clock.sleep(untilMonotonic: end)
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

  private func collectCompletions(sending: Bool = true) throws(Fault) {
    let counts = try transmitter.complete(sending: sending)
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
