// What PID 1 does for the rest of its life: it keeps the scanner running and the watchdog quiet.
import Init
import Kernel
import NIC
import Spool

/// The loop. It turns several times a second and waits for nothing longer, so the watchdog that it keeps alive
/// says that all of this still works.
final class ServiceSupervisor {
  /// Only the kernel's command line can ask for these. Seconds from the scanner's first start.
  struct Tests {
    var stopScanner: Int?
    var stopInit: Int?
  }

  private let boot: Boot
  private var tests: Tests
  private let settings: BoxSettings
  private let signals: SignalReader
  private var supervisor: Supervisor
  private var scanner: ScannerProcess?
  private var firstStart: UInt64?
  private var hasProbed = false
  private var isEnding = false
  private var mark: GoodMark
  private var idle: IdleStatus
  private var nextAttempt: UInt64 = 0
  /// For other disks with data.
  private var nextLook: UInt64 = 0
  /// The last look at the link said that frames can leave.
  private var hasCarrier = false
  /// When it was last there, or could not be told.
  private var lastCarrier: UInt64 = 0
  private var endedAt: UInt64 = 0
  private static let second: UInt64 = 1_000_000_000

  init(_ boot: Boot, tests: Tests) throws(Fault) {
    guard let settings = boot.settings else { boot.giveUp("there are no settings") }
    self.boot = boot
    self.tests = tests
    self.settings = settings
    signals = try SignalReader([.child, .terminate, .interrupt, .hangUp, .user1])
    supervisor = Supervisor(heartbeatTimeoutSeconds: settings.heartbeatSeconds, now: Clock.boottime)
    mark = GoodMark(boot)
    idle = IdleStatus(interface: settings.interface.name)
  }

  /// Starts the first scanner before the NIC and the data are there: it has enough to do until it needs them.
  func startAhead() {
    if !boot.isRescue { start(Clock.boottime, isAhead: true) }
  }

  /// The phase in which the NIC was looked for has ended.
  func tellOfInterface() {
    if boot.device != nil { scanner?.tellOfInterface() }
  }

  func run() -> Never {
    // One that does not get what it was to have is started again when that is there.
    if boot.hasData, boot.device != nil { scanner?.tellOfData() } else { scanner?.stop(.kill) }
    if boot.isRescue {
      showWhatIsThere()
    } else if !boot.hasData || boot.device == nil {
      boot.console.say("nothing is scanned for now; it is tried again by itself")
      boot.bringLinkUp()
    }
    while true {
      boot.keepAlive()
      let now = Clock.boottime
      if let end = followSignals() { shutDown(end) }
      listen(now)
      reap(now)
      if !boot.isRescue { supervise(now) }
      loadTheRest(now)
      runTests(now)
      let isQuiet = scanner != nil && hasProbed
      waitForAny(
        [signals.number] + (scanner?.descriptors ?? []), milliseconds: isQuiet ? 1000 : 100)
    }
  }

  // MARK: What happened

