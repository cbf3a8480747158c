// A scan's snapshot while it runs, its checkpoints, and its summary.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Spool
import Synchronization
import Wire

extension RunningScan {
  /// Returns the scan as it is at `now`. Allocates nothing and waits for nothing on the packet side.
  package func snapshot(at now: UInt64) throws(Fault) -> ScanSnapshot {
    let fates = try fates()
    let counts = intake.counts.value
    let earlier = checkpointer?.files.checkpoint
    return ScanSnapshot(
      elapsed: now - startTime,
      probesTotal: job.sequence.count - sum { $0.denied.load(ordering: .relaxed) },
      probesBefore: min(earlier?.index ?? 0, job.sequence.count),
      resultsBefore: earlier?.totals[.written] ?? 0,
      probesCompleted: sum { $0.probesCompleted.load(ordering: .relaxed) },
      probesRefused: sum { $0.probesRefused.load(ordering: .relaxed) },
      results: counts.results, repliesValid: fates.valid, repliesInvalid: fates.invalid,
      eventsLost: fates.eventsLost, repliesUnprobedSource: counts.unprobedSources,
      repliesUnprobedTarget: counts.unprobedTargets, resetsWithheld: counts.resetsWithheld,
      duplicates: counts.duplicates, dedupeEvictions: counts.evictions,
      cooldownEnds: sendingFinished.map { $0 + job.cooldown.nanoseconds - startTime },
      rate: rateInForce, pauses: pause.sentences,
      slowDisk: sink.slowDisk(at: now))
  }

  /// The job's rate, or the licence's if that is lower.
  private var rateInForce: PacketRate {
    guard let licence = engine.licence else { return job.rate }
    return (job.rate.perSecond ?? .max) <= licence.rate ? job.rate : PacketRate(max(1, licence.rate))
  }

  private func sum(_ read: (SenderCounters) -> UInt64) -> UInt64 {
    senders.reduce(0) { $0 + read($1) }
  }

  /// What became of the packets since the scan began: of valid replies its own, of all others those of all scans.
  private func fates() throws(Fault) -> FateCounts {
    var fates = try station.receiver.fates() - fatesBefore
    let own = try station.receiver.fates(slot: Int(intake.slot)) - slotFatesBefore
    for fate in Fate.allCases where fate.rawValue >= Fate.open.rawValue { fates[fate] = own[fate] }
    // Nobody knows whose replies packet capture has lost.
    if station.receiver.mode == .packet {
      fates[.openRingFull] = try station.receiver.fates()[.openRingFull] - fatesBefore[.openRingFull]
    }
    return fates
  }

  /// Nanoseconds that the scan has run, in this process and earlier ones.
  func runtime(at now: UInt64) -> UInt64 {
    now - startTime + (checkpointer?.files.checkpoint?.totals[.elapsed] ?? 0)
  }

  // MARK: - Checkpoints

  /// Saves a checkpoint if one is due. Pauses the scan while the disk accepts none, or no results.
  func checkpoint(at now: UInt64) throws(Fault) {
    pause.set(.slowDisk, pause.isBackedUp ? "results wait for the disk" : nil)
    guard let checkpointer else { return }
    // Unless it was told to stop, a scan that no longer sends has sent everything.
    if ending == nil, hasSent {
      checkpointer.noteEnd(at: now)
    } else {
      checkpointer.collectPositions(from: Array(senders.prefix(shares.count)), at: now)
    }
    if sink.failure == nil {
      // In this order: replies taken before `drainedUntil` are among `counts`.
      let counts = intake.counts.value
      let mark = sink.mark
      let isWritten = mark.written == sink.writtenBefore + counts.results
      try checkpointer.saveIfDue(
        at: now, mark, drainedUntil: isWritten ? counts.drainedUntil : mark.counts.drainedUntil
      ) { () throws(Fault) in
        try totals(at: now, isWritten ? counts : mark.counts)
      }
    }
    pause.set(.storage, (sink.failure ?? checkpointer.failure)?.description)
  }

