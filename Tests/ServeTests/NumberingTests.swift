// Shards of boxes with different scopes: `@numbering targets`.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Boxes that number all targets` {
  private static let head = "cooldown-time = 0.5\nrate = 20000\n"
  private static let targets = "198.18.4.0/23:80,443\n"
  /// Denies the upper /24.
  private static let narrow = "[scope]\nallow = \"198.18.0.0/15\"\ndeny-file = \"never.txt\"\n"

  private func shard(_ number: Int) -> String {
    "@numbering targets\n@seed 11\n@shard \(number)/2\n" + Self.targets
  }

  private func put(_ list: String, _ lab: ServeLab) throws {
    try Data(list.utf8).write(to: lab.url("never.txt"), options: .atomic)
  }

  /// Both shards on one box: their results, and how many targets each denied.
  private func scan(_ lab: ServeLab, _ configuration: String) throws -> [(
    found: Set<String>, denied: Int
  )] {
    let box = try lab.serve(lab.configure(Self.head + configuration))
    for number in 0..<2 { try lab.drop("shard\(number).txt", shard(number)) }
    try lab.wait("both shards", seconds: 30) {
      (0..<2).allSatisfy { lab.exists("data/results/shard\($0).txt") }
    }
    let results = try (0..<2).map { number in
      let summary = try lab.json("data/results/shard\(number).txt/summary.json")
      let denied = try #require(summary["targets_denied"] as? Int)
      #expect(summary["numbering"] as? String == "targets")
      #expect(summary["targets_total"] as? Int == 1024)
      #expect(summary["probes_denied"] as? Int == denied)
      #expect(summary["probes_completed"] as? Int == 512 - denied)
      #expect(summary["deny_sequence"] is NSNull)
      return (try lab.results("shard\(number).txt"), denied)
    }
    #expect(try box.end(SIGTERM).status == 143)
    return results
  }

  /// What `synbox list` says that a shard has.
  private func listed(_ number: Int, _ lab: ServeLab) throws -> [Substring] {
    let file = lab.url("list.txt")
    try Data(shard(number).utf8).write(to: file)
    let outcome = try run([Lab.synbox, "list", file.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.output.split(separator: "\n")
  }

  private func isDenied(_ target: some StringProtocol) -> Bool { target.hasPrefix("198.18.5.") }

  @Test func `have disjoint shards that add up, and count exactly what their scopes deny`() throws {
    let first = try ServeLab()
    let wide = try scan(first, "")
    let second = try ServeLab()
    try put("198.18.5.0/24\n", second)
    let narrow = try scan(second, Self.narrow)

    let all = evenAddresses(from: 4, blocks: 2, ports: [80, 443])
    #expect(wide[0].found.isDisjoint(with: wide[1].found))
    #expect(wide[0].found.union(wide[1].found) == all)
    for number in 0..<2 {
      #expect(wide[number].denied == 0)
      #expect(narrow[number].found == wide[number].found.filter { !isDenied($0) })
      #expect(narrow[number].denied == (try listed(number, second)).count { isDenied($0) })
    }
    #expect(narrow[0].denied + narrow[1].denied == 512)
    // One shard of each box.
    #expect(wide[0].found.isDisjoint(with: narrow[1].found))
    #expect(wide[0].found.union(narrow[1].found) == all.subtracting(wide[1].found.filter(isDenied)))
  }

  /// The same position is the same target under any scope, and what is newly allowed is probed from there on.
  @Test func `resume a job from its checkpoint under another scope`() throws {
    let lab = try ServeLab()
    try put("198.18.128.0/18\n", lab)
    let slow = try lab.serve(lab.configure("rate = 1000\ncooldown-time = 0.5\n" + Self.narrow))
    try lab.drop("job.txt", "@numbering targets\n@seed 5\n198.18.128.0/17:80\n")
    try lab.wait("a checkpoint", seconds: 30) { try lab.checkpointPosition("job.txt") > 2000 }
    #expect(try slow.end(SIGKILL).status == 128 + SIGKILL)
    let position = try lab.checkpointPosition("job.txt")
    try put("192.0.2.0/24\n", lab)
    let box = try lab.serve(lab.configure("rate = 50000\ncooldown-time = 0.5\n" + Self.narrow))
    try lab.wait("the end", seconds: 30) { lab.exists("data/results/job.txt") }
    #expect(!box.errorText.contains("are probed again"))
    let found = try lab.results("job.txt")
    let all = evenAddresses(from: 128, blocks: 128, ports: [80])
    let missing = all.subtracting(found)
    // At most what the checkpoint had passed, all of it in what was denied then.
    #expect(!missing.isEmpty && missing.count < Int(position))
    #expect(missing.isSubset(of: evenAddresses(from: 128, blocks: 64, ports: [80])))
    let summary = try lab.json("data/results/job.txt/summary.json")
    #expect(summary["targets_denied"] as? Int == 16_384, "of the first start")
    #expect(summary["resumed"] as? Int == 1)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `reject a file without a seed, and one with a port that they do not allow`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("allow-ports = \"80\"\n"))
    try lab.drop("seedless.txt", "@numbering targets\n198.18.4.1:80\n")
    try lab.drop("port.txt", "@numbering targets\n@seed 1\n198.18.4.1:80,81\n")
    try lab.wait("both", seconds: 20) {
      lab.exists("data/rejected/seedless.txt") && lab.exists("data/rejected/port.txt")
    }
    #expect(try lab.text("data/rejected/seedless.txt/reason.txt").contains("without @seed"))
    #expect(try lab.text("data/rejected/port.txt/reason.txt").contains("found port 81"))
    #expect(try box.end(SIGTERM).status == 143)
  }
}
