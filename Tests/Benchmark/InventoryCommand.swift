// `benchmark inventory`: measures a job of ten million single addresses under a deny list of a million prefixes, from
// the file's arrival in the spool to the last probe.
import ArgumentParser
import Foundation
import Kernel
import LabSupport

struct InventoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inventory",
    abstract: "Measure a job of many single addresses under a long deny list. Needs root.")

  @Option(help: "Addresses in the target file.")
  var addresses = 10_000_000

  @Option(help: "Prefixes in the deny list.")
  var prefixes = 1_000_000

  @Option(help: "Measurements of each scene; the median is reported.")
  var rounds = 3

  @Flag(help: "Print JSON, like `benchmark micro`.")
  var json = false

  func run() throws {
    let directory = "\(Lab.root)/build/inventory"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let files = InventoryFiles(directory: directory, addresses: addresses, prefixes: prefixes)
    try files.write()
    let lab = try Lab()
    let node = try lab.respond(["--answer", "0%"])
    var report = Report()
    // Scenes take turns, because other load on the machine varies.
    var turns: [Scene: [InventoryTurn]] = [:]
    for _ in 0..<rounds {
      for scene in Scene.allCases {
        turns[scene, default: []].append(try InventoryTurn(scene, files, lab))
      }
    }
    for scene in Scene.allCases {
      let turns = turns[scene] ?? []
      func add(_ name: String, _ unit: String, _ figure: KeyPath<InventoryTurn, Double>) {
        report.add("\(scene)_\(name)", Self.median(turns.map { $0[keyPath: figure] }), unit)
      }
      add("first_probe", "s", \.secondsToFirstProbe)
      add("rate", "probes/s", \.rate)
      add("cpu", "s per million probes", \.processorSeconds)
      add("peak_rss", "MB", \.peakMegabytes)
      add("probes", "probes", \.probes)
      add("denied", "probes", \.denied)
    }
    _ = try node.end()
    print(json ? report.json : report.text)
  }

  private static func median(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.sorted()[values.count / 2]
  }
}

/// The jobs that are compared.
enum Scene: String, CaseIterable {
  /// One range and no list: the upper limit.
  case range
  /// The inventory under the deny list.
  case inventory
  /// The same, with a deny list that doubles while the scan runs.
  case changed
  /// The range, under a deny list as long as the inventory. A quarter of the list lies within the range.
  case holes
}

/// Starts a box, runs one job and stops the box.
struct InventoryTurn {
  /// From the file's rename into the spool to the first frame at the target node.
  private(set) var secondsToFirstProbe = 0.0
  private(set) var rate = 0.0
  /// Processor seconds per million probes: user and system time of the box's process while it scanned.
  private(set) var processorSeconds = 0.0
  private(set) var peakMegabytes = 0.0
  private(set) var probes = 0.0
  private(set) var denied = 0.0

  init(_ scene: Scene, _ files: InventoryFiles, _ lab: Lab) throws {
    let root = try Lab.boxDirectory()
    defer { try? FileManager.default.removeItem(atPath: root) }
    let denyFile = "\(root)/deny.txt"
    try FileManager.default.copyItem(
      atPath: scene == .holes ? files.targets : files.deny, toPath: denyFile)
    let box = try Self.serve(scene, root, lab)
    if scene == .range || scene == .holes {
      try Data("16.0.0.0/7\n".utf8).write(to: URL(fileURLWithPath: "\(root)/targets"))
    } else {
      try FileManager.default.copyItem(atPath: files.targets, toPath: "\(root)/targets")
    }
    let before = try Self.framesReceived(lab)
    let start = Clock.monotonic
    try Files.rename("\(root)/targets", to: "\(root)/data/spool/job.txt")
    try box.wait(for: "first probe") { _ in ((try? Self.framesReceived(lab)) ?? 0) > before }
    secondsToFirstProbe = Double(Clock.monotonic - start) / 1e9
    if scene == .changed {
      try FileManager.default.copyItem(atPath: files.denyMore, toPath: "\(root)/new")
      try Files.rename("\(root)/new", to: denyFile)
    }
    let summaryPath = "\(root)/data/results/job.txt/summary.json"
    try box.wait(for: "results", seconds: 120) { _ in Files.kind(of: summaryPath) != nil }
    let summary = try JSON.numbers(file: summaryPath)
    rate = summary["rate_achieved_pps"] ?? 0
    peakMegabytes = (summary["peak_rss_bytes"] ?? 0) / 1e6
    probes = summary["probes_completed"] ?? 0
    let processor = (summary["cpu_user_seconds"] ?? 0) + (summary["cpu_system_seconds"] ?? 0)
    processorSeconds = processor * 1e6 / probes
    denied = summary["probes_denied"] ?? 0
    box.signal(SIGTERM)
    _ = try box.wait()
  }

  private static func serve(_ scene: Scene, _ root: String, _ lab: Lab) throws -> Running {
    let deny = scene == .range ? "" : "deny-file = \"deny.txt\"\n"
    // Four passes, so that the list can change while the box sends.
    let configuration = """
      data = "data"
      interface = "box0"
      rate = 0
      probes = \(scene == .range || scene == .holes ? 1 : 4)
      target-ports = 80
      cooldown-time = 0.5
      transmit = "generator"
      [scope]
      allow = "16.0.0.0/5"
      \(deny)
      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: "\(root)/synbox.toml"))
    try FileManager.default.createDirectory(atPath: "\(root)/data", withIntermediateDirectories: true)
    let box = try Running(
      lab.inside(lab.box, [Lab.synbox, "serve", "--config", "\(root)/synbox.toml"]))
    try box.wait(for: "status.json") { _ in Files.kind(of: "\(root)/data/status.json") != nil }
    return box
  }

  /// The frames received by the target node's interface.
  private static func framesReceived(_ lab: Lab) throws -> Double {
    let text = try LabSupport.run(["ip", "-n", lab.net, "-s", "-j", "link", "show", "net0"]).output
    let links = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
    let statistics = links?.first?["stats64"] as? [String: [String: Any]]
    guard let frames = statistics?["rx"]?["packets"] as? NSNumber else {
      throw LabError("no counters of net0: \(text)")
    }
    return frames.doubleValue
  }
}
