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
  /// About once a second while it scans. What it returns, if anything, ends the scan.
  func take(_ progress: Progress) throws(Fault) -> Ending?
  /// The scan's first probe was handed over, some milliseconds ago.
  func firstProbeSent()
  /// Whether the job is not to be scanned now, and why; asked once it is prepared, which may have taken long.
  func stopRequest() throws(Fault) -> Ending?
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
    /// It was set aside or cancelled, and is in active/. `summary` is nil when nothing was sent.
    case left(Job, Summary?, Ending)
  }

  let end: End
  /// The last that is to be said of it; nil when nothing was sent.
  var last: Progress?
}

/// Takes one job from active/ to its end. Used once, by the serving thread.
struct JobRunner {
  private let configuration: Configuration
  private let permit: ScopePermit
  private let station: Station
  private let spool: Spool
  private let signals: SignalSource
  private let log: Logger
  private let whilePreparing: @Sendable () -> Void

  /// - Parameter whilePreparing: called each second while a job is prepared, from another thread.
  init(
    _ configuration: Configuration, permit: ScopePermit, station: Station, spool: Spool,
    signals: SignalSource, log: Logger, whilePreparing: @escaping @Sendable () -> Void
  ) {
    self.configuration = configuration
    self.permit = permit
    self.station = station
    self.spool = spool
    self.signals = signals
    self.log = log
    self.whilePreparing = whilePreparing
  }

  func work(on claimed: Job, observer: any JobObserver) throws -> JobOutcome {
    var job = claimed
    log.info("job claimed", metadata: ["job": "\(job.name)", "seed": "\(job.record.seed)"])
    // Counted before the file is looked into: what crashes the box may be the file.
    try job.recordStart()
    let prepared: PreparedJob
    let hops: NextHops
    do {
      (prepared, hops) = try undisturbed(job) { try prepare(job) }
    } catch let refusal as JobRefusal {
      try reject(job, refusal)
      return JobOutcome(end: .rejected)
    }
    if let ending = try observer.stopRequest() {
      try? job.recordCleanExit()
      return JobOutcome(end: .left(job, nil, ending))
    }
    job.record.starts += 1
    job.record.seed = prepared.settings.seed.value
    job.record.settings = JobRecord.Settings(prepared.settings, on: station)
    try job.save()
    return try scan(job, prepared, hops, observer)
  }

  /// Runs what may take long and knows nothing of signals; one that comes ends the process in good order.
  private func undisturbed<Value>(_ job: Job, _ body: () throws -> Value) throws -> Value {
    try signals.ending(
      log: log, eachSecond: whilePreparing, before: { try? job.recordCleanExit() }, during: body)
  }

  private func prepare(_ job: Job) throws -> (PreparedJob, NextHops) {
    let prepared = try configuration.prepare(job, permit, on: station)
    let plan = prepared.settings.sequence.plan
    // What is wrong with the link is the box's matter; what remains is the job's: no route, no answer.
    try station.requireLink()
    do throws(Fault) {
      return (prepared, try NextHops(plan, on: station, asking: true))
    } catch {
      try station.requireLink()
      // Its targets could be reached before, and will be again; and it is no job's fault when there is no route
      // to what the scope allows, or the gateway is silent.
      if job.record.starts > 0 || error.cause == .hostUnreachable {
        throw TransientFailure(.gateway, "\(error)")
      }
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
    let files = try undisturbed(job) { try job.openFiles(for: prepared.identity) }
    for note in files.notes { log.warning("\(note)", metadata: ["job": "\(job.name)"]) }
    report(start: job, prepared, hops, from: files.checkpoint?.index ?? 0)
    let pauses = PauseLog(log, job: job.name)
    let run = try ScanRun(
      prepared.settings, on: station, nextHops: hops,
      writer: ResultWriter(
        files, formatter: ResultFormatter(format: configuration.format, fields: configuration.fields)),
      checkpoints: Checkpoints(
        job, files: files, identity: prepared.identity, settings: prepared.settings,
        watch: try LinkWatch(station, hops.gateway)))
    var saysEvictions = true
    var (summary, last, ending) = try run.run(
      signals: signals.reader, firstProbe: observer.firstProbeSent
    ) { progress throws(Fault) in
      pauses.take(progress.pauses)
      warn(evictions: progress.dedupeEvictions, of: job, &saysEvictions)
      return try observer.take(progress)
    }
    warn(evictions: summary.dedupeEvictions, of: job, &saysEvictions)
    if case .signal(let signal) = ending {
      try? job.recordCleanExit()
      return JobOutcome(end: .stopped(signal), last: last)
    }
    summary.resumed = job.record.starts - 1
    summary.rateCappedFrom = prepared.rateCappedFrom.map { $0.perSecond ?? 0 }
    if ending.isResumable || ending == .cancelled {
      try? job.recordCleanExit()
      return JobOutcome(end: .left(job, summary, ending), last: last)
    }
    let name = try spool.finish(job, summary: summary, format: configuration.format)
    log.info(
      "job finished",
      metadata: [
        "job": "\(name)", "because": "\(summary.endedBecause.rawValue)",
        "probes": "\(summary.probesCompleted)", "results": "\(summary.resultsWritten)",
        "pps": "\(Int(summary.rateAchieved))", "lost": "\(summary.eventsLost)",
        "forgotten": "\(summary.dedupeEvictions)",
      ])
    return JobOutcome(end: .finished, last: last)
  }

  /// Once a job, when the first pair is forgotten.
  private func warn(evictions: UInt64, of job: Job, _ isNews: inout Bool) {
    guard evictions > 0, isNews else { return }
    isNews = false
    log.warning("\(DedupeMemory.evictionWarning)", metadata: ["job": "\(job.name)"])
  }

  private func report(
    start job: Job, _ prepared: PreparedJob, _ hops: NextHops, from index: UInt64
  ) {
    let settings = prepared.settings
    log.info(
      "job started",
      metadata: [
        "job": "\(job.name)", "targets": "\(settings.sequence.plan.count)",
        "out_of_scope": "\(settings.sequence.plan.outOfScope)",
        "probes": "\(settings.sequence.count)", "rate": "\(settings.rate)",
        "resumed": "\(job.record.starts - 1)", "from": "\(index)",
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

/// Says once that a scan pauses, and once that it goes on.
private final class PauseLog {
  private let log: Logger
  private let job: String
  private var said: [String] = []

  init(_ log: Logger, job: String) { (self.log, self.job) = (log, job) }

  func take(_ pauses: [String]) {
    guard pauses.isEmpty != said.isEmpty else { return }
    said = pauses
    if pauses.isEmpty {
      log.notice("sending goes on", metadata: ["job": "\(job)"])
    } else {
      log.warning(
        "sending pauses, and goes on by itself",
        metadata: ["job": "\(job)", "why": "\(pauses.joined(separator: "; "))"])
    }
  }
}
