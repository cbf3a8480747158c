// The main loop of PID 1: keeps the scanner running and the watchdog alive.
import BoxAPI
import Init
import Kernel
import NIC
import Spool

/// Supervises the scanner. The loop runs at least once a second and never blocks for longer, so each keep-alive of the
/// watchdog shows that all of it still works.
final class ServiceSupervisor {
  /// Failures for tests, requested on the kernel's command line. In seconds from the scanner's first start.
  struct TestHooks {
    var stopScanner: Int?
    var stopInit: Int?
  }

  private let boot: Boot
  private var hooks: TestHooks
  private let settings: BoxSettings
  private let signals: SignalReader
  private var supervisor: Supervisor
  private var scanner: ScannerProcess?
  private var firstStart: UInt64?
  private var hasSentProbe = false
  private var isShuttingDown = false
  private var goodMark: GoodMark
  private var idleStatus: IdleStatus
  /// When to set up missing hardware again.
  private var nextRetry: UInt64 = 0
  /// When to look for a second data partition again.
  private var nextPartitionCheck: UInt64 = 0
  /// Whether the link had a carrier at the last check.
  private var hasCarrier = false
  /// When the carrier was last present, or could not be known.
  private var lastCarrier: UInt64 = 0
  private var lastEnd: UInt64 = 0
  private static let second: UInt64 = 1_000_000_000

  init(_ boot: Boot, hooks: TestHooks) throws(Fault) {
    guard let settings = boot.settings else { boot.giveUp("no settings") }
    self.boot = boot
    self.hooks = hooks
    self.settings = settings
    signals = try SignalReader([.child, .terminate, .interrupt, .hangUp, .user1])
    supervisor = Supervisor(heartbeatTimeoutSeconds: settings.heartbeatSeconds, now: Clock.boottime)
    goodMark = GoodMark(boot)
    idleStatus = IdleStatus(interface: settings.interface.name)
  }

  /// Starts the first scanner before the NIC and the data partition are ready, because it has enough to do until it
  /// needs them.
  func startEarly() {
    if !boot.isRescue { start(Clock.boottime, isEarly: true) }
  }

  /// Passes on that the interface phase has ended.
  func announceInterface() {
    if boot.device != nil { scanner?.announceInterface() }
  }

  func run() -> Never {
    // A scanner whose NIC or data partition did not appear is started again once they have.
    if boot.hasData, boot.device != nil { scanner?.announceData() } else { scanner?.stop(.kill) }
    if boot.isRescue {
      listDataDirectory()
    } else if !boot.hasData || boot.device == nil {
      boot.console.say("nothing is scanned for now; retrying")
      boot.bringLinkUp()
    }
    while true {
      boot.keepAlive()
      let now = Clock.boottime
      if let end = requestedEnd() { shutDown(end) }
      readScanner(now)
      reap(now)
      if !boot.isRescue { supervise(now) }
      loadRemainingModules(now)
      runHooks(now)
      let isQuiet = scanner != nil && hasSentProbe
      waitForAny(
        [signals.number] + (scanner?.descriptors ?? []), milliseconds: isQuiet ? 1000 : 100)
    }
  }

  // MARK: Events

  /// Returns how a signal asked the machine to end, if one did.
  private func requestedEnd() -> Machine.End? {
    var end: Machine.End?
    while let signal = signals.next() {
      switch signal {
      case .terminate: end = .powerOff
      case .interrupt: end = .restart
      default: break
      }
    }
    return end
  }

  private func readScanner(_ now: UInt64) {
    guard let scanner else { return }
    // Lines before the first heartbeat are held back. If none comes, they are the reason and reported as such.
    for line in scanner.readLines() where scanner.isUp { boot.console.say(line) }
    for beat in scanner.readBeats() {
      if supervisor.recordHeartbeat(at: now) {
        for line in scanner.markUp() { boot.console.say(line) }
        verifyConfinement(of: scanner)
        if supervisor.starts == 1 { boot.end("scanner") }
        boot.setProblem(.fault, nil)
      }
      if beat == .firstProbe, !hasSentProbe {
        hasSentProbe = true
        boot.console.say(boot.times.firstProbe(at: now))
      }
    }
  }

  /// Kills a scanner that still has privileges. The kernel's view of it counts, not its own report.
  private func verifyConfinement(of scanner: ScannerProcess) {
    guard let statuses = try? TaskStatus.all(of: scanner.process), !statuses.isEmpty else { return }
    let privilege = ScannerPrivilege(statuses)
    boot.console.say("the scanner: \(privilege)")
    guard let excess = privilege.excess else { return }
    boot.console.say("problem: killing the scanner because it is not confined: \(excess)")
    scanner.stop(.kill)
  }

  /// Reaps all children, including orphans that PID 1 has inherited.
  private func reap(_ now: UInt64) {
    while let (process, end) = ChildProcess.reap() {
      guard let ended = scanner, process == ended.process else { continue }
      readScanner(now)
      scanner = nil
      lastEnd = now
      let wait = supervisor.ended(at: now)
      // It may have ended before it brought the link up.
      boot.bringLinkUp()
      // The problem of an early scanner is the missing hardware, which has been reported.
      guard !isShuttingDown, !ended.isEarly else { continue }
      boot.setProblem(
        .fault, (["the scanner ended (\(end))"] + ended.recentLines).joined(separator: ": "))
      boot.console.say("restarting the scanner in \(wait) s")
    }
  }

