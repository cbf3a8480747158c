// One claimed job: prepared, scanned, and put where its operator finds it.
import Kernel
import Logging
import NIC
import Plan
import Scan
import Spool
import Wire

/// Who wants to know how the job gets on.
protocol JobObserver: AnyObject {
  /// About once a second while it scans.
  func take(_ progress: Progress) throws(Fault)
}

/// What became of a job.
struct JobOutcome {
  enum End {
    /// It lies in results/.
    case finished
    /// It lies in rejected/.
    case rejected
    /// A signal ended it; it is in active/.
    case stopped(Signal)
  }

  let end: End
  /// nil when nothing was sent.
  var summary: Summary?
}

/// Takes one job from active/ to its end. Used once, by the serving thread.
struct JobRunner {
  private let configuration: Configuration
  private let scope: ScopeInForce
  private let station: Station
  private let spool: Spool
  private let signals: SignalSource
  private let log: Logger

  init(
    _ configuration: Configuration, scope: ScopeInForce, station: Station, spool: Spool,
    signals: SignalSource, log: Logger
  ) {
    self.configuration = configuration
    self.scope = scope
    self.station = station
    self.spool = spool
    self.signals = signals
    self.log = log
  }

  func work(on claimed: Job, observer: any JobObserver) throws -> JobOutcome {
    var job = claimed
    log.info("job claimed", metadata: ["job": "\(job.name)", "seed": "\(job.record.seed)"])
    let prepared: PreparedJob
    let hops: NextHops
    do {
      (prepared, hops) = try signals.ending(log: log) { try prepare(job) }
    } catch let refusal as JobRefusal {
      try reject(job, refusal)
      return JobOutcome(end: .rejected)
    }
    job.record.starts += 1
    job.record.seed = prepared.settings.seed.value
    job.record.settings = JobRecord.Settings(prepared.settings, on: station)
    try job.save()
    return try scan(job, prepared, hops, observer)
  }

  private func prepare(_ job: Job) throws -> (PreparedJob, NextHops) {
    let prepared = try configuration.prepare(job, scope: scope)
    let plan = prepared.settings.sequence.plan
    // What is wrong with the link is the box's matter; what remains is the job's: no route, no answer.
    try station.control.link(of: station.interface.name).requireCarrier()
    do throws(Fault) {
      return (prepared, try NextHops(plan, on: station))
    } catch {
      try station.control.link(of: station.interface.name).requireCarrier()
      throw JobRefusal(
        reason: "\(job.file): found no way to its targets, expected one: \(error)")
    }
  }

  private func reject(_ job: Job, _ refusal: JobRefusal) throws(Fault) {
    let name = try spool.reject(job, reason: refusal.reason)
    let first = refusal.reason.prefix { $0 != "\n" }
    log.warning("job rejected", metadata: ["job": "\(name)", "why": "\(first)"])
  }

  private func scan(
    _ job: Job, _ prepared: PreparedJob, _ hops: NextHops, _ observer: any JobObserver
  ) throws -> JobOutcome {
    report(start: job, prepared, hops)
    let run = try ScanRun(
      prepared.settings, on: station, nextHops: hops,
      writer: ResultWriter(
        try Files.create(job.partial), name: job.partial,
        formatter: ResultFormatter(format: configuration.format, fields: configuration.fields)))
    var (summary, ending) = try run.run(signals: signals.reader) { progress throws(Fault) in
      try observer.take(progress)
    }
    if case .signal(let signal) = ending {
      return JobOutcome(end: .stopped(signal), summary: summary)
    }
    summary.resumed = job.record.starts - 1
    summary.rateCappedFrom = prepared.rateCappedFrom.map { $0.perSecond ?? 0 }
    let name = try spool.finish(job, summary: summary, format: configuration.format)
    log.info(
      "job finished",
      metadata: [
        "job": "\(name)", "because": "\(summary.endedBecause)",
        "probes": "\(summary.probesCompleted)", "results": "\(summary.resultsWritten)",
        "pps": "\(Int(summary.rateAchieved))", "lost": "\(summary.eventsLost)",
      ])
    return JobOutcome(end: .finished, summary: summary)
  }

  private func report(start job: Job, _ prepared: PreparedJob, _ hops: NextHops) {
    let settings = prepared.settings
    log.info(
      "job started",
      metadata: [
        "job": "\(job.name)", "targets": "\(settings.sequence.plan.count)",
        "out_of_scope": "\(settings.sequence.plan.outOfScope)",
        "probes": "\(settings.sequence.count)", "rate": "\(settings.rate)",
        "resumed": "\(job.record.starts - 1)",
      ])
    if let asked = prepared.rateCappedFrom {
      log.warning(
        "the file asks for more than the box's rate, and gets the box's rate",
        metadata: ["job": "\(job.name)", "asked": "\(asked)", "rate": "\(settings.rate)"])
    }
    if !hops.unresolved.isEmpty {
      log.warning(
        "addresses on the link did not answer ARP and are not probed",
        metadata: ["job": "\(job.name)", "addresses": "\(hops.unresolved.count)"])
    }
  }
}
