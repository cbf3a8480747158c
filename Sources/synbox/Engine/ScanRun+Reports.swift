// A scan's progress while it runs, and its summary.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Spool
import Synchronization
import Wire

extension ScanRun {
  func progress(at now: UInt64) throws(Fault) -> Progress {
    let fates = try station.receiver.fates() - fatesBefore
    let earlier = checkpointer?.files.checkpoint
    return Progress(
      elapsed: now - startTime,
      probesTotal: job.sequence.count
        - senders.reduce(0) { $0 + $1.denied.load(ordering: .relaxed) },
      probesBefore: min(earlier?.index ?? 0, job.sequence.count),
      resultsBefore: earlier?.totals[.written] ?? 0,
      probesCompleted: senders.reduce(0) { $0 + $1.probesCompleted.load(ordering: .relaxed) },
      probesRefused: senders.reduce(0) { $0 + $1.probesRefused.load(ordering: .relaxed) },
      results: writer.written - (earlier?.totals[.written] ?? 0), repliesValid: fates.valid,
      repliesInvalid: fates.invalid, eventsLost: fates.eventsLost, duplicates: duplicates,
      dedupeEvictions: table.evictions - evictionsBefore,
      cooldownEnds: sendingFinished.map { $0 + job.cooldown.nanoseconds - startTime },
      rate: job.rate, pauses: pause.sentences)
  }

  /// Nanoseconds that the scan has run, in this process and earlier ones.
  func runtime(at now: UInt64) -> UInt64 {
    now - startTime + (checkpointer?.files.checkpoint?.totals[.elapsed] ?? 0)
  }

  /// The counts up to `now`, of this process and earlier ones.
  func totals(at now: UInt64) throws(Fault) -> ScanTotals {
    let usage = ResourceUsage.current
    var totals = ScanTotals(started: startTime &+ clockOffset)
    totals.fates = try station.receiver.fates() - fatesBefore
    totals[.elapsed] = now - startTime
    let sendingEnd = sendingFinished ?? now
    let firstProbeTimes = senders.map { $0.firstProbeTime.load(ordering: .relaxed) }
    let sendingStart = firstProbeTimes.filter { $0 > 0 }.min() ?? sendingEnd
    totals[.sending] = sendingEnd - min(sendingEnd, sendingStart)
    for sender in senders {
      totals[.targetsUnresolved] += sender.unresolved.load(ordering: .relaxed)
      totals[.denied] += sender.denied.load(ordering: .relaxed)
      totals[.probesCompleted] += sender.probesCompleted.load(ordering: .relaxed)
      totals[.probesRefused] += sender.probesRefused.load(ordering: .relaxed)
      totals[.resetsSent] += sender.resetsCompleted.load(ordering: .relaxed)
    }
    totals[.reported] = reported
    totals[.duplicates] = duplicates
    totals[.discarded] = discarded
    totals[.scopeChanges] = UInt64(gate.account.changes)
    totals[.processorUser] = UInt64(max(0, usage.userSeconds - usageBefore.userSeconds) * 1e6)
    totals[.processorSystem] = UInt64(max(0, usage.systemSeconds - usageBefore.systemSeconds) * 1e6)
    totals[.peakResident] = try TaskStatus.peakResidentBytes()
    totals[.evictions] = table.evictions - evictionsBefore
    let earlier = checkpointer?.files.checkpoint?.totals
    totals[.written] = writer.written - (earlier?[.written] ?? 0)
    return earlier.map { totals.following($0) } ?? totals
  }

  func summary() throws(Fault) -> Summary {
    let totals = try totals(at: Clock.monotonic)
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
    summary.seed = job.seed.value
    summary.shard = Int(job.sequence.shard.index)
    summary.shards = Int(job.sequence.shard.count)
    summary.targetsTotal = job.sequence.plan.count
    summary.targetsOutOfScope = job.sequence.plan.outOfScope
    summary.rateRequested = job.rate.perSecond ?? 0
    summary.burstProbes = shares.reduce(0) { $0 + UInt64(Pacer.batch($1)) }
    summary.dedupeMemoryBytes = job.dedupes ? UInt64(job.dedupeMemory.bytes) : 0
    summary.scopeSHA256 = job.scopeSHA256
    summary.scopeSHA256AtEnd = gate.account.sha256
    summary.endedBecause = (ending ?? .done).reason
    return summary
  }
}
