// The main loop of PID 1: keeps the services running and the watchdog alive.
import BoxAPI
import Init
import Kernel
import NIC

/// Runs at least once a second and never blocks for longer, so each keep-alive of the watchdog shows that all of it still
/// works.
final class MainLoop {
  static let scanner = 0
  static let statusWriter = 1
  /// Nil without them.
  private let dhcpClient: Int?
  private let management: Int?
  private let agent: Int?
  static let second: UInt64 = 1_000_000_000

  let boot: Boot
  let services: Services
  let settings: BoxSettings
  private var hooks: PIDOne.TestHooks
  private let signals: SignalReader
  private var consoles: ConsoleQueues
  /// Nil once it is no longer the first scanner that runs.
  private var early: EarlyScanner?
  private var firstStart: UInt64?
  private var hasSentProbe = false
  private var isShuttingDown = false
  private var goodMark: GoodMark
  var idleStatus: IdleStatus
  var readiness = Readiness()
  /// When to look for a second data partition, and for interfaces that have appeared, again.
  private var nextPartitionCheck: UInt64 = 0
  private var nextInterfaceCheck: UInt64 = 0

  init(_ boot: Boot, hooks: PIDOne.TestHooks) throws(Fault) {
    guard let settings = boot.settings else { boot.giveUp("no settings") }
    self.boot = boot
    self.hooks = hooks
    self.settings = settings
    signals = try SignalReader([.child, .terminate, .interrupt, .hangUp, .user1])
    let now = Clock.boottime
    var specifications: [ServiceSpecification] = [
      .scanner(settings, configuration: Boot.configuration),
      .statusWriter(source: IdleStatus.path, configuration: Boot.configuration),
    ]
    func add(_ service: ServiceSpecification, if isWanted: Bool) -> Int? {
      guard isWanted else { return nil }
      specifications.append(service)
      return specifications.count - 1
    }
    dhcpClient = add(.dhcpClient(hostName: settings.name), if: settings.management?.address == .dhcp)
    management = add(.management, if: boot.hasManagementService)
    agent = add(.agent, if: boot.hasAgent)
    services = Services(
      specifications + (hooks.listsInterfaces ? ServiceSpecification.listingInterfaces : []),
      helper: ["/bin/synbox", "start-service"], reapsOrphans: true, now: now,
      servicesNetwork: { () throws(Fault) in try boot.networkOfServices().namespace })
    consoles = ConsoleQueues(services.specifications.map(\.output))
    goodMark = GoodMark(boot)
    idleStatus = IdleStatus(interface: settings.interface.name)
    // Nothing starts by itself before `run`.
    for service in services.specifications.indices { services.setReady(service, false, at: now) }
    services.suspend(Self.statusWriter, at: now)
    if let dhcpClient { services.suspend(dhcpClient, at: now) }
  }

  /// Starts the first scanner before the NIC and the data partition are ready, because it has enough to do until it
  /// needs them.
  func startEarly() {
    guard !boot.isRescue else { return }
    let now = Clock.boottime
    firstStart = now
    do throws(Fault) {
      let first = try EarlyScanner(services, Self.scanner, at: now)
      if services.isRunning(Self.scanner) { early = first }
    } catch {
      boot.setProblem(.fault, "\(error)")
    }
  }

  /// Passes on that the interface phase has ended.
  func announceInterface() {
    if boot.device != nil { early?.announceInterface() }
  }

  func run() -> Never {
    // A scanner whose NIC or data partition did not appear is started again once they have.
    if boot.hasData, boot.device != nil {
      early?.announceData()
    } else {
      services.send(.kill, to: Self.scanner)
    }
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
      if !boot.isRescue { supervise(now) }
      for report in services.run(at: now) { handle(report, now) }
      showLines()
      loadRemainingModules(now)
      runHooks(now)
      let isQuiet = services.isRunning(Self.scanner) && hasSentProbe && consoles.isEmpty
      waitForAny(
        [signals.number] + services.descriptors(at: now), milliseconds: isQuiet ? 1000 : 100)
    }
  }

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

  private func supervise(_ now: UInt64) {
    goodMark.update(healthy: services.healthyDuration(of: Self.scanner, at: now), now: now)
    if now >= nextPartitionCheck {
      nextPartitionCheck = now + 30 * Self.second
      boot.checkForSecondDataPartition()
    }
    if now >= nextInterfaceCheck {
      nextInterfaceCheck = now + Self.second
      boot.separateInterfaces()
      if isPastFirstProbe(now) { boot.manage(now) }
    }
    if let dhcpClient {
      boot.management.isUp
        ? services.resume(dhcpClient, at: now) : services.suspend(dhcpClient, at: now)
    }
    for service in services.specifications.indices
    where service != Self.scanner && isPastFirstProbe(now) {
      let needsData = service == management || service == agent
      services.setReady(service, !needsData || boot.hasData, at: now)
    }
    if !services.isRunning(Self.scanner) { prepareScanner(now) }
  }

  /// Loads the modules that no probe needs.
  private func loadRemainingModules(_ now: UInt64) {
    guard !boot.hasAllModules else { return boot.closeModules() }
    if isPastFirstProbe(now) { boot.loadAllModules() }
  }

  /// Whether what no probe needs can no longer delay the first one.
  private func isPastFirstProbe(_ now: UInt64) -> Bool {
    hasSentProbe || !services.isRunning(Self.scanner)
      || services.healthyDuration(of: Self.scanner, at: now) >= 2 * Self.second
  }
}

