// The serve loop: runs one job after another until a signal, or a fault of the box, ends it.
import Engine
import Kernel
import Logging
import NIC
import Plan
import Scan
import Spool
import Wire

/// Serves the spool on an open station, after privileges have been dropped.
final class ServeLoop {
  var configuration: Configuration
  let scopeWatch: ScopeWatch
  let engine: ScanEngine
  var station: Station { engine.station }
  let spool: Spool
  let signals: SignalSource
  let log: Logger
  let heartbeat: Heartbeat?
  var status: BoxStatus
  /// The reload in progress, if any.
  var reload: ConfigurationReload?
  /// Whether SIGHUP has come since the reload in progress began.
  var isReloadRequested = false
  /// The queued jobs that are in active/, in the order in which they will run.
  var claimedJobs: [ClaimedJob] = []
  /// The ignored spool entries that have been logged, each once.
  private var loggedIgnored: Set<FileName> = []
  /// The transient failure that was logged last, so that it is logged once.
  private var loggedFailure: String?
  /// The error that was logged last for the status files, until they can be written again.
  private var statusError: String?
  /// Whether this process has sent a probe.
  private var hasSentProbe = false

  init(
    _ configuration: Configuration, scopeWatch: ScopeWatch, engine: ScanEngine, spool: Spool,
    signals: SignalSource, log: Logger, versions: Versions, heartbeat: Heartbeat? = nil
  ) {
    self.heartbeat = heartbeat
    self.configuration = configuration
    self.scopeWatch = scopeWatch
    self.engine = engine
    self.spool = spool
    self.signals = signals
    self.log = log
    status = BoxStatus(engine.station, scope: scopeWatch.inForce, versions: versions)
  }

  /// Serves until SIGINT or SIGTERM, and returns that signal. Jobs in active/ are resumed by the next process.
  ///
  /// - Throws: a `Fault` of the box that is not transient.
  func run() throws -> Signal {
    var afterFailure = false
    while true {
      do {
        try recover(inProcess: afterFailure)
        return stop(try serve())
      } catch {
        guard let failure = TransientFailure(error) else { throw fail(error) }
        if let signal = wait(for: failure) { return stop(signal) }
        afterFailure = true
      }
    }
  }

  private func serve() throws -> Signal {
    while true {
      try refresh()
      if let signal = signals.nextTermination() { return signal }
      status.scopeSHA256 = scopeWatch.inForce.sha256
      if isPausedForDisk {
        wait(.paused)
        continue
      }
      switch scopeWatch.requestPermit() {
      case .denied(let reason):
        status.problems[.scope] = reason
        wait(.paused)
      case .granted(let permit):
        status.problems[.scope] = nil
        guard let job = try dequeue() else {
          status.problems[.pause] = nil
          wait(.idle)
          continue
        }
        if let signal = try run(job, permit) { return signal }
      }
    }
  }

  private func wait(_ state: BoxStatus.State) {
    status.state = state
    publish()
    waitForSpool()
  }

  private func fail(_ error: any Error) -> any Error {
    status.state = .failed
    status.problems[.fault] = "\(error)"
    publish()
    log.error("the box failed; jobs stay in active/", metadata: ["reason": "\(error)"])
    return error
  }

  /// Waits until the failure has cleared. Returns the signal that ended the wait early, if any.
  private func wait(for failure: TransientFailure) -> Signal? {
    if loggedFailure != failure.message {
      loggedFailure = failure.message
      log.warning("pausing until the fault clears", metadata: ["reason": "\(failure.message)"])
    }
    status.state = .paused
    status.problems[.pause] = failure.message
    repeat {
      publish()
      _ = poll(signals.reader.number, -1, milliseconds: 1000)
      if let signal = signals.nextTermination() { return signal }
    } while !failure.hasCleared(on: station, configuration.data)
    return nil
  }

  // MARK: - Between jobs

  /// Queues the jobs that an earlier run left in active/.
  ///
  /// - Parameter inProcess: this process left them there, so none of them has crashed it.
  private func recover(inProcess: Bool) throws {
    var leftovers = try spool.recoverJobs()
    if inProcess {
      for index in leftovers.jobs.indices { leftovers.jobs[index].job.record.crashes = 0 }
    }
    claimedJobs = []
    for name in leftovers.finished {
      log.notice("finished job moved out of active/", metadata: ["job": "\(name)"])
    }
    for note in leftovers.notes { log.warning("\(note)") }
    for name in leftovers.quarantined {
      status.totals.rejected += 1
      log.error("job rejected: it ended the box too often", metadata: ["job": "\(name)"])
    }
    for interrupted in leftovers.jobs {
      var details: Logger.Metadata = ["job": "\(interrupted.job.name)"]
      if let note = interrupted.note { details["note"] = "\(note)" }
      log.notice("interrupted job queued to resume", metadata: details)
      enqueue(
        ClaimedJob(
          job: interrupted.job, priority: spool.priority(of: interrupted.job), state: .interrupted,
          format: configuration.format))
    }
    try spool.finishRemovals()
  }

