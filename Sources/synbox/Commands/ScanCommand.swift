// `synbox scan`: runs one scan of targets from files, arguments or standard input.
import ArgumentParser
import Confinement
import Engine
import Kernel
import NIC
import Plan
import Scan
import Wire

struct ScanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan", abstract: "Scan targets once, and write results to a file or standard output.",
    discussion: """
      SIGINT, SIGTERM and SIGHUP end the scan and save its results. The exit status is then 130, 143 or 129.
      """)

  @OptionGroup var plan: PlanOptions
  @OptionGroup(title: "Sending") var station: StationOptions

  @Option(
    name: .shortAndLong,
    help: "Probes per second, such as 100k or 1.5M; 0 for no limit. (default: \(PacketRate.default))",
    transform: parsed)
  var rate: PacketRate?

  @Option(
    name: [.customShort("B"), .long],
    help: ArgumentHelp(
      "Bits per second on the wire, such as 10M or 1G, bytes, such as 12MB, or a percentage of the link's speed, such as 95%; instead of --rate."
    ),
    transform: parsed)
  var bandwidth: BandwidthLimit?

  @Option(
    name: [.customShort("c"), .long],
    help: "Time to wait for replies after the last probe: 0.5, 30s or 5m. (default: 8s)",
    transform: parsed)
  var cooldownTime: Duration?

  @Option(name: [.customShort("N"), .long], help: "End after this many results.")
  var maxResults: UInt64?

  @Option(
    name: [.customShort("t"), .long], help: "Stop sending after this time: 90, 90s, 5m or 1h.",
    transform: parsed)
  var maxRuntime: Duration?

  @Option(
    help: ArgumentHelp(
      "How often to send, from 0.1ms to 4ms; longer takes less processor time. (default: 1ms)",
      valueName: "ms"), transform: parsed)
  var paceInterval: PaceInterval = .standard

  @Option(help: "When replies arrive faster than they are taken: send more slowly, or lose replies.")
  var onOverload: OverloadChoice = .slow

  @Option(help: "TCP options of probes.")
  var probeOptions: ProbeProfile = .smallest

  @Flag(help: "Report every reply, including duplicates.")
  var noDedupe = false

  @Option(
    help: ArgumentHelp(
      "Maximum size of the dedupe table, such as 64M or 2G. (default: 1G, or half the machine's memory if "
        + "that is less)",
      valueName: "size"), transform: parsed)
  var dedupeMemory: DedupeMemory?

  @Flag(help: "Print the probes instead of sending them, like `synbox list`.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "User and group to run as after dropping root: UID:GID, or a name in /etc/passwd. (default: 60900:60900)",
      valueName: "user"), transform: parsed)
  var user: BoxUser?

  @OptionGroup(title: "Output") var output: OutputOptions

  mutating func validate() throws {
    if rate != nil, bandwidth != nil {
      throw ValidationError("--rate and --bandwidth are mutually exclusive")
    }
    if noDedupe, dedupeMemory != nil {
      throw ValidationError("--no-dedupe and --dedupe-memory are mutually exclusive")
    }
    if !dryRun, station.interface == nil {
      throw ValidationError("no interface: give one with -i, such as -i eth0")
    }
  }

  func run() throws {
    // 1. Open the input, and parse none of it as root.
    let input = try plan.open()
    if dryRun {
      return try writeProbes(plan.prepare(input), to: .standardOutput(), binary: false)
    }
    let user = try BoxUser.credentialsToAssume(user)
    // Without privilege to lose, mistakes in the input are found before the interface is touched.
    let early = user == nil ? try plan.prepare(input) : nil
    var settings = try station.settings()
    let givenRate = try givenRate(linkSpeed: LinkStatus.speed(of: settings.interface))
    settings.highestRate = givenRate
    let memory = dedupeMemory ?? .standard
    let signals = try SignalReader([.interrupt, .terminate, .user1, .hangUp])
    let files = try output.open()
    // 2. With privilege: load the programs, open rings and sockets.
    let opened = try Station(settings)
    let engine = try ScanEngine(opened)
    // 3. Drop all privilege, and verify the drop.
    let console = Console(quiet: output.quiet, verbose: output.verbose)
    let confinement = try Confinement.drop(
      ConfinementPolicy(messageSocket: opened.control.routeDescriptor, user: user))
    console.printLine("\(opened.modeLine); \(confinement)")
    for shortcoming in confinement.shortcomings { console.printLine(shortcoming) }
    // 4. Parse the input, without any privilege.
    let prepared = try early ?? plan.prepare(input)
    try output.clear(files)
    // 5. Send the first frames: ARP requests.
    let denied = prepared.denied ?? .none
    let nextHops = try NextHops(prepared.sequence.plan, without: denied.addresses, on: opened)
    console.warn(foreign: opened.foreignSources)
    console.warn(unresolved: nextHops)
    if let conflict = opened.gatewayConflict { console.printLine(conflict) }
    let job = jobSettings(prepared, memory, givenRate)
    let scan = try RunningScan(
      job, on: engine, nextHops: nextHops,
      writer: ResultWriter(
        files.results, position: files.position, name: output.resultsName, formatter: output.formatter))
    var status = StatusFile(files.status)
    let (summary, _, ending) = try scan.run(signals: signals) { (progress) throws(Fault) in
      console.show(progress)
      try status.write(progress)
      return nil
    }
    try write(summary, to: files.metadata)
    console.finish(summary)
    if case .signal(let signal) = ending { throw ExitCode(128 + signal.rawValue) }
  }

  /// The rate that the options give; nil if they give none.
  private func givenRate(linkSpeed: UInt64?) throws(Fault) -> PacketRate? {
    if let rate { return rate }
    return try bandwidth?.required(linkSpeed: linkSpeed)
      .packetRate(frameBytes: probeOptions.frameLength)
  }

  private func jobSettings(
    _ prepared: PreparedPlan, _ memory: DedupeMemory, _ givenRate: PacketRate?
  ) -> JobSettings {
    var job = JobSettings(
      sequence: prepared.sequence, seed: prepared.seed,
      // Options override directives.
      rate: givenRate ?? chosenRate(prepared.directives, frameLength: probeOptions.frameLength),
      dedupeMemory: memory,
      // A new key, so that replies to other scans are invalid in this one.
      key: .random())
    job.profile = probeOptions
    job.paceInterval = paceInterval
    job.onOverload = onOverload
    job.cooldown = cooldownTime ?? prepared.directives.cooldown ?? .seconds(8)
    job.maxResults = maxResults
    job.maxRuntime = maxRuntime
    job.dedupes = !noDedupe
    job.scopeSHA256 = prepared.scopeSHA256
    if let denied = prepared.denied {
      job.numbering = .targets
      job.targetsDenied = denied.inShard
      let gate = ScopeGate(sha256: prepared.scopeSHA256)
      gate.exclude(denied.addresses)
      job.scopeGate = gate
    }
    // The terminal was closed: end with the results saved, as on SIGINT and SIGTERM.
    job.endingSignals.insert(.hangUp)
    return job
  }

  private func write(_ summary: Summary, to file: consuming Descriptor?) throws {
    guard let file else { return }
    do {
      try file.writeAll(summary.json)
      try file.sync()
    } catch {
      // fsync(2) fails with EINVAL on pipes and terminals, which need no flush.
      guard error == .invalidArgument else {
        throw Fault("cannot write the summary to \(output.metadataFile ?? "")", cause: error)
      }
    }
  }
}

/// Returns the rate that directives give, or the default.
func chosenRate(_ directives: Directives, frameLength: Int) -> PacketRate {
  // If there are both @rate and @bandwidth, the lower one holds.
  let limits = [directives.rate, directives.bandwidth?.packetRate(frameBytes: frameLength)]
    .compactMap(\.self)
  return limits.min { ($0.perSecond ?? .max) < ($1.perSecond ?? .max) } ?? .default
}
