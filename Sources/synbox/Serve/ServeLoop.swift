// The box at work: one job after another, until a signal or a fault that is no job's.
import Kernel
import Logging
import NIC
import Plan
import Scan
import Spool
import Wire

/// Serves the spool on an open station, after the drop.
final class ServeLoop {
  private let configuration: Configuration
  private let scope: ScopeInForce
  private let station: Station
  private let spool: Spool
  private let signals: SignalSource
  private let log: Logger
  private var status: BoxStatus
  private var interrupted: [InterruptedJob] = []
  /// What was said to be ignored, so that it is said once.
  private var ignored: Set<FileName> = []

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
    status = BoxStatus(station, scope: scope)
  }

  /// Until SIGINT or SIGTERM, which it returns. Throws a `Fault` of the box; what is in active/ is begun
  /// again by the next process.
  func run() throws -> Signal {
    do {
      try recover()
      while true {
        try look()
        if let signal = signals.ending() { return try stop(signal) }
        if let job = try next() {
          if let signal = try work(on: job) { return try stop(signal) }
        } else {
          status.state = .idle
          try status.write(to: spool.data)
          waitForFiles()
        }
      }
    } catch {
      status.state = .problem
      status.problems = ["\(error)"]
      try? status.write(to: spool.data)
      log.error("the box cannot go on; jobs in active/ are kept", metadata: ["why": "\(error)"])
      throw error
    }
  }

  // MARK: - Which job

  private func recover() throws {
    let leftovers = try spool.interrupted()
    for name in leftovers.finished {
      log.notice("a job had ended, and is only moved now", metadata: ["job": "\(name)"])
    }
    for note in leftovers.notes { log.warning("\(note)") }
    for interrupted in leftovers.jobs {
      var details: Logger.Metadata = ["job": "\(interrupted.job.name)"]
      if let note = interrupted.note { details["note"] = "\(note)" }
      log.notice("an interrupted job starts again from its beginning", metadata: details)
    }
    interrupted = leftovers.jobs
  }

  /// Looks at the spool; rejects what no job can be named after.
  private func look() throws(Fault) {
    status.interrupted = interrupted.map(\.job.name)
    status.listing = try spool.list()
    for name in status.listing.ignored where ignored.insert(name).inserted {
      log.warning("ignored: no regular file", metadata: ["spool": "\(name)"])
    }
    ignored.formIntersection(status.listing.ignored)
    for name in status.listing.unusable {
      guard let rejected = try spool.rejectUnusable(name) else { continue }
      status.totals.rejected += 1
      log.warning("rejected for its name", metadata: ["spool": "\(name)", "rejected": "\(rejected)"])
    }
  }

  /// Interrupted jobs first, then by priority and age.
  private func next() throws(Fault) -> Job? {
    if !interrupted.isEmpty {
      status.totals.resumed += 1
      return interrupted.removeFirst().job
    }
    for candidate in status.listing.waiting {
      status.listing.waiting.removeFirst()
      if let job = try spool.claim(candidate) { return job }
    }
    return nil
  }

  /// Until something happens in the spool or a second has passed. Events may come by the thousand while a
  /// large file is written, so the directory is not listed more than ten times a second.
  private func waitForFiles() {
    pause(milliseconds: 100)
    _ = poll(spool.descriptor, signals.reader.number, milliseconds: 900)
  }

  // MARK: - One job

  /// The signal that ended it, if one did; the job is in active/ then.
  private func work(on claimed: Job) throws -> Signal? {
    var job = claimed
    log.info("job claimed", metadata: ["job": "\(job.name)", "seed": "\(job.record.seed)"])
    status.state = .preparing
    status.current = BoxStatus.Current(name: job.name, resumed: job.record.starts)
    defer { status.current = nil }
    try status.write(to: spool.data)
    let prepared: PreparedJob
    let hops: NextHops
    do {
      (prepared, hops) = try signals.ending(log: log) { try prepare(job) }
    } catch let refusal as JobRefusal {
      try reject(job, refusal)
      return nil
    }
    job.record.starts += 1
    job.record.seed = prepared.settings.seed.value
    job.record.settings = JobRecord.Settings(prepared.settings, on: station)
    try job.save()
    return try scan(job, prepared, hops)
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
    status.totals.rejected += 1
    let first = refusal.reason.prefix { $0 != "\n" }
    log.warning("job rejected", metadata: ["job": "\(name)", "why": "\(first)"])
  }

  private func scan(_ job: Job, _ prepared: PreparedJob, _ hops: NextHops) throws -> Signal? {
    let settings = prepared.settings
    report(start: job, prepared, hops)
    let run = try ScanRun(
      settings, on: station, nextHops: hops,
      writer: ResultWriter(
        try Files.create(job.partial), name: job.partial,
        formatter: ResultFormatter(format: configuration.format, fields: configuration.fields)))
    var saysEvictions = true
    var (summary, ending) = try run.run(signals: signals.reader) { progress throws(Fault) in
      status.take(progress)
      warn(evictions: progress.dedupeEvictions, of: job, &saysEvictions)
      try look()
      try status.write(to: spool.data)
    }
    warn(evictions: summary.dedupeEvictions, of: job, &saysEvictions)
    status.totals.add(summary)
    // Its sums stand in the totals now.
    status.current?.progress = nil
    if case .signal(let signal) = ending { return signal }
    summary.resumed = job.record.starts - 1
    summary.rateCappedFrom = prepared.rateCappedFrom.map { $0.perSecond ?? 0 }
    let name = try spool.finish(job, summary: summary, format: configuration.format)
    status.totals.finished += 1
    log.info(
      "job finished",
      metadata: [
        "job": "\(name)", "because": "\(summary.endedBecause)",
        "probes": "\(summary.probesCompleted)", "results": "\(summary.resultsWritten)",
        "pps": "\(Int(summary.rateAchieved))", "lost": "\(summary.eventsLost)",
        "forgotten": "\(summary.dedupeEvictions)",
      ])
    return nil
  }

  /// Once a job, when the first pair is forgotten.
  private func warn(evictions: UInt64, of job: Job, _ isNews: inout Bool) {
    guard evictions > 0, isNews else { return }
    isNews = false
    log.warning("\(DedupeMemory.evictionWarning)", metadata: ["job": "\(job.name)"])
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

  private func stop(_ signal: Signal) throws(Fault) -> Signal {
    status.state = .stopped
    try status.write(to: spool.data)
    log.notice(
      "ended by a signal; jobs in active/ are kept", metadata: ["signal": "\(signal.rawValue)"])
    return signal
  }
}
