// Runs one claimed job: prepares it, scans, and moves it to results/ or rejected/.
import Engine
import Kernel
import Logging
import NIC
import Plan
import Scan
import Spool
import Wire

/// Follows a running job and decides whether it stops early.
protocol JobDelegate: AnyObject {
  /// Called about once a second during the scan. Returns nil, or why the scan has to stop now.
  func jobDidProgress(_ progress: ScanSnapshot) throws(Fault) -> Ending?
  /// Called some milliseconds after the scan's first probe was sent.
  func jobDidSendFirstProbe()
  /// Called once the job is prepared, which may have taken long. Returns nil, or why it must not start now.
  func stopRequest() throws(Fault) -> Ending?
}

/// How running a job ended.
struct JobOutcome {
  enum End {
    /// The job is in results/.
    case finished
    /// The job is in rejected/.
    case rejected
    /// A signal stopped it; the job is in active/.
    case signalled(Signal)
    /// It was suspended or cancelled; the job is in active/. The summary is nil if nothing was sent.
    case stoppedEarly(Job, Summary?, Ending)
  }

  let end: End
  /// The final progress; nil if nothing was sent.
  var last: ScanSnapshot?
}

/// Takes one job from active/ to its end. Each instance runs one job, on the serving thread.
struct JobRunner {
  private let configuration: Configuration
  private let permit: ScopePermit
  private let engine: ScanEngine
  private var station: Station { engine.station }
  private let spool: Spool
  private let signals: SignalSource
  private let log: Logger
  private let everySecond: @Sendable () -> Void

  /// - Parameter everySecond: called from another thread while the job is being prepared.
  init(
    _ configuration: Configuration, permit: ScopePermit, engine: ScanEngine, spool: Spool,
    signals: SignalSource, log: Logger, everySecond: @escaping @Sendable () -> Void
  ) {
    self.configuration = configuration
    self.permit = permit
    self.engine = engine
    self.spool = spool
    self.signals = signals
    self.log = log
    self.everySecond = everySecond
  }

  func run(_ claimed: Job, delegate: any JobDelegate) throws -> JobOutcome {
    var job = claimed
    log.info("job claimed", metadata: ["job": "\(job.name)", "seed": "\(job.record.seed)"])
    // Counts the start before reading the file, because the file itself may crash the box.
    try job.recordStart()
    let prepared: PreparedJob
    let hops: NextHops
    do {
      (prepared, hops) = try interruptible(job) { try prepare(job) }
    } catch let rejection as JobRejection {
      try reject(job, rejection)
      return JobOutcome(end: .rejected)
    }
    if let ending = try delegate.stopRequest() {
      try? job.recordCleanExit()
      return JobOutcome(end: .stoppedEarly(job, nil, ending))
    }
    job.record.starts += 1
    job.record.seed = prepared.settings.seed.value
    job.record.settings = JobRecord.Settings(prepared.settings, on: station)
    try job.save()
    return try scan(job, prepared, hops, delegate)
  }

  /// Runs code that may take long and does not poll for signals. A signal records that the job did not crash,
  /// and ends the process.
  private func interruptible<Value>(_ job: Job, _ body: () throws -> Value) throws -> Value {
    try signals.runInterruptibly(
      log: log, everySecond: everySecond, beforeExit: { try? job.recordCleanExit() }, body)
  }

  private func prepare(_ job: Job) throws -> (PreparedJob, NextHops) {
    let prepared = try configuration.prepare(job, permit, on: station)
    let plan = prepared.settings.sequence.plan
    // A link that is down pauses the box; only then can a missing route be the job's fault.
    try station.requireLink()
    do throws(Fault) {
      return (prepared, try NextHops(plan, on: station, asking: true))
    } catch {
      try station.requireLink()
      // Not the job's fault if its targets were reachable before, if there is no route to the scope, or if the
      // gateway is silent.
      if job.record.starts > 0 || error.cause == .hostUnreachable {
        throw TransientFailure(.gateway, "\(error)")
      }
      throw JobRejection(reason: "\(job.file): no route to its targets: \(error)")
    }
  }