  /// How the machine is to end, if it is.
  private func followSignals() -> Machine.End? {
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

  private func listen(_ now: UInt64) {
    guard let scanner else { return }
    // What it says until its first heartbeat is the reason if there comes none, and is said as that.
    for line in scanner.lines() where scanner.isUp { boot.console.say(line) }
    for sign in scanner.signs() {
      if supervisor.recordHeartbeat(at: now) {
        for line in scanner.comeUp() { boot.console.say(line) }
        judge(scanner)
        if supervisor.starts == 1 { boot.end("scanner") }
        boot.note(.fault, nil)
      }
      if sign == .firstProbe, !hasProbed {
        hasProbed = true
        boot.console.say(boot.times.firstProbe(at: now))
      }
    }
  }

  /// Whether the kernel says of it what it says of itself. One that still has privileges does not scan.
  private func judge(_ scanner: ScannerProcess) {
    guard let statuses = try? TaskStatus.all(of: scanner.process), !statuses.isEmpty else { return }
    let privilege = ScannerPrivilege(statuses)
    boot.console.say("the scanner: \(privilege)")
    guard let excess = privilege.excess else { return }
    boot.console.say("problem: the scanner is not confined, and is killed: \(excess)")
    scanner.stop(.kill)
  }

  /// Also of processes that nobody else waits for.
  private func reap(_ now: UInt64) {
    while let (process, end) = ChildProcess.reap() {
      guard let ended = scanner, process == ended.process else { continue }
      listen(now)
      scanner = nil
      endedAt = now
      let wait = supervisor.ended(at: now)
      // It may not have come so far.
      boot.bringLinkUp()
      // What one lacked that was started ahead is said already.
      guard !isEnding, !ended.isAhead else { continue }
      boot.note(.fault, (["the scanner ended (\(end))"] + ended.lastWords).joined(separator: ": "))
      boot.console.say("the scanner starts again in \(wait) s")
    }
  }

  // MARK: The scanner

  private func supervise(_ now: UInt64) {
    mark.follow(healthy: supervisor.healthyDuration(at: now), now: now)
    if now >= nextLook {
      nextLook = now + 30 * Self.second
      boot.lookForOtherData()
    }
    if let scanner {
      guard case .kill(let seconds) = supervisor.step(at: now) else { return }
      boot.console.say("problem: the scanner has been silent for \(seconds) s, and is killed")
      scanner.stop(.kill)
      return
    }
    guard isReady(now) else {
      idle.publish(boot, now)
      return
    }
    guard supervisor.step(at: now) == .start else {
      idle.publish(boot, now)
      return
    }
    idle.release()
    start(now, isAhead: false)
  }

  private func start(_ now: UInt64, isAhead: Bool) {
    let start = ScannerStart(
      configuration: Boot.configuration, gateway: settings.interface.gateway, isAhead: isAhead)
    supervisor.started(at: now)
    firstStart = firstStart ?? now
    do throws(Fault) {
      scanner = try ScannerProcess(start)
    } catch {
      boot.note(.fault, "\(error)")
      _ = supervisor.ended(at: now)
      boot.bringLinkUp()
    }
  }

  /// Drivers of what is needed for no probe, once they delay none.
  private func loadTheRest(_ now: UInt64) {
    guard !boot.hasAllModules else { return }
    let isUp = hasProbed || supervisor.healthyDuration(at: now) >= 2 * Self.second
    if scanner == nil || isUp { boot.loadAllModules() }
  }

  /// Whether there is what a scanner needs; what is missing is tried again each two seconds.
  private func isReady(_ now: UInt64) -> Bool {
    let name = settings.interface.name
    if boot.device != nil, (try? LinkStatus(of: name)) == nil { boot.forgetInterface() }
    if !boot.hasData || boot.device == nil {
      guard now >= nextAttempt else { return false }
      nextAttempt = now + 2 * Self.second
      boot.tryAgain()
      guard boot.hasData, boot.device != nil else { return false }
    }
    let had = hasCarrier
    hasCarrier = (try? LinkStatus(of: name))?.hasCarrier ?? false
    // A scanner that ends takes its program from the NIC, and some drivers then their link down for seconds.
    lastCarrier = hasCarrier ? now : max(lastCarrier, endedAt)
    if hasCarrier {
      boot.note(.link, nil)
    } else if now - lastCarrier > 5 * Self.second {
      boot.note(.link, "\(name) has no carrier. Check the cable and the port at its other end")
    }
    // A scanner that ended for want of it need not wait any longer.
    if hasCarrier, !had { supervisor.restartNow(at: now) }
    return hasCarrier
  }

  // MARK: The end

  /// The scanner keeps what it has within two seconds; one that does not is killed.
  private func shutDown(_ end: Machine.End) -> Never {
    boot.console.say(end == .restart ? "restarting" : "powering off")
    isEnding = true
    scanner?.stop(.terminate)
    let deadline = Clock.boottime + 5 * Self.second
    while scanner != nil {
      boot.keepAlive()
      let now = Clock.boottime
      listen(now)
      reap(now)
      if now >= deadline { scanner?.stop(.kill) }
      // One that even SIGKILL does not end waits for a disk that does not answer.
      if now >= deadline + 2 * Self.second { break }
      pause(milliseconds: 20)
    }
    idle.release()
    do throws(Fault) {
      if boot.hasData { try Mount.detach(Boot.dataMount) }
    } catch {
      boot.console.say("problem: \(error)")
    }
    Machine.flush()
    do throws(Errno) {
      try Machine.end(end)
    } catch {
      boot.console.say("problem: the kernel does not end: \(error)")
    }
    // The watchdog, which is no longer kept alive, does.
    while true { pause(milliseconds: 1000) }
  }

  // MARK: Others

  private func showWhatIsThere() {
    for name in boot.hasData ? ["spool", "active", "results", "rejected"] : [] {
      let count = (try? Files.entries(of: "\(boot.dataDirectory)/\(name)"))?.count
      boot.console.say("rescue: entries in \(name): \(count.map { "\($0)" } ?? "there is none")")
    }
    boot.console.say("rescue: waiting for somebody to look")
  }

  private func runTests(_ now: UInt64) {
    guard let firstStart else { return }
    let elapsed = Int((now - firstStart) / Self.second)
    if let seconds = tests.stopScanner, elapsed >= seconds, let scanner {
      tests.stopScanner = nil
      boot.console.say("test: the scanner is stopped")
      scanner.stop(.stop)
    }
    if let seconds = tests.stopInit, elapsed >= seconds {
      boot.console.say("test: PID 1 does nothing any more")
      while true { pause(milliseconds: 60_000) }
    }
  }
}