  /// Replaces the status files. Failing to is no reason to stop, because whatever else needs the disk reports its
  /// own failure.
  func publish() {
    heartbeat?.send(.alive)
    status.claimedJobs = claimedJobs.map(\.queueEntry)
    status.refresh(spool.data.path)
    do throws(Fault) {
      try status.write(to: spool.data)
      if statusError != nil { log.notice("the status files can be written again") }
      statusError = nil
    } catch {
      if statusError != "\(error)" {
        log.error("cannot write the status files", metadata: ["reason": "\(error)"])
      }
      statusError = "\(error)"
    }
  }

  /// Brings the loop up to date with the configuration, the disk and the spool. Rejects files with unusable
  /// names and cancels queued jobs.
  private func refresh() throws(Fault) {
    try reloadIfRequested()
    checkDisk()
    status.listing = try spool.list()
    try rejectUnusable()
    try processCancellations()
  }

  private func rejectUnusable() throws(Fault) {
    for name in status.listing.ignored where loggedIgnored.insert(name).inserted {
      log.warning("ignoring a spool entry that is not a regular file", metadata: ["spool": "\(name)"])
    }
    loggedIgnored.formIntersection(status.listing.ignored)
    for name in status.listing.unusable {
      guard let rejected = try spool.rejectUnusable(name) else { continue }
      status.totals.rejected += 1
      log.warning(
        "file rejected: unusable name", metadata: ["spool": "\(name)", "rejected": "\(rejected)"])
    }
  }

  /// Waits until the spool changes, for a second at most. A large upload can cause thousands of events, so the
  /// spool is listed at most ten times a second.
  private func waitForSpool() {
    pause(milliseconds: 100)
    _ = poll(spool.descriptor, signals.reader.number, milliseconds: 900)
  }

  // MARK: - One job

  /// Runs a job. Returns the signal that stopped it, if any; the job is in active/ then.
  private func run(_ claimed: ClaimedJob, _ permit: ScopePermit) throws -> Signal? {
    status.state = .preparing
    status.runningJob = BoxStatus.RunningJob(
      name: claimed.job.name, resumed: claimed.job.record.starts, priority: claimed.priority)
    defer {
      status.runningJob = nil
      status.problems[.slowDisk] = nil
    }
    publish()
    // A reload during the job must not change its configuration.
    let runner = JobRunner(
      configuration, permit: permit, engine: engine, spool: spool, signals: signals, log: log,
      everySecond: statusRefresher)
    let format = configuration.format
    let outcome = try runner.run(claimed.job, delegate: self)
    if let last = outcome.last {
      status.totals.add(last)
      // The totals include it now.
      status.runningJob?.progress = nil
    }
    switch outcome.end {
    case .finished: status.totals.finished += 1
    case .rejected: status.totals.rejected += 1
    case .signalled(let signal): return signal
    case .stoppedEarly(let job, let summary, let ending):
      let stopped = ClaimedJob(
        job: job, priority: claimed.priority, state: claimed.state, summary: summary, format: format)
      try suspendOrCancel(stopped, ending)
    }
    return nil
  }

  private func suspendOrCancel(_ stopped: ClaimedJob, _ ending: Ending) throws(Fault) {
    if ending == .cancelled {
      try cancel(stopped)
      for cancellation in status.listing.cancellations where cancellation.job == stopped.job.name {
        try spool.remove(cancellation)
      }
      return
    }
    if ending == .preempted { status.totals.preempted += 1 }
    var suspended = stopped
    suspended.state = ending == .preempted ? .preempted : .paused
    enqueue(suspended)
    log.notice(
      "job suspended",
      metadata: ["job": "\(suspended.job.name)", "reason": "\(ending.reason.rawValue)"])
  }

  /// Writes the status with a new time, for another thread to call while this one is busy.
  private var statusRefresher: @Sendable () -> Void {
    let (status, data, heartbeat) = (status, spool.data, heartbeat)
    return {
      heartbeat?.send(.alive)
      try? status.write(to: data)
    }
  }

  private func stop(_ signal: Signal) -> Signal {
    status.state = .stopped
    publish()
    log.notice(
      "stopped by a signal; jobs stay in active/", metadata: ["signal": "\(signal.rawValue)"])
    return signal
  }
}

extension ServeLoop: JobDelegate {
  func jobDidProgress(_ progress: ScanSnapshot) throws(Fault) -> Ending? {
    loggedFailure = nil
    status.scopeSHA256 = scopeWatch.inForce.sha256
    status.update(with: progress)
    defer { publish() }
    do throws(Fault) {
      let ending = try stopRequest()
      status.problems[.spool] = nil
      return ending
    } catch {
      // The scan itself pauses if it cannot write.
      guard error.isStorageFailure else { throw error }
      status.problems[.spool] = "\(error)"
      return nil
    }
  }

  func jobDidSendFirstProbe() {
    guard !hasSentProbe else { return }
    hasSentProbe = true
    heartbeat?.send(.firstProbe)
  }

  func stopRequest() throws(Fault) -> Ending? {
    try refresh()
    return try endingOfRunningJob()
  }
}
