// `synbox scan`: one scan; targets from files, arguments or standard input.
import ArgumentParser
import Confinement
import Kernel
import Plan
import Scan
import Wire

struct ScanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan", abstract: "Scan once; results to a file or standard output.")

  @OptionGroup var plan: PlanOptions
  @OptionGroup(title: "Sending") var station: StationOptions

  @Option(
    name: .shortAndLong,
    help: "Probes per second: 100000, 100k, 1.5M; 0 is no limit. Default \(PacketRate.default).",
    transform: parsed)
  var rate: PacketRate?

  @Option(
    name: [.customShort("B"), .long],
    help: "Bits per second on the wire, preamble to gap: 10M, 1G; bytes with B: 12MB.",
    transform: parsed)
  var bandwidth: Bandwidth?

  @Option(
    name: [.customShort("c"), .long], help: "Wait so long for replies after the last probe (8).",
    transform: parsed)
  var cooldownTime: Duration?

  @Option(name: [.customShort("N"), .long], help: "End after so many results.")
  var maxResults: UInt64?

  @Option(
    name: [.customShort("t"), .long], help: "Stop sending after so many seconds.", transform: parsed)
  var maxRuntime: Duration?

  @Option(help: "TCP options of the probes.")
  var probeOptions: ProbeProfile = .smallest

  @Flag(help: "Report every reply, also repeats.")
  var noDedupe = false

  @Option(
    help: ArgumentHelp(
      "Memory for dedupe, which grows with the answers up to this: 64M, 2G. Default 1G, half the "
        + "machine's where that is less.",
      valueName: "size"), transform: parsed)
  var dedupeMemory: DedupeMemory?

  @Flag(help: "Print the probes instead of sending them, as `list` does.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "Whom to become when root's privilege goes: UID:GID, or a name of /etc/passwd. Default 60900:60900.",
      valueName: "user"), transform: parsed)
  var user: BoxUser?

  @OptionGroup(title: "Output") var output: OutputOptions

  mutating func validate() throws {
    if rate != nil, bandwidth != nil {
      throw ValidationError("--rate and --bandwidth exclude each other")
    }
    if noDedupe, dedupeMemory != nil {
      throw ValidationError("--no-dedupe and --dedupe-memory exclude each other")
    }
    if !dryRun, station.interface == nil {
      throw ValidationError("no interface: name one with -i, such as -i eth0")
    }
  }

  func run() throws {
    // 1. Everything that can be wrong without privilege.
    let prepared = try plan.prepare()
    if dryRun {
      return try writeProbes(prepared.sequence, to: .standardOutput(), binary: false)
    }
    let settings = try station.settings()
    let memory = dedupeMemory ?? .standard
    let user = try BoxUser.credentialsToAssume(user)
    let signals = try SignalReader([.interrupt, .terminate, .user1, .hangUp])
    let files = try output.open()
    // 2. Privileged: configure, load, open.
    let opened = try Station(settings)
    // 3. The drop, proven.
    let console = Console(quiet: output.quiet, verbose: output.verbose)
    let confinement = try Confinement.drop(ConfinementPolicy(user: user))
    console.say("\(opened.modeLine); \(confinement)")
    for shortcoming in confinement.shortcomings { console.say(shortcoming) }
    // 4. The first frames leave.
    let nextHops = try NextHops(prepared.sequence.plan, on: opened)
    console.warn(foreign: opened.foreignSources)
    console.warn(unresolved: nextHops)
    let job = jobSettings(prepared, memory)
    let run = try ScanRun(
      job, on: opened, nextHops: nextHops,
      writer: ResultWriter(
        files.results, position: files.position, name: output.resultsName, formatter: output.formatter))
    var status = StatusFile(files.status)
    let (summary, _, ending) = try run.run(signals: signals) { (progress) throws(Fault) in
      console.show(progress)
      try status.write(progress)
      return nil
    }
    try write(summary, to: files.metadata)
    console.finish(summary)
    if case .signal(let signal) = ending { throw ExitCode(128 + signal.rawValue) }
  }

  private func jobSettings(_ prepared: PreparedPlan, _ memory: DedupeMemory) -> JobSettings {
    var job = JobSettings(
      sequence: prepared.sequence, seed: prepared.seed,
      rate: chosenRate(
        rate, bandwidth, prepared.directives, frameLength: probeOptions.frameLength),
      dedupeMemory: memory,
      // A fresh one: a reply to any other scan proves nothing to this one.
      key: .random())
    job.profile = probeOptions
    job.cooldown = cooldownTime ?? prepared.directives.cooldown ?? .seconds(8)
    job.maxResults = maxResults
    job.maxRuntime = maxRuntime
    job.dedupes = !noDedupe
    job.scopeSHA256 = prepared.scopeSHA256
    // The terminal has gone: end with the results saved, as for the other two.
    job.endingSignals.insert(.hangUp)
    return job
  }

  private func write(_ summary: Summary, to file: consuming Descriptor?) throws {
    guard let file else { return }
    do {
      try file.writeAll(summary.json)
      try file.sync()
    } catch {
      // A pipe or terminal cannot be synced.
      guard error == .invalidArgument else {
        throw Fault("cannot write the summary to \(output.metadataFile ?? "")", cause: error)
      }
    }
  }
}

/// Returns the rate in force: options override directives, and directives override the default.
func chosenRate(
  _ rate: PacketRate?, _ bandwidth: Bandwidth?, _ directives: Directives, frameLength: Int
) -> PacketRate {
  if let rate { return rate }
  if let bandwidth { return bandwidth.packetRate(frameBytes: frameLength) }
  // Both in one file: neither may be exceeded.
  let limits = [directives.rate, directives.bandwidth?.packetRate(frameBytes: frameLength)]
    .compactMap(\.self)
  return limits.min { ($0.perSecond ?? .max) < ($1.perSecond ?? .max) } ?? .default
}
