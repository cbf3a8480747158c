// Performs what the box's machine (Sources/Box) wants done, and tells it what happened. Decides nothing itself.
import Box
import BoxAPI
import Engine
import Init
import Kernel
import Logging
import NIC
import Scan
import Spool

/// Serves the spool on an open station, after privileges have been dropped. Its thread is the control thread: it may wait
/// for disks and the network, because the threads that send and receive do not wait for it.
final class BoxRuntime {
  var configuration: Configuration
  let engine: ScanEngine
  let spool: Spool
  let scopeWatch: ScopeWatch
  /// nil if no licence is needed.
  let licence: LicenceWatch?
  let signals: SignalSource
  let log: Logger
  let heartbeat: Heartbeat?
  var box: Box
  var facts: BoxFacts
  /// The jobs in active/ that the box knows.
  var jobs: [String: BoxJob] = [:]
  /// The last listing of the spool, which the box's requests refer to.
  var listing = Spool.Listing()
  /// `listing` as the box was told of it.
  var shownListing = SpoolListing()
  var check: Background<CheckAnswer>?
  var checkedFile: SpoolFile?
  var reload: Background<Result<LoadedConfiguration, any Error>>?
  /// The file that is being planned, and the job whose file is next.
  var planning: Planning?
  var nextToPlan: String?
  /// Whether this process has sent a probe.
  var hasSentProbe = false
  private var events: [Event] = [.tick]
  private var isSpoolChangeReported = false
  private var nextLook: UInt64 = 0
  private var nextTick: UInt64 = 0
  private var exit: Exit?
  /// Whether the status has to be written once the box has been told of everything.
  private var isPublicationDue = false

  init(
    _ configuration: Configuration, scopeWatch: ScopeWatch, licence: LicenceWatch?, engine: ScanEngine,
    spool: Spool,
    signals: SignalSource, log: Logger, versions: Versions, heartbeat: Heartbeat?
  ) {
    self.configuration = configuration
    self.scopeWatch = scopeWatch
    self.licence = licence
    self.engine = engine
    self.spool = spool
    self.signals = signals
    self.log = log
    self.heartbeat = heartbeat
    let station = engine.station
    facts = BoxFacts(StationModes(station), NICState(station.interface), versions)
    var limits = Box.Limits()
    limits.slots = engine.slots
    box = Box(
      data: spool.data.path, diskHighWater: configuration.diskHighWater,
      scopeSHA256: scopeWatch.inForce.sha256, limits: limits)
  }

  /// Serves until SIGINT or SIGTERM, and returns that signal. Jobs in active/ are resumed by the next process.
  ///
  /// - Throws: a `Fault` that the box cannot clear.
  func run() throws -> Kernel.Signal {
    while true {
      look()
      while !events.isEmpty, exit == nil {
        let event = events.removeFirst()
        for effect in box.handle(event, at: Clock.monotonic) { perform(effect) }
      }
      if isPublicationDue {
        isPublicationDue = false
        tell(.published(publish()))
      }
      switch exit {
      case nil:
        wait()
        continue
      default: endPlanning()
      }
      switch exit {
      case nil: break
      case .signal(.interrupt): return .interrupt
      case .signal: return .terminate
      case .fault(let message): throw Fault(message)
      }
    }
  }

  /// Tells the box of an event, after those before it.
  func tell(_ event: Event) { events.append(event) }

  // MARK: - Events

  private func wait() {
    // A change that was reported stays readable until the spool is listed.
    let watched = isSpoolChangeReported ? -1 : spool.descriptor
    let isExpecting =
      planning != nil || check != nil || reload != nil || jobs.values.contains { $0.scan != nil }
    let ready = poll(signals.reader.number, watched, milliseconds: isExpecting ? 20 : 200)
    if ready.second {
      isSpoolChangeReported = true
      tell(.spoolChanged)
    }
  }