// MARK: - Reports

extension MainLoop {
  private func handle(_ report: ServiceReport, _ now: UInt64) {
    switch report {
    case .line(let service, let line): consoles.add(line, of: service)
    case .beat(Self.scanner, .firstProbe) where !hasSentProbe:
      hasSentProbe = true
      boot.console.say(boot.times.firstProbe(at: now))
    case .beat: break
    case .record(let service, let bytes):
      guard let report = NetworkReport(bytes), service == dhcpClient else {
        boot.console.say("problem: killing \(name(service)) because it reported nonsense")
        return services.send(.kill, to: service)
      }
      boot.apply(report)
    case .up(let service, let privilege):
      boot.console.say("\(name(service)): \(privilege)")
      if service == Self.statusWriter { boot.setProblem(.spool, nil) }
      guard service == Self.scanner else { break }
      if services.starts(of: service) == 1 { boot.end("scanner") }
      boot.setProblem(.fault, nil)
    case .unconfined(let service, let excess):
      boot.console.say("problem: killing \(name(service)) because it is not confined: \(excess)")
    case .killed(let service, let reason):
      boot.console.say("problem: killing \(name(service)) because \(reason)")
      if service == Self.statusWriter {
        boot.setProblem(.slowDisk, "the data disk does not respond; the scanner starts when it does")
      }
    case .ended(let service, let end, let lines, let restart):
      let problem = (["\(name(service)) ended (\(end))"] + lines).joined(separator: ": ")
      failed(service, problem, restart, now)
    case .notStarted(let service, let fault, let restart): failed(service, "\(fault)", restart, now)
    }
  }

  private func name(_ service: Int) -> String { "the \(services.specifications[service].name)" }

  private func failed(_ service: Int, _ problem: String, _ restart: Int?, _ now: UInt64) {
    var wasEarly = false
    if service == Self.scanner {
      wasEarly = early?.isWaiting ?? false
      early = nil
      readiness.lastEnd = now
      // It may have ended before it brought the link up.
      boot.bringLinkUp()
    }
    if service == Self.statusWriter { boot.setProblem(.slowDisk, nil) }
    // The problem of an early scanner is the missing hardware, which has been reported. A service that is not started
    // again was asked to end.
    guard !isShuttingDown, !wasEarly, let restart else { return }
    switch service {
    case Self.scanner: boot.setProblem(.fault, problem)
    case Self.statusWriter: boot.setProblem(.spool, "cannot write the status: \(problem)")
    default: boot.console.say("problem: \(problem)")
    }
    boot.console.say("restarting \(name(service)) in \(restart) s")
  }

  private func showLines() {
    consoles.show(
      clock: { Clock.boottime }, keepAlive: boot.keepAlive,
      show: { service, line in
        let name = services.specifications[service].name
        boot.console.say(service == Self.scanner ? line : "\(name): \(line)")
      })
  }
}

// MARK: - Shutdown, rescue and tests

extension MainLoop {
  /// Ends the machine. The services have five seconds to save their state before they are killed.
  private func shutDown(_ end: Machine.End) -> Never {
    boot.console.say(end == .restart ? "restarting" : "powering off")
    isShuttingDown = true
    let began = Clock.boottime
    services.stop(at: began)
    while !services.hasStopped {
      boot.keepAlive()
      let now = Clock.boottime
      for report in services.run(at: now) { handle(report, now) }
      // A process that survives SIGKILL is waiting for a disk that does not respond.
      if now >= began + ServiceTiming.stopTimeout + 2 * Self.second { break }
      pause(milliseconds: 20)
    }
    do throws(Fault) {
      if boot.hasData { try Mount.detach(DataPartition.mountPoint) }
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
    if let seconds = hooks.stopScanner, elapsed >= seconds, services.isRunning(Self.scanner) {
      hooks.stopScanner = nil
      boot.console.say("test: stopping the scanner")
      services.send(.stop, to: Self.scanner)
    }
    if let seconds = hooks.stopInit, elapsed >= seconds {
      boot.console.say("test: stopping PID 1")
      while true { pause(milliseconds: 60_000) }
    }
  }
}
