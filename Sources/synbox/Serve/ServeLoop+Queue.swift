// Which job is next, which one must give way, and which one an operator no longer wants.
import Kernel
import Logging
import Plan
import Scan
import Spool

/// A job in active/: the one in work, or one that waits to go on.
struct BegunJob {
  var job: Job
  let priority: Priority
  /// Why it waits.
  var why: BoxStatus.Begun.Why
  /// What was done for it by this process, and how its results were written.
  var summary: Summary?
  var format: OutputFormat

  var shown: BoxStatus.Begun { BoxStatus.Begun(name: job.name, priority: priority, why: why) }
}

extension ServeLoop {
  /// Adds a job that was begun to those that wait, in the order in which they go on: by priority, then age.
  func enqueue(_ job: BegunJob) {
    begun.append(job)
    begun.sort { a, b in
      if a.priority != b.priority { return a.priority > b.priority }
      return (a.job.record.created, a.job.name) < (b.job.record.created, b.job.name)
    }
  }

  /// The highest priority first; where it is the same, a job that was begun before one that was not.
  func next() throws(Fault) -> BegunJob? {
    let waiting = status.listing.queue
    if let first = begun.first, waiting.first.map({ $0.priority <= first.priority }) ?? true {
      begun.removeFirst()
      if first.why != .claimed { status.totals.resumed += 1 }
      return first
    }
    for candidate in waiting {
      status.listing.queue.removeFirst()
      if let job = try claim(candidate) { return job }
    }
    return nil
  }

  private func claim(_ candidate: Spool.Candidate) throws(Fault) -> BegunJob? {
    guard let job = try spool.claim(candidate) else { return nil }
    return BegunJob(
      job: job, priority: candidate.priority, why: .claimed, format: configuration.format)
  }

  /// Whether the job in work is to end now, and how.
  func wish() throws(Fault) -> Ending? {
    guard let current = status.current else { return nil }
    if status.listing.cancellations.contains(where: { $0.job == current.name }) { return .cancelled }
    if isPaused { return .paused }
    // A job that only waits for its last replies is as good as done.
    guard status.state != .cooldown, try claimHigher(than: current.priority) else { return nil }
    return .preempted
  }

  /// Whether a job of higher priority can be begun; it is claimed then. One that cannot be claimed, for it is
  /// still being written, interrupts nothing.
  private func claimHigher(than priority: Priority) throws(Fault) -> Bool {
    if let first = begun.first, first.priority > priority { return true }
    for candidate in status.listing.queue where candidate.priority > priority {
      guard let job = try claim(candidate) else { continue }
      status.listing.queue.removeAll { $0.name == candidate.name }
      enqueue(job)
      return true
    }
    return false
  }

  // MARK: - Cancelling

  /// Meets wishes that concern jobs which are not in work; the one in work ends by `wish`.
  func followCancellations() throws(Fault) {
    for cancellation in status.listing.cancellations where cancellation.job != status.current?.name {
      let name = cancellation.job
      if let index = begun.firstIndex(where: { $0.job.name == name }) {
        try cancel(begun.remove(at: index))
      } else if let candidate = status.listing.queue.first(where: { $0.name == name }) {
        guard let rejected = try spool.cancel(candidate) else { continue }
        status.listing.queue.removeAll { $0.name == name }
        status.totals.cancelled += 1
        log.notice("waiting job cancelled", metadata: ["job": "\(name)", "rejected": "\(rejected)"])
      } else if spool.contains(name) {
        // It is still being written, and cancelled when it is complete.
        continue
      } else if spool.hasEnded(name) {
        log.notice("nothing to cancel: the job has ended", metadata: ["job": "\(name)"])
      } else {
        let rejected = try spool.reject(cancellation) ?? ""
        log.warning(
          "nothing to cancel: there is no such job",
          metadata: ["job": "\(name)", "rejected": "\(rejected)"])
        continue
      }
      try spool.remove(cancellation)
    }
  }

  /// Ends a job that was begun and waits to go on: what it has found so far are its results.
  func cancel(_ begun: BegunJob) throws(Fault) {
    let job = begun.job
    // What this process left is whole; of another's only what its checkpoint vouches for.
    let checkpoint = begun.summary == nil ? try job.truncateResultsToCheckpoint() : nil
    var summary = begun.summary ?? self.summary(of: job, checkpoint?.totals)
    summary.ended = Clock.realtime
    summary.endedBecause = .cancelled
    summary.resumed = max(0, job.record.starts - 1)
    if checkpoint == nil, begun.summary == nil {
      var writer = ResultWriter(
        try Files.create(job.partialResultsPath), name: job.partialResultsPath,
        formatter: ResultFormatter(format: begun.format, fields: configuration.fields))
      try writer.sync()
    }
    let name = try spool.finish(job, summary: summary, format: begun.format)
    status.totals.cancelled += 1
    log.notice(
      "begun job cancelled",
      metadata: [
        "job": "\(name)", "probes": "\(summary.probesCompleted)",
        "results": "\(summary.resultsWritten)",
      ])
  }

  /// The summary of a job that an earlier process worked on, if any did.
  private func summary(of job: Job, _ totals: ScanTotals?) -> Summary {
    var summary = totals.map { Summary($0) } ?? Summary()
    summary.version = BuildIdentity.revision
    if totals == nil { summary.started = Clock.realtime }
    summary.interface = status.station.interface
    summary.driver = status.station.driver
    summary.transmitModes = status.station.transmit
    summary.receiveMode = status.station.receive
    summary.resetMode = status.station.reset
    summary.checksumMode = status.station.checksum
    summary.seed = job.record.seed
    summary.targetsTotal = job.record.settings?.targets ?? 0
    summary.scopeSHA256 = scopeWatch.inForce.sha256
    return summary
  }
}
