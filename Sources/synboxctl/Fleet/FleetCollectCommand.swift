// fleet collect: the collector.
import ArgumentParser
import Fleet
import FleetHost
import Kernel
import NATS
import NIOCore
import NIOPosix
import ServiceHost
import Synchronization

struct FleetCollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect",
    abstract: "Run the collector: divide scans among boxes, check and merge what they find.",
    discussion: """
      Keeps everything in one directory, whose ledger says which results count: back it up. Results of a scan appear in \
      DIR/results/ID/ as results.csv and summary.json, and changes.csv if an earlier scan had the same name. Runs until \
      SIGTERM; it may be killed at any time.
      """)

  @Option(
    help: ArgumentHelp(
      "Directory with the collector's identity, from synboxctl fleet init.", valueName: "dir"),
    completion: .directory)
  var identity: String

  @Option(
    help: ArgumentHelp("Directory of the collector's files.", valueName: "dir"), completion: .directory)
  var data: String

  @Option(
    help: "Where the page, /v1/fleet and /metrics are served, without TLS: an address of this machine.")
  var listen: String = "127.0.0.1:8445"

  @Option(
    help: ArgumentHelp("Seconds for which a box may send after its last contact.", valueName: "seconds")
  )
  var licence: UInt64 = 15

  @Option(help: ArgumentHelp("Seconds after which a shard goes to another box.", valueName: "seconds"))
  var lease: UInt64?

  func validate() throws {
    guard (2...600).contains(licence), (lease ?? 600) >= licence else {
      throw ValidationError("licence: expected 2 to 600 seconds; lease: at least as many")
    }
  }

  func run() throws {
    let bundle = try FleetBundle(identity)
    let folder = try CollectorFolder(data)
    var settings = CollectorMachine.Settings(
      bootID: try Boot.id(), generation: try folder.nextGeneration(),
      submitKeys: try bundle.submitKeys(),
      denyKeys: try bundle.denyKeys())
    settings.ttl = licence * 1_000_000_000
    settings.interval = settings.ttl / 5
    settings.leaseTTL = (lease ?? 3 * licence) * 1_000_000_000
    let keys = try FleetKeys(seed: try bundle.fleetSeed(), as: .fleet)
    let saved = try folder.saved()
    let machine = try CollectorMachine(settings, saved: saved, crypto: keys, at: Clock.boottime)
    Log.write(
      .notice, "collecting",
      [
        "version": BuildIdentity.number, "data": data, "generation": "\(settings.generation)",
        "scans": "\(saved.scans.count)", "accepted": "\(saved.ledger.count)",
        "page": "http://\(listen)/",
      ])
    try CollectorProcess.run(machine, folder, bundle, listen: listen)
  }
}

/// The threads of a collector.
enum CollectorProcess {
  private static let diskThreads = 2

  /// Runs until something cannot be written: the next process begins from the disk.
  static func run(
    _ machine: CollectorMachine, _ folder: CollectorFolder, _ bundle: FleetBundle, listen: String
  ) throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let pool = NIOThreadPool(numberOfThreads: diskThreads)
    pool.start()
    let loop = group.next()
    let failure = loop.makePromise(of: Void.self)
    try loop.submit {
      let client = bundle.client(
        name: "collector", version: BuildIdentity.number, on: loop, report: report)
      let collector = Collector(
        machine, folder, client: client, loop: loop.assumeIsolated(), pool: pool
      ) { failure.fail($0) }
      try collector.start()
      let bound = NIOLoopBound(collector, eventLoop: loop)
      loop.scheduleRepeatedTask(initialDelay: Collector.tick, delay: Collector.tick) { _ in
        bound.value.tick()
      }
      try CollectorPage.serve(bound, on: group, at: listen)
    }.wait()
    try failure.futureResult.wait()
  }

  private static func report(_ event: NATSClient.Event) {
    switch event {
    case .connected(let server): Log.write(.notice, "connected", ["broker": "\(server)"])
    case .disconnected(let server, let reason):
      Log.write(.warning, "disconnected", ["broker": "\(server)", "reason": reason])
    case .unreachable(let server, let reason):
      Log.write(.warning, "broker unreachable", ["broker": "\(server)", "reason": reason])
    case .problem(let text): Log.write(.warning, text)
    }
  }
}
