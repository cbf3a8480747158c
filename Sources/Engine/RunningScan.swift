// One scan, as its control thread sees it.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Spool
import Synchronization
import Wire

/// A running scan. Used by the control thread.
package final class RunningScan {
  let engine: ScanEngine
  package let job: JobSettings
  let senders: [SenderCounters]
  /// The addresses that the senders must not probe, and the faults that stop them altogether.
  let gate: ScopeGate
  let intake: Intake
  let sink: ResultSink
  /// nil for a scan that cannot be resumed.
  let checkpointer: Checkpointer?
  /// The receiver's counts when this scan began.
  let fatesBefore: FateCounts
  /// The same of its slot alone.
  let slotFatesBefore: FateCounts
  /// CLOCK_REALTIME minus CLOCK_MONOTONIC, nanoseconds, for the events' timestamps.
  let clockOffset: UInt64
  /// CLOCK_MONOTONIC, nanoseconds, as are all times here.
  let startTime: UInt64
  let usageBefore: ResourceUsage
  package private(set) var ending: Ending?
  private var stopDeadline: UInt64?

  var station: Station { engine.station }
  var pause: Pause { gate.pause }

  /// Starts a scan.
  ///
  /// - Parameters:
  ///   - slot: A slot that no other scan has.
  ///   - checkpointer: The job's, for a scan that can be resumed. If it has a checkpoint, the scan resumes there.
  package init(
    _ job: JobSettings, on engine: ScanEngine, slot: Int = 0, nextHops: NextHops,
    writer: consuming ResultWriter,
    checkpointer: Checkpointer? = nil
  ) throws(Fault) {
    let station = engine.station
    try engine.prepare(for: nextHops)
    station.receiver.setKey(job.key, slot: slot)
    let sink = ResultSink(writer)
    // The header of an output without results.
    sink.flush()
    let table = try Self.table(job, checkpointer, limit: engine.tableLimit(job.dedupeMemory.bytes))
    fatesBefore = try station.receiver.fates()
    slotFatesBefore = try station.receiver.fates(slot: slot)
    self.engine = engine
    self.job = job
    self.sink = sink
    self.checkpointer = checkpointer
    senders = station.transmitters.map { _ in SenderCounters() }
    gate = job.scopeGate ?? ScopeGate(sha256: job.scopeSHA256)
    startTime = Clock.monotonic
    clockOffset = Clock.realtime &- startTime
    usageBefore = .current
    if nextHops.addresses[0] != .zero { engine.nextHops.set(gateway: nextHops.addresses[0]) }
    intake = Intake(
      slot: slot, nextHops: nextHops.renumbered(in: engine.nextHops), senders: senders, sink: sink,
      pause: gate.pause, dedupes: job.dedupes,
      resultsLimit: job.maxResults.map { $0 - min($0, sink.writtenBefore) }, clockOffset: clockOffset)
    do throws(Fault) {
      try engine.begin(self, table)
    } catch {
      end()
      throw error
    }
  }

  /// Rebuilds the dedupe table of earlier processes from the job's journal.
  private static func table(
    _ job: JobSettings, _ checkpointer: Checkpointer?, limit: Int
  ) throws(Fault) -> DedupeTable {
    var table = DedupeTable(key: job.key.derived(for: .deduping), bytesMax: limit)
    guard let checkpointer, job.dedupes else { return table }
    try checkpointer.files.journal.readJournal { _ = table.insert($0.reply) }
    return table
  }

  /// CLOCK_MONOTONIC when the first probe was submitted; nil before.
  package var firstProbeTime: UInt64? {
    senders.map { $0.firstProbeTime.load(ordering: .acquiring) }.filter { $0 > 0 }.min()
  }

  /// Each sender's share of the rate, probes per second; 0 is no limit.
  var shares: [UInt64] {
    let rate = job.rate.perSecond ?? 0
    guard rate > 0 else { return senders.map { _ in 0 } }
    // A share is at least one probe a second, so a very low rate leaves some senders idle.
    let count = min(UInt64(senders.count), rate)
    // The first ones take the division's remainder, so that the shares add up to the rate.
    return (0..<count).map { rate / count + ($0 < rate % count ? 1 : 0) }
  }

  /// Whether all probes were sent.
  package var hasSent: Bool { sendingFinished != nil }

  /// Why results or the last checkpoint cannot be written at the moment. They wait in memory.
  package var storageFailure: Fault? { sink.failure ?? checkpointer?.failure }

  /// CLOCK_MONOTONIC when the write began for which results have been waiting, nanoseconds; nil if none does.
  package var stalledSince: UInt64? { sink.busySince }

  /// CLOCK_MONOTONIC when the last sender finished, nanoseconds; nil while any sends.
  var sendingFinished: UInt64? { intake.sendingFinished }

  // MARK: - Control

  /// Ends the scan for this reason, unless it already ends for another. Its results are kept. The runtime limit only ends
  /// the sending, so it hides no other reason.
  package func stop(_ reason: Ending) {
    if ending == nil || ending == .maxRuntime { ending = reason }
  }

  /// Does what is due: call it about every 20 ms. Returns whether the scan is over; `finish` must follow.
  ///
  /// May wait for the disk and for ARP replies.
  ///
  /// - Throws: A fault of a thread, or one that makes everything after the last checkpoint worthless. `end` must follow.
  package func tick() throws(Fault) -> Bool {
    try throwFaults()
    let now = Clock.monotonic
    if let limit = job.maxRuntime, ending == nil, runtime(at: now) >= limit.nanoseconds {
      ending = .maxRuntime
    }
    if intake.isFull, ending == nil { stop(.maxResults) }
    try checkpoint(at: now)
    if let ending, ending != .maxRuntime { return isStopped(at: now) }
    // The runtime limit ends the sending and leaves time for replies. All other endings stop the scan.
    if ending == .maxRuntime {
      drainSenders()
      return isCooldownOver(at: now, job.cooldown.nanoseconds)
    }
    return try isDone(at: now)
  }

  private func throwFaults() throws(Fault) {
    if let fault = senders.lazy.compactMap(\.fault).first { throw fault }
    if let fault = engine.fault { throw fault }
    if let fault = sink.fault { throw fault }
  }

  private func drainSenders() {
    for sender in senders where sender.phase == .sending { sender.phase = .draining }
  }

  private func isStopped(at now: UInt64) -> Bool {
    drainSenders()
    let deadline = stopDeadline ?? now + 1_000_000_000
    stopDeadline = deadline
    return sendingFinished != nil || now >= deadline
  }

  private func isDone(at now: UInt64) throws(Fault) -> Bool {
    let cooldown = job.cooldown.nanoseconds
    // Some results may not be written yet.
    guard isCooldownOver(at: now, cooldown), !pause.isActive(for: .storage) else { return false }
    // Replies in the ring arrived in time, even if the queue has no room for their RSTs yet. The second
    // condition keeps an endless flood from keeping the scan alive.
    guard
      isCooldownOver(at: intake.counts.value.drainedUntil, cooldown)
        || isCooldownOver(at: now, cooldown + 1_000_000_000)
    else { return false }
    return try checkpointer?.isLinkIntact() ?? true
  }

  private func isCooldownOver(at now: UInt64, _ cooldown: UInt64) -> Bool {
    guard let finished = sendingFinished else { return false }
    return now >= finished + cooldown
  }

  // MARK: - End

  /// Ends the scan and returns what it has found. Every reply that was counted is in the results.
  package func finish() throws(Fault) -> (summary: Summary, last: ScanSnapshot, ending: Ending) {
    end()
    try throwFaults()
    try awaitWriter()
    let last = try snapshot(at: Clock.monotonic)
    let reason = ending ?? .done
    if reason.isResumable, let checkpointer {
      try saveFinalCheckpoint(checkpointer)
    } else {
      try sink.sync()
    }
    return (try summary(), last, reason)
  }

  /// Ends the scan, whatever has happened.
  package func end() {
    drainSenders()
    // From now on no more replies are accepted, so that those taken are all that are counted.
    station.receiver.setKey(nil, slot: Int(intake.slot))
    intake.close()
    engine.receiving.wake()
    while !intake.isClosed, !hasFault { Kernel.pause(milliseconds: 1) }
    _ = intake.remains.take { $0 = nil }
    engine.end(self)
  }

  private var hasFault: Bool {
    engine.fault != nil || sink.failure != nil || sink.fault != nil
      || senders.contains { $0.fault != nil }
  }

  /// Waits until all results are written, or until it is clear that they cannot be.
  private func awaitWriter() throws(Fault) {
    let all = sink.writtenBefore + intake.counts.value.results
    while sink.mark.written < all, sink.failure == nil {
      if let fault = sink.fault { throw fault }
      Kernel.pause(milliseconds: 1)
    }
  }
}
