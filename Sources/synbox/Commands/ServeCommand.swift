// `synbox serve`: what the box runs.
import ArgumentParser
import Confinement
import Kernel
import Logging
import NIC
import Spool
import Wire

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Scan what is put into the spool, one file after another.")

  @Option(help: "The configuration, TOML.")
  var config: String

  @Option(help: ArgumentHelp("The pipe for signs of life.", visibility: .hidden))
  var heartbeat: Int32?

  @Flag(
    help: ArgumentHelp("Bring the interface up, once the program is attached.", visibility: .hidden))
  var bringUp = false

  @Flag(
    help: ArgumentHelp(
      "Require locked memory, unless the configuration sets lock-memory.", visibility: .hidden))
  var requireLockedMemory = false

  @Option(
    help: ArgumentHelp("The default route's gateway, with --bring-up.", visibility: .hidden),
    transform: { text in
      guard let address = IPv4Address(text) else {
        throw ValidationError("found \(text), expected an IPv4 address")
      }
      return address
    })
  var defaultRoute: IPv4Address?

  @Option(
    help: ArgumentHelp(
      "The pipe that tells how far the boot is; nobody else has had the data.", visibility: .hidden))
  var bootProgress: Int32?

  func run() throws {
    let heartbeat = try heartbeat.map { number in try Heartbeat(number) }
    // 1. What can be wrong without privilege: the configuration, and the scope it names.
    let loaded = try LoadedConfiguration(path: config)
    let configuration = loaded.configuration
    let log = try LineLog.logger(to: configuration.log)
    let user = try BoxUser.credentialsToAssume(configuration.user)
    let versions = Versions()
    let signals = try SignalSource()
    // 2. The data directory, from here on ours alone; unless it is still to come.
    let early = bootProgress == nil ? try DataDirectory(configuration.data, owner: user) : nil
    var boot = try bootProgress.map { number in try BootProgress(number) }
    // 3. Privileged: configure the NIC, load the programs, open the rings.
    try boot?.awaitInterface()
    let profile = try configuration.profile.map { wish in
      try apply(wish, to: configuration.station.interface, log)
    }
    let station = try Station(
      configuration.station, bringUp: bringUp ? Station.BringUp(gateway: defaultRoute) : nil)
    // What was down has its interrupts only now.
    if bringUp, let profile {
      log.say(try station.control.applyInterrupts(profile, to: station.interface))
    }
    try boot?.awaitData()
    let data = try early ?? DataDirectory(configuration.data, owner: user)
    let spool = try Spool(data, existingFilesAreComplete: bootProgress != nil)
    // 4. The drop, proven.
    let lockMemory = configuration.lockMemory ?? (requireLockedMemory ? .required : .wanted)
    let confinement = try Confinement.drop(
      ConfinementPolicy(
        readWrite: [configuration.data],
        // Where the link in /sys/class/net leads: the interface itself, and no other.
        readOnly: [LinkStatus.directory(of: station.interface.name)] + configuration.readablePaths,
        user: user, lockedMemory: lockMemory.need))
    try data.requireUsable()
    try configuration.requireReadable()
    log.notice(
      "serving",
      metadata: [
        "data": "\(configuration.data)", "station": "\(station.modeLine)",
        "confinement": "\(confinement)", "lock_memory": "\(lockMemory.rawValue)",
        "scope": "\(loaded.scope.sha256)",
      ])
    for shortcoming in confinement.shortcomings {
      log.warning("confined less than it should be", metadata: ["why": "\(shortcoming)"])
    }
    if heartbeat != nil { Terminal.error("synbox: \(Heartbeat.consoleLine(of: station))\n") }
    // 5. Jobs, until a signal.
    let watch = ScopeWatch(
      configuration.scope, inForce: loaded.scope, statuses: loaded.lists, log: log)
    try watch.start()
    defer { watch.stop() }
    let loop = ServeLoop(
      configuration, scopeWatch: watch, station: station, spool: spool, signals: signals, log: log,
      versions: versions, heartbeat: heartbeat)
    throw ExitCode(128 + (try loop.run()).rawValue)
  }

  /// Brings the NIC to what is wished; the profile that this was.
  private func apply(_ wish: Configuration.Profile, to name: String, _ log: Logger) throws
    -> InterfaceProfile
  {
    let control = try NetworkControl()
    let state = try control.state(of: name)
    let profile = try wish.load(for: state)
    let report = try control.apply(profile, to: state, bringsUp: !bringUp)
    log.say(report)
    // Some drivers take their link down to change rings.
    if !report.changes.isEmpty, report.state.isUp {
      _ = try control.waitForCarrier(of: name, milliseconds: 10_000)
    }
    return profile
  }
}

extension Logger {
  fileprivate func say(_ report: ApplyReport) {
    for change in report.changes { info("NIC changed", metadata: ["change": "\(change)"]) }
    for deviation in report.deviations {
      warning("NIC deviates", metadata: ["deviation": "\(deviation)"])
    }
  }
}

extension Configuration.Profile {
  /// The profile that is meant for an interface.
  func load(for state: InterfaceState) throws -> InterfaceProfile {
    var path: String?
    if case .path(let given) = self { path = given }
    return try NICCommand.ProfileOptions.load(path, for: state)
  }
}
