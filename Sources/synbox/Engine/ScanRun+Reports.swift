// What a scan says of itself: while it runs, and at its end.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Synchronization
import Wire

extension ScanRun {
  func progress(at now: UInt64) throws(Fault) -> Progress {
    let fates = try station.receiver.fates() - before
    return Progress(
      elapsed: now - started, probesTotal: job.sequence.count,
      probesCompleted: senders.reduce(0) { $0 + $1.probesCompleted.load(ordering: .relaxed) },
      probesRefused: senders.reduce(0) { $0 + $1.probesRefused.load(ordering: .relaxed) },
      results: writer.written, repliesValid: fates.valid, repliesInvalid: fates.invalid,
      eventsLost: fates.eventsLost, duplicates: duplicates, dedupeEvictions: table.evictions,
      cooldownEnds: sendingFinished.map { $0 + job.cooldown.nanoseconds - started },
      rate: job.rate)
  }

  func summary() throws(Fault) -> Summary {
    let fates = try station.receiver.fates() - before
    let usage = ResourceUsage.current
    var summary = Summary()
    summary.version = BuildIdentity.revision
    summary.started = started &+ clockOffset
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
    summary.pacedBatch = shares.reduce(0) { $0 + UInt64(Pacer.batch($1)) }
    for sender in senders {
      summary.targetsUnresolved += sender.unresolved.load(ordering: .relaxed)
      summary.probesCompleted += sender.probesCompleted.load(ordering: .relaxed)
      summary.probesRefused += sender.probesRefused.load(ordering: .relaxed)
      summary.resetsSent += sender.resetsCompleted.load(ordering: .relaxed)
    }
    summary.probesGenerated = summary.probesCompleted + summary.probesRefused
    let finished = sendingFinished ?? Clock.monotonic
    let begun = senders.map { $0.begun.load(ordering: .relaxed) }.filter { $0 > 0 }.min() ?? finished
    summary.sendingSeconds = Double(finished - min(finished, begun)) / 1e9
    summary.fates = fates
    summary.repliesOpen = fates.open
    summary.repliesClosed = fates.closed
    summary.repliesICMP = fates.icmp
    summary.repliesInvalid = fates.invalid
    summary.eventsLost = fates.eventsLost
    summary.repliesReceived = fates.valid + fates.invalid + fates[.openRingFull]
    summary.resetsSent += fates.resetsSent
    summary.repliesReported = reported
    summary.duplicates = duplicates
    summary.dedupeEvictions = table.evictions
    summary.dedupeMemoryBytes = job.dedupes ? UInt64(job.dedupeMemory.bytes) : 0
    summary.resultsWritten = writer.written
    summary.resultsDiscarded = discarded
    summary.cpuUserSeconds = usage.userSeconds - usageBefore.userSeconds
    summary.cpuSystemSeconds = usage.systemSeconds - usageBefore.systemSeconds
    summary.peakResidentBytes = usage.peakResidentBytes
    summary.scopeSHA256 = job.scopeSHA256
    summary.endedBecause = (ending ?? .done).word
    return summary
  }
}
