// The box as a pure machine: events in, effects out. It does nothing itself, and it never assumes that an effect
// succeeded.
import BoxAPI
import Plan

/// The state of a box: its queue, its scans, and whatever keeps it from sending.
///
/// At most one job is prepared or sends at a time, in front of all others. Once it has sent everything, it cools down in
/// its slot while the next one sends.
public struct Box: Sendable {
  /// Limits. Times are nanoseconds.
  public struct Limits: Hashable, Sendable {
    /// How many scans may run at the same time: one that sends, and those that cool down.
    public var slots = 64
    /// How long jobs may take to be saved before the process exits.
    public var stopTime: UInt64 = 10_000_000_000
    /// How long results may wait for the disk before sending pauses.
    public var writerDelay: UInt64 = 1_000_000_000
    /// How often the spool, the disk and a failed storage are looked at, and the status is written.
    public var interval: UInt64 = 1_000_000_000
    /// The least time between two listings of the spool, and between two writes of the status.
    public var pause: UInt64 = 100_000_000
    /// The greatest number of results removed in one look at the disk.
    public var removals = 20

    public init() {}
  }

  let data: String
  let limits: Limits
  package internal(set) var phase = Phase.serving
  package internal(set) var recovery = RecoveryState.needed(inProcess: false)
  /// The outstanding request.
  var request: SpoolRequest?
  package internal(set) var spool = SpoolState()
  package internal(set) var cancellations: [CancelRequest] = []
  /// The jobs in active/ that wait, in the order in which they will run.
  package internal(set) var queue: [WaitingJob] = []
  package internal(set) var front = Front.free
  /// The jobs that have sent everything, in that order.
  package internal(set) var cooling: [Scan] = []
  /// The jobs whose stay in active/ is ending or being saved.
  package internal(set) var settling: [Settling] = []
  var disk: DiskState
  var storage = StorageState.works
  var writer = WriterState.writes
  var link = LinkState.up
  var gateway = GatewayState.replies
  package internal(set) var scope: ScopeState
  var licence = LicenceReport.valid
  package internal(set) var gate = Gate.open
  package internal(set) var reload = ReloadState.idle
  /// Why the last reload was rejected.
  var configurationProblem: String?
  var publication = Publication.idle(last: nil)
  /// The failure of the status files that was logged, until they can be written again.
  var statusFailure: String?
  /// The pause that was logged last, until a scan makes progress.
  var loggedPause: [String] = []
  /// Sums over the jobs that have ended.
  var counters = Counters()

  /// The time of the event being handled.
  var now: UInt64 = 0
  private var effects: [Effect] = []

  /// - Parameters:
  ///   - data: the path of the data directory, for messages.
  ///   - diskHighWater: above this many percent, fetched results are removed.
  ///   - scopeSHA256: the scope that was read at the start.
  public init(
    data: String, diskHighWater: Int, scopeSHA256: String, limits: Limits = Limits()
  ) {
    self.data = data
    self.limits = limits
    disk = DiskState(highWater: diskHighWater)
    scope = .stable(scopeSHA256)
  }

  /// Takes an event and returns what to do about it.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, nanoseconds; never less than before.
  public mutating func handle(_ event: Event, at now: UInt64) -> [Effect] {
    if case .ended = phase { return [] }
    self.now = now
    apply(event)
    decide()
    defer { effects.removeAll() }
    return effects
  }

  mutating func emit(_ effect: Effect) { effects.append(effect) }

  mutating func log(
    _ level: LogEntry.Level, _ message: String, _ metadata: [String: String] = [:]
  ) {
    emit(.log(LogEntry(level, message, metadata)))
  }

  private mutating func apply(_ event: Event) {
    switch event {
    case .tick: break
    case .signal(.hangUp): requestReload()
    case .signal(let signal): stop(.signal(signal))
    case .spoolChanged: spool.isChanged = true
    case .spool(let answer): apply(answer)
    case .checked(let file, let answer): apply(answer, to: file)
    case .job(let name, let event): apply(event, to: name)
    case .disk(let answer): apply(answer)
    case .storage(.works): storageWorks()
    case .storage(.failed(let message)): storageFailed(message)
    case .storage(.full(let message)): storageFailed(message, isFull: true)
    case .writer(.writes): writer = .writes
    case .writer(.stalled(let since)): writer = .stalled(since: since)
    case .link(.up): link = .up
    case .link(.down(let message)): link = .down(message)
    case .gateway(.replies): gateway = .replies
    case .gateway(.silent(let message)): gatewayFailed(message)
    case .scope(let report): apply(report)
    case .licence(let report): apply(report)
    case .reload(let answer): apply(answer)
    case .published(let answer): apply(answer)
    case .fault(let message): stop(.fault(message))
    }
  }