  /// Saves the checkpoint from which another process resumes. If the disk is full or failing, the previous
  /// checkpoint stands.
  func saveFinalCheckpoint(_ checkpointer: Checkpointer) throws(Fault) {
    guard sink.failure == nil else { return }
    do throws(Fault) {
      try checkpointer.save(sink.mark, try totals(at: Clock.monotonic, intake.counts.value))
    } catch {
      guard error.isStorageFailure else { throw error }
    }
  }

  // MARK: - Totals

  /// The counts up to `now`, of this process and earlier ones.
  func totals(at now: UInt64, _ counts: ReceiveCounts) throws(Fault) -> ScanTotals {
    let usage = ResourceUsage.current
    var totals = ScanTotals(started: startTime &+ clockOffset)
    totals.fates = try fates()
    totals[.elapsed] = now - startTime
    let sendingEnd = sendingFinished ?? now
    totals[.sending] = sendingEnd - min(sendingEnd, firstProbeTime ?? sendingEnd)
    totals[.overload] = sum { $0.overloadTime.load(ordering: .relaxed) }
    totals[.targetsUnresolved] = sum { $0.unresolved.load(ordering: .relaxed) }
    totals[.denied] = sum { $0.denied.load(ordering: .relaxed) }
    totals[.probesCompleted] = sum { $0.probesCompleted.load(ordering: .relaxed) }
    totals[.probesRefused] = sum { $0.probesRefused.load(ordering: .relaxed) }
    totals[.resetsSent] = counts.resets
    totals[.unprobedSources] = counts.unprobedSources
    totals[.unprobedTargets] = counts.unprobedTargets
    totals[.resetsWithheld] = counts.resetsWithheld
    totals[.reported] = counts.reported
    totals[.duplicates] = counts.duplicates
    totals[.discarded] = counts.discarded
    totals[.evictions] = counts.evictions
    totals[.written] = counts.results
    totals[.targetsDenied] = job.targetsDenied
    totals[.scopeChanges] = UInt64(gate.account.changes)
    totals[.processorUser] = UInt64(max(0, usage.userSeconds - usageBefore.userSeconds) * 1e6)
    totals[.processorSystem] = UInt64(max(0, usage.systemSeconds - usageBefore.systemSeconds) * 1e6)
    totals[.peakResident] = try TaskStatus.peakResidentBytes()
    let earlier = checkpointer?.files.checkpoint?.totals
    return earlier.map { totals.following($0) } ?? totals
  }

  func summary() throws(Fault) -> Summary {
    let totals = try totals(at: Clock.monotonic, intake.counts.value)
    var summary = Summary(totals)
    summary.version = BuildIdentity.revision
    summary.ended = Clock.realtime
    summary.interface = station.interface.name
    summary.driver = station.interface.driver ?? ""
    summary.transmitModes = station.transmitters.map { "\($0.mode.rawValue):\($0.queue)" }
    summary.receiveMode = station.receiver.mode.rawValue
    summary.modeReason = station.modeReason
    summary.resetMode = station.resetMode
    summary.checksumMode = station.checksumMode
    summary.sourceUse = station.sourceUse
    summary.seed = job.seed.value
    summary.shard = Int(job.sequence.shard.index)
    summary.shards = Int(job.sequence.shard.count)
    summary.numbering = job.numbering
    summary.targetsTotal = job.sequence.plan.count
    summary.targetsOutOfScope = job.sequence.plan.outOfScope
    summary.rateRequested = job.rate.perSecond ?? 0
    summary.burstProbes = shares.reduce(0) { $0 + UInt64(Pacer.batch($1, job.paceInterval)) }
    summary.dedupeMemoryBytes = job.dedupes ? UInt64(job.dedupeMemory.bytes) : 0
    summary.scopeSHA256 = job.scopeSHA256
    summary.scopeSHA256AtEnd = gate.account.sha256
    summary.denySequence = engine.licence?.denySequence
    summary.endedBecause = (ending ?? .done).reason
    return summary
  }
}
