// The queue: which job runs next, which one is preempted, and which ones operators cancel.
import Engine
import Kernel
import Logging
import Plan
import Scan
import Spool

/// A job in active/.
struct ClaimedJob {
  var job: Job
  let priority: Priority
  /// Why it waits.
  var state: BoxStatus.QueuedJob.State
  /// The summary of the scan so far, if this process ran it.
  var summary: Summary?
  /// The format of the results written so far.
  var format: OutputFormat

  var queueEntry: BoxStatus.QueuedJob {
    BoxStatus.QueuedJob(name: job.name, priority: priority, state: state)
  }
}

extension ServeLoop {
  /// Adds a claimed job to the queue, ordered by priority, then age.
  func enqueue(_ job: ClaimedJob) {
    claimedJobs.append(job)
    claimedJobs.sort { a, b in
      if a.priority != b.priority { return a.priority > b.priority }
      return (a.job.record.created, a.job.name) < (b.job.record.created, b.job.name)
    }
  }

  /// Removes and returns the next job to run: the one of highest priority. At equal priority, a claimed job
  /// precedes a file that is still in the spool.
  func dequeue() throws(Fault) -> ClaimedJob? {
    let files = status.listing.queue
    if let first = claimedJobs.first, files.first.map({ $0.priority <= first.priority }) ?? true {
      claimedJobs.removeFirst()
      if first.state != .claimed { status.totals.resumed += 1 }
      return first
    }
    for candidate in files {
      status.listing.queue.removeFirst()
      if let job = try claim(candidate) { return job }
    }
    return nil
  }

  private func claim(_ candidate: Spool.Candidate) throws(Fault) -> ClaimedJob? {
    guard let job = try spool.claim(candidate) else { return nil }
    return ClaimedJob(
      job: job, priority: candidate.priority, state: .claimed, format: configuration.format)
  }

  /// Returns nil, or why the running job has to stop now.
  func endingOfRunningJob() throws(Fault) -> Ending? {
    guard let running = status.runningJob else { return nil }
    if status.listing.cancellations.contains(where: { $0.job == running.name }) { return .cancelled }
    if isPausedForDisk { return .paused }
    // Preempting a job in its cooldown would gain nothing, because it has sent everything.
    guard status.state != .cooldown, try claimHigher(than: running.priority) else { return nil }
    return .preempted
  }

  /// Claims a job of higher priority, if there is one, and returns whether one waits in active/. A file that is
  /// still being written cannot be claimed, so it preempts nothing.
  private func claimHigher(than priority: Priority) throws(Fault) -> Bool {
    if let first = claimedJobs.first, first.priority > priority { return true }
    for candidate in status.listing.queue where candidate.priority > priority {
      guard let job = try claim(candidate) else { continue }
      status.listing.queue.removeAll { $0.name == candidate.name }
      enqueue(job)
      return true
    }
    return false
  }

  // MARK: - Cancelling

  /// Cancels queued jobs as operators requested. The running job ends by `endingOfRunningJob()`.
  func processCancellations() throws(Fault) {
    for cancellation in status.listing.cancellations
    where cancellation.job != status.runningJob?.name {
      let name = cancellation.job
      if let index = claimedJobs.firstIndex(where: { $0.job.name == name }) {
        try cancel(claimedJobs.remove(at: index))
      } else if let candidate = status.listing.queue.first(where: { $0.name == name }) {
        guard let rejected = try spool.cancel(candidate) else { continue }
        status.listing.queue.removeAll { $0.name == name }
        status.totals.cancelled += 1
        log.notice("queued job cancelled", metadata: ["job": "\(name)", "rejected": "\(rejected)"])
      } else if spool.contains(name) {
        // The file is still being written; it is cancelled once it is complete.
        continue
      } else if spool.hasEnded(name) {
        log.notice("nothing to cancel: the job has ended", metadata: ["job": "\(name)"])
      } else {
        let rejected = try spool.reject(cancellation) ?? ""
        log.warning(
          "nothing to cancel: no such job", metadata: ["job": "\(name)", "rejected": "\(rejected)"])
        continue
      }
      try spool.remove(cancellation)
    }
  }

  /// Moves a claimed job to results/ with the results it has so far.
  func cancel(_ claimed: ClaimedJob) throws(Fault) {
    let job = claimed.job
    // Files written by this process are complete. Of an earlier process's, only the part that the checkpoint covers
    // can be trusted.
    let checkpoint = claimed.summary == nil ? try job.truncateResultsToCheckpoint() : nil
    var summary = claimed.summary ?? self.summary(of: job, checkpoint?.totals)
    summary.ended = Clock.realtime
    summary.endedBecause = .cancelled
    summary.resumed = max(0, job.record.starts - 1)
    if checkpoint == nil, claimed.summary == nil {
      var writer = ResultWriter(
        try Files.create(job.partialResultsPath), name: job.partialResultsPath,
        formatter: ResultFormatter(format: claimed.format, fields: configuration.fields))
      try writer.sync()
    }
    let name = try spool.finish(job, summary: summary, format: claimed.format)
    status.totals.cancelled += 1
    log.notice(
      "job cancelled",
      metadata: [
        "job": "\(name)", "probes": "\(summary.probesCompleted)",
        "results": "\(summary.resultsWritten)",
      ])
  }

  /// Returns the summary of a job that this process has not run.
  ///
  /// - Parameter totals: from the job's checkpoint; nil without one.
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
