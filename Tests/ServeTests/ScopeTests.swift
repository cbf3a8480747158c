// The scope lists during a scan. Tests/ProgramTests/ScopeListTests.swift has every state of a list.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A scope` {
  private static let scope = """
    target-ports = 80
    cooldown-time = 0.5
    [scope]
    allow = "198.18.0.0/15"
    deny-file = "never.txt"

    """

  /// Replaces the list atomically, as editors do, or removes it.
  private func put(_ bytes: [UInt8]?, _ lab: ServeLab) throws {
    let list = lab.url("never.txt")
    guard let bytes else { return try FileManager.default.removeItem(at: list) }
    try Data(bytes).write(to: list, options: .atomic)
  }

  private func status(_ lab: ServeLab) throws -> (state: String, problems: [String], probes: Int) {
    let status = try lab.json("data/status.json")
    let job = status["job"] as? [String: Any]
    return (
      status["state"] as? String ?? "", status["problems"] as? [String] ?? [],
      job?["probes_completed"] as? Int ?? 0
    )
  }

  private func results(_ lab: ServeLab, _ path: String) throws -> Set<String> {
    Set(try lab.text(path).split(separator: "\n").dropFirst().map(String.init))
  }

  @Test func `pauses a scan while a list is invalid, without losing results`() throws {
    let lab = try ServeLab()
    try put(Array("198.18.200.0/24\n".utf8), lab)
    let box = try lab.serve(lab.configure(Self.scope))
    try lab.drop("long.txt", "@rate 100\n198.18.4.0/22\n")
    try lab.wait("a scan", seconds: 20) { try status(lab).probes > 0 }
    let bad: [(bytes: [UInt8]?, rejection: String)] = [
      (nil, "never.txt"),
      (Array("198.18.200.0/24\n198.18.20".utf8), "never.txt:2:1: found \"198.18.20\""),
    ]
    for (bytes, rejection) in bad {
      try put(bytes, lab)
      try lab.wait("a pause: \(rejection)", seconds: 10) { try status(lab).state == "paused" }
      let paused = try status(lab)
      #expect(paused.problems.contains { $0.contains(rejection) }, "\(paused)")
      // Probes already submitted may still complete.
      try lab.waitForStatuses(1)
      let first = try status(lab).probes
      try lab.waitForStatuses(1)
      #expect(try status(lab).probes == first, "\(rejection): probes were sent")
      try put(Array("198.18.200.0/24\n".utf8), lab)
      try lab.wait("the scan to resume", seconds: 10) { try status(lab).state == "scanning" }
      #expect(try status(lab).problems.isEmpty)
    }
    try lab.wait("the end", seconds: 60) { lab.exists("data/results/long.txt") }
    let found = try results(lab, "data/results/long.txt/results.csv")
    #expect(found == evenAddresses(from: 4, blocks: 4, ports: [80]))
    let summary = try lab.json("data/results/long.txt/summary.json")
    #expect(summary["probes_completed"] as? Int == 1024)
    #expect(summary["probes_denied"] as? Int == 0)
    #expect(try box.end(SIGTERM).status == 143)
    #expect(box.errorText.contains("scanning paused: cannot load the scope lists"))
    #expect(box.errorText.contains("scope lists are valid again"))
  }

  /// Denies the upper half of the job's addresses during the scan, and allows it again later, which does not affect
  /// this job.
  @Test(arguments: ["auto", "packet", "xdp-copy"])
  func `denies addresses to a running job as soon as its list does`(transmit: String) throws {
    let lab = try ServeLab()
    try put(Array("198.18.200.0/24\n".utf8), lab)
    let box = try lab.serve(lab.configure("transmit = \"\(transmit)\"\n" + Self.scope))
    let before = try #require(try lab.json("data/status.json")["scope_sha256"] as? String)
    try lab.drop("job.txt", "@rate 200\n@probes 2\n198.18.4.0/22\n")
    try lab.wait("some results", seconds: 20) { try status(lab).probes > 200 }
    try put(Array("198.18.200.0/24\n198.18.6.0/23\n".utf8), lab)
    try lab.wait("the change", seconds: 10) {
      try lab.json("data/status.json")["scope_sha256"] as? String != before
    }
    // Replies to probes sent before.
    try lab.waitForStatuses(2)
    let denied = Set(evenAddresses(from: 6, blocks: 2, ports: [80]))
    let partial = try results(lab, "data/active/job.txt/results.partial").intersection(denied)
    #expect(!partial.isEmpty && partial.count < denied.count)
    try put(Array("198.18.200.0/24\n".utf8), lab)
    try lab.wait("the end", seconds: 60) { lab.exists("data/results/job.txt") }

    let found = try results(lab, "data/results/job.txt/results.csv")
    #expect(found.intersection(denied) == partial)
    #expect(found.subtracting(denied) == evenAddresses(from: 4, blocks: 2, ports: [80]))
    let summary = try lab.json("data/results/job.txt/summary.json")
    let skipped = try #require(summary["probes_denied"] as? Int)
    #expect(skipped > 512, "the second pass at least")
    #expect(skipped + (summary["probes_completed"] as? Int ?? 0) == 2048)
    #expect(summary["scope_sha256"] as? String == before)
    #expect(summary["scope_changes"] as? Int == 2)
    #expect(summary["scope_sha256_at_end"] as? String == before)
    #expect(try box.end(SIGTERM).status == 143)
    #expect(box.errorText.contains("msg=\"scope changed\" newly_denied=512 scope="))
  }

  @Test func `ends a job of which all targets become denied`() throws {
    let lab = try ServeLab()
    try put(Array("198.18.200.0/24\n".utf8), lab)
    let box = try lab.serve(lab.configure(Self.scope))
    try lab.drop("job.txt", "@rate 50\n198.18.4.0/22\n")
    try lab.wait("a scan", seconds: 20) { try status(lab).probes > 0 }
    try put(Array("198.18.0.0/15\n".utf8), lab)
    try lab.wait("the end", seconds: 20) { lab.exists("data/results/job.txt") }
    let summary = try lab.json("data/results/job.txt/summary.json")
    let skipped = try #require(summary["probes_denied"] as? Int)
    #expect(skipped > 0 && skipped + (summary["probes_completed"] as? Int ?? 0) == 1024)
    #expect(summary["scope_sha256_at_end"] as? String != summary["scope_sha256"] as? String)
    #expect(try box.end(SIGTERM).status == 143)
  }

  // MARK: - Interruptions

  private static let base = "198.19.0.0/24\n"
  /// Half of each /24 of the job, so that denied positions are spread over the whole order.
  private static let halves = (128..<256).map { "198.18.\($0).128/25\n" }.joined()

  /// Replaces the list and waits until the box has loaded it.
  private func change(to list: String, _ lab: ServeLab) throws {
    let before = try lab.json("data/status.json")["scope_sha256"] as? String
    try put(Array(list.utf8), lab)
    try lab.wait("the change", seconds: 10) {
      try lab.json("data/status.json")["scope_sha256"] as? String != before
    }
  }

  /// Kills the box repeatedly while it skips denied probes. Resuming from the checkpoint must miss no others.
  @Test func `lets a job with denied targets resume from its checkpoint`() throws {
    let lab = try ServeLab()
    try put(Array(Self.base.utf8), lab)
    let kills = 3
    for kill in 0..<kills {
      let box = try lab.serve(lab.configure("rate = 400\n" + Self.scope))
      if kill == 0 { try lab.drop("job.txt", "198.18.128.0/17\n") }
      try lab.wait("a scan", seconds: 20) { try status(lab).probes > 0 }
      try change(to: Self.base + Self.halves, lab)
      let before = try lab.checkpointPosition("job.txt")
      try lab.wait("progress", seconds: 20) { try lab.checkpointPosition("job.txt") > before + 1500 }
      // What is denied stays denied for this process.
      try change(to: Self.base, lab)
      #expect(try box.end(SIGKILL).status == 128 + SIGKILL, "\(box.errorText)")
      #expect(!box.errorText.contains("are probed again"))
    }
    let box = try lab.serve(lab.configure("rate = 50000\n" + Self.scope))
    try lab.wait("the end", seconds: 30) { lab.exists("data/results/job.txt") }
    #expect(!box.errorText.contains("are probed again"))
    let all = evenAddresses(from: 128, blocks: 128, ports: [80])
    let found = try lab.results("job.txt")
    #expect(found.isSubset(of: all))
    #expect(all.subtracting(found).count { !isInUpperHalf($0) } == 0)
    let summary = try lab.json("data/results/job.txt/summary.json")
    let denied = try #require(summary["probes_denied"] as? Int)
    let completed = try #require(summary["probes_completed"] as? Int)
    #expect(denied > kills * 700 && denied + completed >= 32_768, "\(denied) and \(completed)")
    #expect(all.subtracting(found).count <= denied)
    #expect(summary["scope_changes"] as? Int ?? 0 >= kills)
    #expect(summary["resumed"] as? Int == kills)
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// - Parameter result: `address,port`.
  private func isInUpperHalf(_ result: String) -> Bool {
    Int(result.split(separator: ",")[0].split(separator: ".")[3]) ?? 0 >= 128
  }

  /// With other lists, the same position is another target.
  @Test func `restarts a job that was interrupted after its lists changed`() throws {
    let lab = try ServeLab()
    try put(Array(Self.base.utf8), lab)
    let first = try lab.serve(lab.configure("rate = 1000\n" + Self.scope))
    try lab.drop("job.txt", "198.18.128.0/17\n")
    try lab.wait("a checkpoint", seconds: 20) { try lab.checkpointPosition("job.txt") > 2000 }
    try change(to: Self.base + Self.halves, lab)
    #expect(try first.end(SIGKILL).status == 128 + SIGKILL, "\(first.errorText)")
    let partial = try results(lab, "data/active/job.txt/results.partial")

    let box = try lab.serve(lab.configure("rate = 50000\n" + Self.scope))
    try lab.wait("the end", seconds: 30) { lab.exists("data/results/job.txt") }
    #expect(box.errorText.contains("all targets are probed again; existing results are kept"))
    let found = try lab.results("job.txt")
    let all = evenAddresses(from: 128, blocks: 128, ports: [80])
    #expect(all.subtracting(found).count { !isInUpperHalf($0) } == 0)
    #expect(found.isSubset(of: all))
    let denied = found.filter { isInUpperHalf($0) }
    #expect(!denied.isEmpty && denied.isSubset(of: partial))
    let summary = try lab.json("data/results/job.txt/summary.json")
    #expect(summary["scope_sha256"] as? String == summary["scope_sha256_at_end"] as? String)
    #expect(summary["targets_total"] as? Int == 16_384)
    #expect(try box.end(SIGTERM).status == 143)
  }
}