  /// Brings everything in line with the state that the event left.
  private mutating func decide() {
    retryGateway()
    updateGate()
    switch phase {
    case .serving:
      cancelWaiting()
      stopCooling()
      advanceFront()
      beginNext()
      retrySettling()
      requestSpool()
      requestCheck()
      lookAtDisk()
      probeStorage()
    case .stopping(let exit, let deadline):
      stopAll()
      retrySettling()
      if isSaved || now >= deadline { end(exit) }
    case .ended: break
    }
    publishIfDue()
  }

  // MARK: - The end

  private mutating func stop(_ exit: Exit) {
    // The first reason counts.
    guard case .serving = phase else { return }
    phase = .stopping(exit, deadline: now + limits.stopTime)
    if case .fault(let message) = exit {
      log(.error, "the box failed; jobs stay in active/", ["reason": message])
    }
  }

  private mutating func stopAll() {
    switch front {
    case .free: break
    case .preparing(let job), .ready(let job):
      front = .free
      settle(job, .suspend(.terminated))
    case .sending(let scan): front = .sending(stopped(scan, .terminated))
    }
    for index in cooling.indices { cooling[index] = stopped(cooling[index], .terminated) }
  }

  /// Whether nothing is under way that has to be saved. What waits for a failed disk stays in active/ as it is.
  private var isSaved: Bool {
    guard case .free = front, cooling.isEmpty, request == nil else { return false }
    return settling.allSatisfy { $0.attempt == .waiting }
  }

  private mutating func end(_ exit: Exit) {
    phase = .ended(exit)
    if case .signal(let signal) = exit {
      let number = signal == .interrupt ? 2 : 15
      log(.notice, "stopped by a signal; jobs stay in active/", ["signal": "\(number)"])
    }
    emit(.publish)
    emit(.exit(exit))
  }

  /// Ends the box because of a failure that it cannot clear.
  mutating func fail(_ message: String) { stop(.fault(message)) }

  // MARK: - Reload

  private mutating func requestReload() {
    switch reload {
    case .idle:
      reload = .running
      log(.info, "reloading the configuration")
      emit(.reload)
    // The one that runs may have read the files before they changed.
    case .running, .runningAgain: reload = .runningAgain
    }
  }

  private mutating func apply(_ answer: ReloadAnswer) {
    let wasRequested = reload == .runningAgain
    reload = .idle
    switch answer {
    case .applied(let diskHighWater, let scopeSHA256, let newlyDenied):
      configurationProblem = nil
      if diskHighWater != disk.highWater { disk.set(highWater: diskHighWater, now) }
      log(
        .notice, "configuration reloaded; it applies to jobs that start from now on",
        ["scope": scopeSHA256])
      apply(ScopeReport.valid(sha256: scopeSHA256, newlyDenied: newlyDenied))
    case .rejected(let reason):
      configurationProblem =
        "the changed configuration was rejected, and the previous one stays in force: \(reason)"
      log(.error, "configuration rejected; the previous one stays in force", ["reason": reason])
    }
    if wasRequested { requestReload() }
  }

  // MARK: - Status files

  private mutating func apply(_ answer: PublishAnswer) {
    if case .inFlight(let shown, let began) = publication {
      publication = .idle(last: (shown, began))
    }
    switch answer {
    case .written:
      if statusFailure != nil { log(.notice, "the status files can be written again") }
      statusFailure = nil
    case .failed(let message):
      if statusFailure != message {
        log(.error, "cannot write the status files", ["reason": message])
      }
      statusFailure = message
    }
  }

  private mutating func publishIfDue() {
    guard case .idle(let last) = publication else { return }
    if case .ended = phase { return }
    if let last, now < last.began + limits.pause { return }
    let shown = Shown(state: state, problems: problems)
    if let last, shown == last.shown, now < last.began + limits.interval { return }
    publication = .inFlight(shown, began: now)
    emit(.publish)
  }
}