  // MARK: The scanner

  private func supervise(_ now: UInt64) {
    goodMark.update(healthy: supervisor.healthyDuration(at: now), now: now)
    if now >= nextPartitionCheck {
      nextPartitionCheck = now + 30 * Self.second
      boot.checkForSecondDataPartition()
    }
    if let scanner {
      guard case .kill(let seconds) = supervisor.step(at: now) else { return }
      boot.console.say("problem: killing the scanner because it sent no heartbeat for \(seconds) s")
      scanner.stop(.kill)
      return
    }
    guard isReady(now), supervisor.step(at: now) == .start else {
      idleStatus.publish(boot, now)
      return
    }
    idleStatus.release()
    start(now, isEarly: false)
  }

  private func start(_ now: UInt64, isEarly: Bool) {
    let launch = ScannerLaunch(
      configuration: Boot.configuration, gateway: settings.interface.gateway, isEarly: isEarly)
    supervisor.started(at: now)
    firstStart = firstStart ?? now
    do throws(Fault) {
      scanner = try ScannerProcess(launch)
    } catch {
      boot.setProblem(.fault, "\(error)")
      _ = supervisor.ended(at: now)
      boot.bringLinkUp()
    }
  }

  /// Loads the modules that no probe needs, once they can no longer delay the first one.
  private func loadRemainingModules(_ now: UInt64) {
    guard !boot.hasAllModules else { return }
    let isUp = hasSentProbe || supervisor.healthyDuration(at: now) >= 2 * Self.second
    if scanner == nil || isUp { boot.loadAllModules() }
  }

  /// Returns whether a scanner has everything it needs. Tries again every two seconds to set up whatever is missing.
  private func isReady(_ now: UInt64) -> Bool {
    let name = settings.interface.name
    if boot.device != nil, (try? LinkStatus(of: name)) == nil { boot.forgetInterface() }
    if !boot.hasData || boot.device == nil {
      guard now >= nextRetry else { return false }
      nextRetry = now + 2 * Self.second
      boot.retry()
      guard boot.hasData, boot.device != nil else { return false }
    }
    let hadCarrier = hasCarrier
    hasCarrier = (try? LinkStatus(of: name))?.hasCarrier ?? false
    // A scanner that ends detaches its program from the NIC, and some drivers take the link down for seconds then.
    lastCarrier = hasCarrier ? now : max(lastCarrier, lastEnd)
    if hasCarrier {
      boot.setProblem(.link, nil)
    } else if now - lastCarrier > 5 * Self.second {
      boot.setProblem(.link, "\(name) has no carrier; check the cable and the port at its other end")
    }
    // A scanner that ended for lack of a carrier need not wait any longer.
    if hasCarrier, !hadCarrier { supervisor.restartNow(at: now) }
    return hasCarrier
  }

  // MARK: Shutdown

  /// Ends the machine. The scanner has five seconds to save its state before it is killed.
  private func shutDown(_ end: Machine.End) -> Never {
    boot.console.say(end == .restart ? "restarting" : "powering off")
    isShuttingDown = true
    scanner?.stop(.terminate)
    let deadline = Clock.boottime + 5 * Self.second
    while scanner != nil {
      boot.keepAlive()
      let now = Clock.boottime
      readScanner(now)
      reap(now)
      if now >= deadline { scanner?.stop(.kill) }
      // A process that survives SIGKILL is waiting for a disk that does not respond.
      if now >= deadline + 2 * Self.second { break }
      pause(milliseconds: 20)
    }
    idleStatus.release()
    do throws(Fault) {
      if boot.hasData { try Mount.detach(Boot.dataMount) }
    } catch {
      boot.console.say("problem: \(error)")
    }
    Machine.flush()
    do throws(Errno) {
      try Machine.end(end)
    } catch {
      boot.console.say("problem: the kernel did not end: \(error)")
    }
    // The watchdog resets the machine, because nothing keeps it alive any longer.
    while true { pause(milliseconds: 1000) }
  }

  // MARK: Rescue and tests

  private func listDataDirectory() {
    for name in boot.hasData ? ["spool", "active", "results", "rejected"] : [] {
      let count = (try? Files.entries(of: "\(boot.dataDirectory)/\(name)"))?.count
      boot.console.say("rescue: entries in \(name): \(count.map { "\($0)" } ?? "no such directory")")
    }
    boot.console.say("rescue: waiting for an operator")
  }

  private func runHooks(_ now: UInt64) {
    guard let firstStart else { return }
    let elapsed = Int((now - firstStart) / Self.second)
    if let seconds = hooks.stopScanner, elapsed >= seconds, let scanner {
      hooks.stopScanner = nil
      boot.console.say("test: stopping the scanner")
      scanner.stop(.stop)
    }
    if let seconds = hooks.stopInit, elapsed >= seconds {
      boot.console.say("test: stopping PID 1")
      while true { pause(milliseconds: 60_000) }
    }
  }
}
