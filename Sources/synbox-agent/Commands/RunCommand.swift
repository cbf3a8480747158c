// `synbox-agent run`: opens what it needs, gives up every privilege, and works for the fleet.
import ArgumentParser
import Confinement
import Fleet
import FleetHost
import Kernel
import NIOCore
import NIOPosix
import Plan
import ServiceHost
import Support
import Synchronization

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Work for a fleet.",
    discussion: """
      Connects to the fleet's brokers, and listens nowhere. The scanner needs licence = "fleet/licence" in synbox.toml, so that \
      it sends only what the fleet permits, also when this program is dead. SIGTERM ends it; jobs go on until the licence ends.
      """)

  @Option(help: "The configuration.", completion: .file())
  var config: String

  @Flag(help: ArgumentHelp("Do not start without Landlock.", visibility: .hidden))
  var requireLandlock = false

  @Option(
    help: ArgumentHelp("What happens to system calls that are not on the list.", visibility: .hidden))
  var systemCalls: SystemCallMode = .enforced

  enum SystemCallMode: String, ExpressibleByArgument { case enforced, logged, unfiltered }

  func run() throws {
    // Before any thread starts, so that all of them leave signals to this one.
    let signals = try SignalReader([.terminate, .interrupt, .hangUp])
    Files.setCreationMask(0o022)
    let settings = try ConfigurationFile.read(config)
    let bundle = try FleetBundle(settings.identity)
    let user = ServicePrivileges.user(chosen: settings.user, standard: AgentPolicy.standardUser)
    for note in try AgentSetup.prepare(settings.data, for: user) { Log.write(.warning, note) }
    let bootID = try Boot.id()
    let keys = try FleetKeys(seed: try bundle.boxSeed(), as: .box)
    let heartbeat = try ServiceEnvironment.heartbeat.map { number in try Heartbeat(number) }

    let report = try drop(settings, bundle.ports, user)
    for line in report.shortcomings { Log.write(.warning, line) }
    let folder = try AgentFolder(settings.data)
    let machine = try machine(settings, bundle, keys, bootID, folder)
    Log.write(
      .notice, "working for a fleet",
      [
        "version": BuildIdentity.number, "box": try bundle.boxName().description,
        "key": keys.publicKey(of: .box).map { Hexadecimal.encode($0) } ?? "",
        "confinement": "\(report)",
      ])
    let process = try AgentProcess(machine, folder, bundle, heartbeat)
    throw ExitCode(wait(signals, process))
  }

  private func drop(_ settings: AgentSettings, _ ports: [UInt16], _ user: Credentials?) throws(Fault)
    -> ConfinementReport
  {
    let mode: ConfinementPolicy.SystemCalls =
      switch systemCalls {
      case .enforced: .enforced
      case .logged: .logged
      case .unfiltered: .unfiltered
      }
    return try ServicePrivileges.drop(
      openFiles: 256, memory: Self.mostMemory,
      AgentPolicy.policy(
        data: settings.data, ports: ports, user: user, systemCalls: mode,
        landlock: requireLandlock ? .required : .wanted))
  }

  /// Much more than it has with the plan of ten million targets.
  private static let mostMemory: UInt64 = 1 << 30

  private func machine(
    _ settings: AgentSettings, _ bundle: FleetBundle, _ keys: FleetKeys, _ bootID: String,
    _ folder: AgentFolder
  ) throws -> BoxMachine {
    var box = BoxMachine.Settings(
      name: try bundle.boxName(),
      instance: Boot.instance(bootID, disk: try folder.diskID()), bootID: bootID,
      version: "\(BuildIdentity.number) (\(BuildIdentity.revision))", token: Nonce.make(),
      publicKey: keys.publicKey(of: .box) ?? [], fleetKey: try bundle.fleetKey(),
      submitKeys: try bundle.submitKeys(), denyKeys: try bundle.denyKeys())
    box.shardsWanted = settings.shards
    var blobs: [Digest: [UInt8]?] = [:]
    for (digest, size) in try folder.blobs.list() {
      let isSmall = size <= UInt64(SignedObject.largest)
      blobs[digest] = .some(isSmall ? try folder.blobs.read(digest, limit: SignedObject.largest) : nil)
    }
    return BoxMachine(box, state: try folder.state(), blobs: blobs, crypto: keys)
  }

  /// Waits for the signal that ends the agent, or for the first file that cannot be written. Returns the exit code.
  private func wait(_ signals: borrowing SignalReader, _ process: AgentProcess) -> Int32 {
    while true {
      if let fault = process.fault {
        Log.write(.error, "stopped", ["reason": fault])
        return 1
      }
      guard waitReadable(signals.number, milliseconds: 1000), let signal = signals.next() else {
        continue
      }
      if signal == .hangUp { continue }
      Log.write(.notice, "stopped", ["signal": "\(signal)"])
      return 128 + signal.rawValue
    }
  }
}

/// The threads of the agent: one for the network and small files, one for what takes long.
final class AgentProcess: Sendable {
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let pool = NIOThreadPool(numberOfThreads: 1)
  private let failure = Mutex<String?>(nil)

  /// Why it must end; nil as long as it works.
  var fault: String? { failure.withLock(\.self) }

  /// Call this after the drop, because it starts threads.
  init(
    _ machine: BoxMachine, _ folder: AgentFolder, _ bundle: FleetBundle, _ heartbeat: Heartbeat?
  ) throws {
    pool.start()
    let (loop, pool, name) = (group.next(), pool, try bundle.boxName())
    try loop.submit { [self] in
      let reports = NATSReports()
      let client = bundle.client(
        name: name.description, version: BuildIdentity.number, on: loop
      ) { reports.take($0) }
      let agent = Agent(
        machine, folder, box: name, client: client, loop: loop.assumeIsolated(), pool: pool
      ) { error in self.failure.withLock { $0 = $0 ?? "\(error)" } }
      reports.agent = agent
      let bound = NIOLoopBound(agent, eventLoop: loop)
      loop.scheduleRepeatedTask(initialDelay: .zero, delay: Agent.tick) { _ in
        bound.value.tick()
        heartbeat?.send()
      }
    }.wait()
  }
}
