// `synbox serve`: the service that a box runs.
import ArgumentParser
import BoxAPI
import Confinement
import Engine
import Init
import Kernel
import Logging
import NIC
import Spool
import Wire

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Scan the target files in the spool.",
    discussion: """
      SIGHUP reloads the configuration. SIGINT and SIGTERM suspend the running job; it resumes at the next start.
      """)

  @Option(help: "Configuration (synbox.toml).")
  var config: String

  @Option(help: ArgumentHelp("Pipe to write heartbeats to.", visibility: .hidden))
  var heartbeat: Int32?

  @Flag(
    help: ArgumentHelp(
      "Bring the interface up after attaching the receive program.", visibility: .hidden))
  var bringUp = false

  @Flag(
    help: ArgumentHelp(
      "Require locked memory, unless the configuration sets lock-memory.", visibility: .hidden))
  var requireLockedMemory = false

  @Flag(help: ArgumentHelp("Do not run without Landlock.", visibility: .hidden))
  var requireLandlock = false

  @Flag(
    help: ArgumentHelp(
      "Use the source addresses for nothing but scanning, unless the configuration sets source-use.",
      visibility: .hidden))
  var dedicateSources = false

  @Flag(
    help: ArgumentHelp(
      "Do not run unless the interface is alone in its network namespace.", visibility: .hidden))
  var requireOwnNamespace = false

  @Option(
    help: ArgumentHelp("Gateway of the default route, with --bring-up.", visibility: .hidden),
    transform: { text in
      guard let address = IPv4Address(text) else {
        throw ValidationError("found \(text), expected an IPv4 address")
      }
      return address
    })
  var defaultRoute: IPv4Address?

  @Option(
    help: ArgumentHelp(
      "Pipe on which PID 1 reports the progress of the boot. Implies exclusive use of the data.",
      visibility: .hidden))
  var bootProgress: Int32?

  func run() throws {
    // First: a SIGHUP that comes while the lists are being read asks for another reading.
    let reloads = try SignalReader([.hangUp, .user1])
    let heartbeat = try heartbeat.map { number in try Heartbeat(number) }
    // 1. Find errors in the configuration and the scope before using any privilege.
    let loaded = try LoadedConfiguration(path: config)
    let configuration = loaded.configuration
    let log = try LineLog.logger(to: configuration.log)
    let user = try BoxUser.credentialsToAssume(configuration.user)
    let versions = Versions.current()
    let signals = try SignalSource(reloads: reloads)
    // 2. Lock the data directory, unless PID 1 has yet to mount it.
    let early = bootProgress == nil ? try DataDirectory(configuration.data, owner: user) : nil
    var boot = try bootProgress.map { number in try BootProgress(number) }
    // 3. With privilege: configure the NIC, load the programs, open rings and sockets.
    try boot?.awaitInterface()
    let profile = try configuration.profile.map { profile in
      try apply(profile, to: configuration.station.interface, log)
    }
    var stationSettings = configuration.station
    // With fewer source ports, several keys have to be tried for a reply.
    stationSettings.slots = stationSettings.sourcePorts.count >= KeySlots.most ? KeySlots.most : 8
    stationSettings.dedicatesOwnSources = dedicateSources
    stationSettings.requiresOwnNamespace = requireOwnNamespace
    let station = try Station(
      stationSettings, bringUp: bringUp ? Station.BringUp(gateway: defaultRoute) : nil)
    // An interface that is down has no interrupts to configure.
    if bringUp, let profile {
      log.report(try station.control.applyInterrupts(profile, to: station.interface))
    }
    let engine = try ScanEngine(station)
    let licence = try configuration.licencePath.map { path in try LicenceWatch(path) }
    engine.licence = licence?.gate
    try boot?.awaitData()
    let data = try early ?? DataDirectory(configuration.data, owner: user)
    let spool = try Spool(data, existingFilesAreComplete: bootProgress != nil)
    // 4. Drop all privilege, and verify the drop.
    let lockMemory = configuration.lockMemory ?? (requireLockedMemory ? .required : .wanted)
    let confinement = try Confinement.drop(
      ConfinementPolicy(
        readWrite: [configuration.data],
        // The target of the link in /sys/class/net, so that no other interface is readable.
        readOnly: [LinkStatus.directory(of: station.interface.name)] + configuration.readablePaths,
        messageSocket: station.control.routeDescriptor, user: user,
        landlock: requireLandlock ? .required : .wanted, lockedMemory: lockMemory.need))
    try data.requireUsable()
    try configuration.requireReadable()
    log.notice(
      "serving",
      metadata: [
        "data": "\(configuration.data)", "station": "\(station.modeLine)",
        "confinement": "\(confinement)", "lock_memory": "\(lockMemory.rawValue)",
        "scope": "\(loaded.scope.sha256)",
      ])
    for note in data.notes { log.warning("\(note)") }
    for shortcoming in confinement.shortcomings {
      log.warning("confinement is incomplete", metadata: ["why": "\(shortcoming)"])
    }
    if heartbeat != nil { Terminal.error("synbox: \(Heartbeat.consoleLine(of: station))\n") }
    // 5. Run jobs until a signal.
    let watch = ScopeWatch(
      configuration.scope, inForce: loaded.scope, statuses: loaded.lists)
    try watch.start()
    defer { watch.stop() }
    try licence?.start()
    defer { licence?.stop() }
    let runtime = BoxRuntime(
      configuration, scopeWatch: watch, licence: licence, engine: engine, spool: spool,
      signals: signals, log: log,
      versions: versions, heartbeat: heartbeat)
    throw ExitCode(128 + (try runtime.run()).rawValue)
  }

  /// Applies the configured NIC profile, and returns it.
  private func apply(_ choice: Configuration.Profile, to name: String, _ log: Logger) throws
    -> InterfaceProfile
  {
    let control = try NetworkControl()
    let state = try control.state(of: name)
    let profile = try choice.load(for: state)
    let report = try control.apply(profile, to: state, bringsUp: !bringUp)
    log.report(report)
    // Some drivers take the link down to resize rings.
    if !report.changes.isEmpty, report.state.isUp {
      _ = try control.waitForCarrier(of: name, milliseconds: 10_000)
    }
    return profile
  }
}

extension Logger {
  fileprivate func report(_ report: ApplyReport) {
    for change in report.changes { info("NIC setting changed", metadata: ["change": "\(change)"]) }
    for deviation in report.deviations {
      warning("NIC deviates from its profile", metadata: ["deviation": "\(deviation)"])
    }
  }
}

extension Configuration.Profile {
  /// Loads the profile for an interface.
  func load(for state: InterfaceState) throws -> InterfaceProfile {
    var path: String?
    if case .path(let given) = self { path = given }
    return try NICCommand.ProfileOptions.load(path, for: state)
  }
}