  /// Finds out what has happened.
  private func look() {
    while let signal = signals.reader.next() {
      tell(.signal(signal == .interrupt ? .interrupt : .terminate))
    }
    if signals.takeReloadRequest() { tell(.signal(.hangUp)) }
    followPlanning()
    for name in jobs.keys.sorted() { follow(name) }
    let stalled = jobs.values.compactMap { $0.scan?.stalledSince }.min()
    tell(.writer(stalled.map { .stalled(since: $0) } ?? .writes))
    if let file = checkedFile, let answer = check?.take() {
      (check, checkedFile) = (nil, nil)
      tell(.checked(file, answer))
    }
    if let outcome = reload?.take() {
      reload = nil
      tell(.reload(apply(outcome)))
    }
    for report in scopeWatch.takeReports() { tell(.scope(report)) }
    if let report = licence?.takeReport() { tell(.licence(report)) }
    let now = Clock.monotonic
    if now >= nextLook {
      nextLook = now + 1_000_000_000
      // A file whose planning hangs must not look like a box that works.
      if planning?.isStuck(at: now) != true { heartbeat?.sendAlive() }
      facts.refresh(spool.data.path)
      tell(.link(facts.linkProblem.map { .down($0) } ?? .up))
    }
    if now >= nextTick || events.isEmpty {
      nextTick = now + 100_000_000
      tell(.tick)
    }
  }

  // MARK: - Effects

  private func perform(_ effect: Effect) {
    switch effect {
    case .spool(let request):
      if request == .list { isSpoolChangeReported = false }
      tell(.spool(answer(request)))
    case .check(let file): startCheck(file)
    case .prepare(let name): prepare(name)
    case .start(let name, let slot): start(name, slot: slot)
    case .stop(let name, let reason): jobs[name]?.scan?.stop(Ending(reason))
    case .settle(let name, let step): tell(.job(name, settle(name, step)))
    case .disk(let request): tell(.disk(answer(request)))
    case .probeStorage: tell(.storage(probeStorage()))
    case .gate(let gate): set(gate)
    case .reload: startReload()
    case .publish:
      // The box is told of the latest counts first, so that a pause is not shown with those from before it.
      for entry in jobs.values { reportProgress(of: entry) }
      isPublicationDue = true
    case .log(let entry): write(entry)
    case .exit(let exit): self.exit = exit
    }
  }

  private func set(_ gate: Gate) {
    var reason: String?
    if case .closed(let reasons) = gate { reason = reasons.joined(separator: "; ") }
    for job in jobs.values { job.gate?.pause.set(.box, reason) }
  }

  private func publish() -> PublishAnswer {
    do throws(Fault) {
      try snapshot().write(status: spool.data.status, metrics: spool.data.metrics)
      return .written
    } catch {
      return .failed("\(error)")
    }
  }

  /// The box as it is now.
  func snapshot() -> BoxSnapshot {
    facts.refresh(spool.data.path)
    var snapshot = box.snapshot(over: facts.snapshot)
    snapshot.licence = licence?.status(at: Clock.boottime)
    let slow = Set(jobs.values.compactMap { $0.last?.slowDisk }).subtracting(snapshot.problems)
    snapshot.problems += slow.sorted()
    if let conflict = engine.station.gatewayConflict { snapshot.problems.append(conflict) }
    return snapshot
  }

  private func write(_ entry: LogEntry) {
    let level: Logger.Level =
      switch entry.level {
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      }
    log.log(
      level: level, "\(entry.message)",
      metadata: entry.metadata.mapValues { Logger.MetadataValue.string($0) })
  }

  // MARK: - Reload

  private func startReload() {
    do throws(Fault) {
      // On a thread of its own, because the lists may be long.
      reload = try Background("reload") { [path = configuration.path] in
        Result { try LoadedConfiguration(path: path) }
      }
    } catch {
      tell(.reload(.rejected("\(error)")))
    }
  }

  /// Puts a configuration in force as a whole, or not at all. It applies to the jobs that start from now on.
  private func apply(_ outcome: Result<LoadedConfiguration, any Error>) -> ReloadAnswer {
    do {
      let new = try outcome.get()
      try configuration.requireSameFixedKeys(in: new.configuration)
      configuration = new.configuration
      // The running jobs stop probing the addresses that the new scope denies.
      let denied = scopeWatch.replace(new.configuration.scope, with: new.scope)
      return .applied(
        diskHighWater: configuration.diskHighWater, scopeSHA256: new.scope.sha256,
        newlyDenied: denied)
    } catch {
      return .rejected("\(error)")
    }
  }
}
