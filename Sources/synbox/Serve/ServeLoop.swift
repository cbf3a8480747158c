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
  var scope: ScopeInForce
  let station: Station
  let spool: Spool
  let signals: SignalSource
  let log: Logger
  var status: BoxStatus
  /// While the configuration is read again.
  var reload: ConfigurationReload?
  private var interrupted: [InterruptedJob] = []
  /// What was said to be ignored, so that it is said once.
  private var ignored: Set<FileName> = []
  /// The hindrance that was said last.
  private var said: String?
  /// Said once, until it can be written again.
  private var statusFault: String?

  init(
    _ loaded: LoadedConfiguration, station: Station, spool: Spool, signals: SignalSource, log: Logger
  ) {
    configuration = loaded.configuration
    scope = loaded.scope
    self.station = station
    self.spool = spool
    self.signals = signals
    self.log = log
    status = BoxStatus(station, scope: scope)
  }

  /// Until SIGINT or SIGTERM, which it returns. Throws a `Fault` of the box; what is in active/ is begun
  /// again by the next process.
  func run() throws -> Signal {
    var afterHindrance = false
    while true {
      do {
        try recover(inProcess: afterHindrance)
        return stop(try serve())
      } catch {
        guard let hindrance = Hindrance(error) else { throw fail(error) }
        if let signal = wait(for: hindrance) { return stop(signal) }
        afterHindrance = true
      }
    }
  }

  private func serve() throws -> Signal {
    while true {
      try look()
      if let signal = signals.ending() { return signal }
      if let job = try next() {
        if let signal = try work(on: job) { return signal }
      } else {
        status.state = .idle
        status.problems[.pause] = nil
        publish()
        waitForFiles()
      }
    }
  }

  private func fail(_ error: any Error) -> any Error {
    status.state = .problem
    status.problems[.fault] = "\(error)"
    publish()
    log.error("the box cannot go on; jobs in active/ are kept", metadata: ["why": "\(error)"])
    return error
  }

  /// Waits until it is gone; the signal that ended the waiting, if one did.
  private func wait(for hindrance: Hindrance) -> Signal? {
    if said != hindrance.sentence {
      said = hindrance.sentence
      log.warning("the box pauses, and goes on by itself", metadata: ["why": "\(hindrance.sentence)"])
    }
    status.state = .paused
    status.problems[.pause] = hindrance.sentence
    repeat {
      publish()
      _ = poll(signals.reader.number, -1, milliseconds: 1000)
      if let signal = signals.ending() { return signal }
    } while !hindrance.isGone(on: station, configuration.data)
    return nil
  }

  // MARK: - Which job

  /// - Parameter inProcess: this process left them, so that none of them can have crashed it.
  private func recover(inProcess: Bool) throws {
    var leftovers = try spool.interrupted()
    if inProcess {
      for index in leftovers.jobs.indices { leftovers.jobs[index].job.record.crashes = 0 }
    }
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
    }
    interrupted = leftovers.jobs
  }

  /// Replaces the status files. A disk that takes none is no reason to stop: what depends on it says so.
  func publish() {
    status.observe(station, spool.data)
    do throws(Fault) {
      try status.write(to: spool.data)
      if statusFault != nil { log.notice("the status can be written again") }
      statusFault = nil
    } catch {
      if statusFault != "\(error)" { log.error("no status", metadata: ["why": "\(error)"]) }
      statusFault = "\(error)"
    }
  }

  /// Looks at what operators want: the configuration, the spool. Rejects what no job can be named after.
  private func look() throws(Fault) {
    try followConfiguration()
    status.begun = interrupted.map {
      BoxStatus.Begun(name: $0.job.name, priority: spool.priority(of: $0.job), why: .interrupted)
    }
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
  private func work(on job: Job) throws -> Signal? {
    status.state = .preparing
    status.current = BoxStatus.Current(
      name: job.name, resumed: job.record.starts, priority: spool.priority(of: job))
    defer { status.current = nil }
    publish()
    let runner = JobRunner(
      configuration, scope: scope, station: station, spool: spool, signals: signals, log: log,
      whilePreparing: statusAsItIs)
    let outcome = try runner.work(on: job, observer: self)
    if let last = outcome.last {
      status.totals.add(last)
      // Its sums stand in the totals now.
      status.current?.progress = nil
    }
    switch outcome.end {
    case .finished: status.totals.finished += 1
    case .rejected: status.totals.rejected += 1
    case .stopped(let signal): return signal
    }
    return nil
  }

  /// Writes the status with nothing new but its time, from another thread while this one is busy.
  private var statusAsItIs: @Sendable () -> Void {
    let (status, data) = (status, spool.data)
    return { try? status.write(to: data) }
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
  func take(_ progress: Progress) throws(Fault) {
    said = nil
    status.take(progress)
    do throws(Fault) {
      try look()
      status.problems[.disk] = nil
    } catch {
      // What the scan needs of the disk it sees for itself.
      guard error.isOfStorage else { throw error }
      status.problems[.disk] = "\(error)"
    }
    publish()
  }
}
