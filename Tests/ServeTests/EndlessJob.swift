// One large job that is interrupted repeatedly and must still end with exact results.
import Foundation
import LabSupport
import TestSupport
import Testing

/// A /16 on two ports. Every target replies, even addresses with SYN-ACK and odd ones with RST, so the results show
/// whether each target was probed.
struct EndlessJob {
  static let targets = 131_072
  /// Probes per second while it is interrupted. The last run is faster.
  static let rate = 1000
  static let cooldown = 0.5
  let lab: ServeLab
  /// Additional lines of the configuration.
  private let settings: String
  var random: SeededGenerator
  private let seed: UInt64
  private(set) var interruptions = 0
  private(set) var log = ""

  init(seed: UInt64, settings: String = "") throws {
    self.settings = settings
    lab = try ServeLab(closed: "rst")
    self.seed = seed
    random = SeededGenerator(seed)
  }

  private var position: UInt64 { get throws { try lab.checkpointPosition("wide.txt") } }

  func begin() throws { try lab.drop("wide.txt", "@ports 80,443\n198.19.0.0/16\n") }

  func serve(rate: Int = Self.rate) throws -> Running {
    try lab.serve(
      lab.configure(
        "rate = \(rate)\ncooldown-time = \(Self.cooldown)\nreport = \"closed\"\n"
          + "output-fields = \"saddr,sport,success\"\n" + settings))
  }

  /// Runs the box for a random time. Every fourth run also waits for progress, because a job that makes none in five
  /// runs is rejected.
  mutating func run() throws -> Running {
    let before = try position
    let box = try serve()
    Thread.sleep(forTimeInterval: Double.random(in: 0...2.5, using: &random))
    if interruptions % 4 == 0 {
      try lab.wait("progress", seconds: 30) { try position > before }
      Thread.sleep(forTimeInterval: Double.random(in: 0...1, using: &random))
    }
    interruptions += 1
    return box
  }

  mutating func note(_ box: Running) { log += box.errorText }

  /// Runs the job to its end and checks the results.
  mutating func finish() throws {
    let before = try position
    let sentBefore = try lab.node.counts()["syns_valid"] ?? 0
    let box = try serve(rate: 50_000)
    try lab.wait("the job's end", seconds: 60) { lab.exists("data/results/wide.txt") }
    log += box.errorText
    #expect(try box.end(SIGTERM).status == 143)
    #expect(before > 0, "no progress while it was interrupted")

    var expected: Set<String> = []
    for third in 0..<256 {
      for host in 0..<256 {
        for port in [80, 443] { expected.insert("198.19.\(third).\(host),\(port),\(1 - host % 2)") }
      }
    }
    let results = try lab.results("wide.txt", header: "saddr,sport,success")
    #expect(results == expected, "\(results.count) of \(expected.count)")
    let summary = try lab.json("data/results/wide.txt/summary.json")
    #expect(summary["results_written"] as? Int == Self.targets)
    #expect(summary["resumed"] as? Int ?? 0 > 0)
    let (reported, duplicates) = (summary["replies_reported"] as? Int, summary["duplicates"] as? Int)
    #expect(reported == Self.targets + (duplicates ?? 0))

    // The last run sent what the checkpoint had left, no more and no less. How much that is again depends on how often
    // checkpoints could be written.
    let sent = try lab.node.end()["syns_valid"] ?? 0
    #expect(sent - sentBefore == Self.targets - Int(before))
    let repeated = sent - Self.targets
    #expect(repeated >= 0)
    print("\(interruptions) interruptions: \(repeated) probes sent again; seed \(seed)")
  }
}

/// Returns a number from the environment, which lengthens a test.
func count(_ name: String, otherwise: Int) -> Int {
  ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? otherwise
}