  private func reject(_ job: Job, _ rejection: JobRejection) throws(Fault) {
    let name = try spool.reject(job, reason: rejection.reason)
    let firstLine = rejection.reason.prefix { $0 != "\n" }
    log.warning("job rejected", metadata: ["job": "\(name)", "reason": "\(firstLine)"])
  }

  private func scan(
    _ job: Job, _ prepared: PreparedJob, _ hops: NextHops, _ delegate: any JobDelegate
  ) throws -> JobOutcome {
    let files = try interruptible(job) { try job.openFiles(for: prepared.identity) }
    for note in files.notes { log.warning("\(note)", metadata: ["job": "\(job.name)"]) }
    logStart(of: job, prepared, hops, from: files.checkpoint?.index ?? 0)
    let pauses = PauseLog(log, job: job.name)
    let scan = try RunningScan(
      prepared.settings, on: engine, nextHops: hops,
      writer: ResultWriter(
        files, formatter: ResultFormatter(format: configuration.format, fields: configuration.fields)),
      checkpointer: Checkpointer(
        job, files: files, identity: prepared.identity, settings: prepared.settings,
        link: try LinkMonitor(station, hops.gateway)))
    var hasWarned = false
    var (summary, last, ending) = try scan.run(
      signals: signals.reader, firstProbe: delegate.jobDidSendFirstProbe
    ) { progress throws(Fault) in
      pauses.update(progress.pauses)
      warn(evictions: progress.dedupeEvictions, of: job, &hasWarned)
      return try delegate.jobDidProgress(progress)
    }
    warn(evictions: summary.dedupeEvictions, of: job, &hasWarned)
    if case .signal(let signal) = ending {
      try? job.recordCleanExit()
      return JobOutcome(end: .signalled(signal), last: last)
    }
    summary.resumed = job.record.starts - 1
    summary.rateCappedFrom = prepared.rateCappedFrom.map { $0.perSecond ?? 0 }
    if ending.isResumable || ending == .cancelled {
      try? job.recordCleanExit()
      return JobOutcome(end: .stoppedEarly(job, summary, ending), last: last)
    }
    let name = try spool.finish(job, summary: summary, format: configuration.format)
    log.info(
      "job finished",
      metadata: [
        "job": "\(name)", "reason": "\(summary.endedBecause.rawValue)",
        "probes": "\(summary.probesCompleted)", "results": "\(summary.resultsWritten)",
        "pps": "\(Int(summary.rateAchieved))", "events_lost": "\(summary.eventsLost)",
        "dedupe_evictions": "\(summary.dedupeEvictions)",
      ])
    return JobOutcome(end: .finished, last: last)
  }

  /// Warns once per job, when the dedupe table evicts its first pair.
  private func warn(evictions: UInt64, of job: Job, _ hasWarned: inout Bool) {
    guard evictions > 0, !hasWarned else { return }
    hasWarned = true
    log.warning("\(DedupeMemory.evictionWarning)", metadata: ["job": "\(job.name)"])
  }

  private func logStart(
    of job: Job, _ prepared: PreparedJob, _ hops: NextHops, from index: UInt64
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
    if let requested = prepared.rateCappedFrom {
      log.warning(
        "the requested rate exceeds the box's; using the box's",
        metadata: ["job": "\(job.name)", "requested": "\(requested)", "rate": "\(settings.rate)"])
    }
    if !hops.unresolved.isEmpty {
      log.warning(
        "skipping on-link addresses that did not reply to ARP",
        metadata: ["job": "\(job.name)", "addresses": "\(hops.unresolved.count)"])
    }
  }
}

/// Logs when a scan pauses and when it resumes, once each.
private final class PauseLog {
  private let log: Logger
  private let job: String
  private var isPaused = false

  init(_ log: Logger, job: String) { (self.log, self.job) = (log, job) }

  func update(_ pauses: [String]) {
    guard pauses.isEmpty == isPaused else { return }
    isPaused = !pauses.isEmpty
    if isPaused {
      log.warning(
        "sending paused until the fault clears",
        metadata: ["job": "\(job)", "reason": "\(pauses.joined(separator: "; "))"])
    } else {
      log.notice("sending resumed", metadata: ["job": "\(job)"])
    }
  }
}
