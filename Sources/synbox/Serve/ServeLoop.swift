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
  var configuration: Configuration
  let scopeWatch: ScopeWatch
  let station: Station
  let spool: Spool
  let signals: SignalSource
  let log: Logger
  let heartbeat: Heartbeat?
  var status: BoxStatus
  /// While the configuration is read again.
  var reload: ConfigurationReload?
  /// Jobs in active/ that are not in work, in the order in which they go on.
  var begun: [BegunJob] = []
  /// What was said to be ignored, so that it is said once.
  private var ignored: Set<FileName> = []
  /// The failure that was said last.
  private var said: String?
  /// Whether this process has sent a probe.
  private var hasProbed = false
  /// Said once, until it can be written again.
  private var statusFault: String?

  init(
    _ configuration: Configuration, scopeWatch: ScopeWatch, station: Station, spool: Spool,
    signals: SignalSource, log: Logger, versions: Versions, heartbeat: Heartbeat? = nil
  ) {
    self.heartbeat = heartbeat
    self.configuration = configuration
    self.scopeWatch = scopeWatch
    self.station = station
    self.spool = spool
    self.signals = signals
    self.log = log
    status = BoxStatus(station, scope: scopeWatch.inForce, versions: versions)
  }

  /// Until SIGINT or SIGTERM, which it returns. Throws a `Fault` of the box; what is in active/ is begun
  /// again by the next process.
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
      try look()
      if let signal = signals.ending() { return signal }
      status.scopeSHA256 = scopeWatch.inForce.sha256
      if isPaused {
        wait(.paused)
        continue
      }
      switch scopeWatch.ask() {
      case .wait(let why):
        status.problems[.scope] = why
        wait(.paused)
      case .permit(let permit):
        status.problems[.scope] = nil
        guard let job = try next() else {
          status.problems[.pause] = nil
          wait(.idle)
          continue
        }
        if let signal = try work(on: job, permit) { return signal }
      }
    }
  }

  private func wait(_ state: BoxStatus.State) {
    status.state = state
    publish()
    waitForFiles()
  }

  private func fail(_ error: any Error) -> any Error {
    status.state = .problem
    status.problems[.fault] = "\(error)"
    publish()
    log.error("the box cannot go on; jobs in active/ are kept", metadata: ["why": "\(error)"])
    return error
  }

  /// Waits until it is gone; the signal that ended the waiting, if one did.
  private func wait(for failure: TransientFailure) -> Signal? {
    if said != failure.sentence {
      said = failure.sentence
      log.warning("the box pauses, and goes on by itself", metadata: ["why": "\(failure.sentence)"])
    }
    status.state = .paused
    status.problems[.pause] = failure.sentence
    repeat {
      publish()
      _ = poll(signals.reader.number, -1, milliseconds: 1000)
      if let signal = signals.ending() { return signal }
    } while !failure.isGone(on: station, configuration.data)
    return nil
  }

  // MARK: - Which job

  /// - Parameter inProcess: this process left them, so that none of them can have crashed it.
  private func recover(inProcess: Bool) throws {
    var leftovers = try spool.recoverJobs()
    if inProcess {
      for index in leftovers.jobs.indices { leftovers.jobs[index].job.record.crashes = 0 }
    }
    begun = []
    for name in leftovers.finished {
      log.notice("a job had ended, and is only moved now", metadata: ["job": "\(name)"])
    }
    for note in leftovers.notes { log.warning("\(note)") }
    for name in leftovers.quarantined {
      status.totals.rejected += 1
      log.error("a job that crashes the box again and again is rejected", metadata: ["job": "\(name)"])
    }
    for interrupted in leftovers.jobs {
      var details: Logger.Metadata = ["job": "\(interrupted.job.name)"]
      if let note = interrupted.note { details["note"] = "\(note)" }
      log.notice("an interrupted job is to go on", metadata: details)
      enqueue(
        BegunJob(
          job: interrupted.job, priority: spool.priority(of: interrupted.job), why: .interrupted,
          format: configuration.format))
    }
    try spool.finishRemovals()
  }

  /// Replaces the status files. A disk that takes none is no reason to stop: what depends on it says so.
  func publish() {
    heartbeat?.send(.alive)
    status.begun = begun.map(\.shown)
    status.observe(spool.data.path)
    do throws(Fault) {
      try status.write(to: spool.data)
      if statusFault != nil { log.notice("the status can be written again") }
      statusFault = nil
    } catch {
      if statusFault != "\(error)" { log.error("no status", metadata: ["why": "\(error)"]) }
      statusFault = "\(error)"
    }
  }

  /// Looks at the disk, and at what operators want: the configuration, the spool, an end of jobs. Rejects
  /// what no job can be named after.
  private func look() throws(Fault) {
    try followConfiguration()
    followDisk()
    status.listing = try spool.list()
    try rejectUnusable()
    try followCancellations()
  }

  private func rejectUnusable() throws(Fault) {
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

  /// Until something happens in the spool or a second has passed. Events may come by the thousand while a
  /// large file is written, so the directory is not listed more than ten times a second.
  private func waitForFiles() {
    pause(milliseconds: 100)
    _ = poll(spool.descriptor, signals.reader.number, milliseconds: 900)
  }

  // MARK: - One job

  /// The signal that ended it, if one did; the job is in active/ then.
  private func work(on taken: BegunJob, _ permit: ScopePermit) throws -> Signal? {
    status.state = .preparing
    status.current = BoxStatus.Current(
      name: taken.job.name, resumed: taken.job.record.starts, priority: taken.priority)
    defer { status.current = nil }
    publish()
    // Another configuration may be in force before the job ends; it is the next job's.
    let runner = JobRunner(
      configuration, permit: permit, station: station, spool: spool, signals: signals, log: log,
      whilePreparing: statusAsItIs)
    let format = configuration.format
    let outcome = try runner.work(on: taken.job, observer: self)
    if let last = outcome.last {
      status.totals.add(last)
      // Its sums stand in the totals now.
      status.current?.progress = nil
    }
    switch outcome.end {
    case .finished: status.totals.finished += 1
    case .rejected: status.totals.rejected += 1
    case .stopped(let signal): return signal
    case .left(let job, let summary, let ending):
      let begun = BegunJob(
        job: job, priority: taken.priority, why: taken.why, summary: summary, format: format)
      try leave(begun, ending)
    }
    return nil
  }

  /// A job in work that does not go on for now, or not at all. It is in active/, and can be begun again.
  private func leave(_ job: BegunJob, _ ending: Ending) throws(Fault) {
    if ending == .cancelled {
      try cancel(job)
      for cancellation in status.listing.cancellations where cancellation.job == job.job.name {
        try spool.remove(cancellation)
      }
      return
    }
    if ending == .preempted { status.totals.preempted += 1 }
    var waiting = job
    waiting.why = ending == .preempted ? .preempted : .paused
    enqueue(waiting)
    log.notice(
      "job set aside, to be gone on with later",
      metadata: ["job": "\(job.job.name)", "because": "\(ending.reason.rawValue)"])
  }

  /// Writes the status with nothing new but its time, from another thread while this one is busy.
  private var statusAsItIs: @Sendable () -> Void {
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
      "ended by a signal; jobs in active/ are kept", metadata: ["signal": "\(signal.rawValue)"])
    return signal
  }
}

extension ServeLoop: JobObserver {
  func take(_ progress: Progress) throws(Fault) -> Ending? {
    said = nil
    status.scopeSHA256 = scopeWatch.inForce.sha256
    status.take(progress)
    defer { publish() }
    do throws(Fault) {
      let wish = try stopRequest()
      status.problems[.spool] = nil
      return wish
    } catch {
      // What the scan needs of the disk it sees for itself.
      guard error.isStorageFailure else { throw error }
      status.problems[.spool] = "\(error)"
      return nil
    }
  }

  func firstProbeSent() {
    guard !hasProbed else { return }
    hasProbed = true
    heartbeat?.send(.firstProbe)
  }

  func stopRequest() throws(Fault) -> Ending? {
    try look()
    return try wish()
  }
}
