// Jobs overlap: the next one sends while those before it wait for their last replies.
import Foundation
import LabSupport
import LabTraits
import TestSupport
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Small jobs` {
  private static let configuration = "rate = \"50k\"\ntarget-ports = 80\ncooldown-time = 2\n"

  /// How many jobs; `SYNBOX_SMALL_JOBS` sets another number.
  private static let count =
    ProcessInfo.processInfo.environment["SYNBOX_SMALL_JOBS"].flatMap { Int($0) } ?? 30
  /// The jobs' names, and the third byte of the /24 that each scans. At least two jobs scan each network.
  private static let jobs = (0..<count).map { (name: "job\($0).txt", network: $0 / 2 % 256) }

  private func drop(_ lab: ServeLab) throws {
    for job in Self.jobs { try lab.drop(job.name, "198.19.\(job.network).0/24\n") }
  }

  private func checkResults(_ lab: ServeLab) throws {
    for job in Self.jobs {
      let expected = Set((0..<128).map { "198.19.\(job.network).\($0 * 2),80" })
      let found = try lab.results(job.name)
      let summary = try lab.text("data/results/\(job.name)/summary.json")
      #expect(
        found == expected, "\(job.name): \(found.count) of \(expected.count) results: \(summary)")
    }
  }

  private func haveEnded(_ lab: ServeLab) -> Bool {
    Self.jobs.allSatisfy { lab.exists("data/results/\($0.name)") }
  }

  @Test func `cool down together, each with its own results and counts`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try drop(lab)
    try lab.wait("two jobs that cool down", seconds: 30) {
      let cooling = try lab.json("data/status.json")["cooling"] as? [[String: Any]] ?? []
      return cooling.count >= 2
    }
    try lab.wait("all results", seconds: 60 + Double(Self.count) / 2) { haveEnded(lab) }
    try checkResults(lab)
    for job in Self.jobs {
      let summary = try lab.json("data/results/\(job.name)/summary.json")
      for (counter, count) in [
        ("replies_open", 128), ("rst_sent", 128), ("duplicates", 0), ("events_lost", 0),
      ] {
        #expect(summary[counter] as? Int == count, "\(job.name): \(counter), \(summary)")
      }
    }
    #expect(try box.end(SIGTERM).status == 143)
    #expect(try lab.node.end()["rsts_received"] == Self.count * 128)
  }

  @Test func `are exact although the box is killed at random moments`() throws {
    let seed = Seed.next()
    var random = SeededGenerator(seed)
    let lab = try ServeLab()
    let configuration = try lab.configure(Self.configuration)
    try FileManager.default.createDirectory(
      at: lab.url("data/spool"), withIntermediateDirectories: true)
    try drop(lab)
    for _ in 0..<max(6, Self.count / 30) where !haveEnded(lab) {
      let box = try lab.serve(configuration)
      Thread.sleep(forTimeInterval: Double.random(in: 0.2...2.5, using: &random))
      box.signal(SIGKILL)
      _ = try box.wait()
    }
    let box = try lab.serve(configuration)
    try lab.wait("all results", seconds: 120 + Double(Self.count) / 2) { haveEnded(lab) }
    try checkResults(lab)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `are stopped by a signal with all of them saved`() throws {
    let lab = try ServeLab()
    let configuration = try lab.configure("rate = \"50k\"\ntarget-ports = 80\ncooldown-time = 20\n")
    let box = try lab.serve(configuration)
    try drop(lab)
    try lab.wait("ten jobs that cool down", seconds: 30) {
      let cooling = try lab.json("data/status.json")["cooling"] as? [[String: Any]] ?? []
      return cooling.count >= 10
    }
    #expect(try box.end(SIGTERM).status == 143)
    let next = try lab.serve(try lab.configure(Self.configuration))
    try lab.wait("all results", seconds: 120 + Double(Self.count) / 2) { haveEnded(lab) }
    try checkResults(lab)
    #expect(try next.end(SIGTERM).status == 143)
  }

  /// The target's address 11 answers three seconds after a probe, when the first job has long sent everything.
  @Test func `get their late replies counted while another job sends`() throws {
    let lab = try ServeLab(closed: nil)
    let target = try HostileTarget(lab.lab)
    let box = try lab.serve(lab.configure("rate = \"50k\"\ncooldown-time = 8\n"))
    try lab.drop("late.txt", "198.19.7.11:1-100\n")
    try lab.drop("next.txt", "@rate 800\n198.19.16.32-198.19.16.255:1-20\n198.19.20.1:80\n")
    var sending: [Bool] = []
    try lab.wait("the late replies", seconds: 30) {
      let status = try lab.json("data/status.json")
      sending.append((status["job"] as? [String: Any])?["name"] as? String == "next.txt")
      let cooling = status["cooling"] as? [[String: Any]] ?? []
      return cooling.contains { $0["replies_valid"] as? Int == 100 }
    }
    #expect(sending.last == true, "the next job has not sent everything")
    try lab.wait("both jobs' ends", seconds: 60) {
      lab.exists("data/results/late.txt") && lab.exists("data/results/next.txt")
    }
    #expect(try lab.results("late.txt") == Set((1...100).map { "198.19.7.11,\($0)" }))
    #expect(try lab.results("next.txt") == ["198.19.20.1,80"])
    for (job, replies) in [("late.txt", 100), ("next.txt", 1)] {
      let summary = try lab.json("data/results/\(job)/summary.json")
      for counter in ["replies_open", "replies_valid", "results_written", "rst_sent"] {
        #expect(summary[counter] as? Int == replies, "\(job): \(counter)")
      }
      #expect(summary["replies_invalid"] as? Int == 0, "\(job)")
    }
    #expect(try box.end(SIGTERM).status == 143)
    #expect(try target.end() == ["1": 1, "11": 100, "bad": 0])
  }

  @Test func `with a mistake are rejected while another job runs`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try lab.drop("long.txt", "@rate 300\n198.18.16.0/20\n")
    try lab.wait("the scan", seconds: 20) { try lab.state() == "scanning" }
    try lab.drop("wrong.txt", "198.18.4.0/33\n")
    try lab.wait("the rejection", seconds: 10) { lab.exists("data/rejected/wrong.txt/reason.txt") }
    #expect(try lab.text("data/rejected/wrong.txt/reason.txt").contains("wrong.txt:1:"))
    #expect(try lab.state() == "scanning" && !lab.exists("data/results/long.txt"))
    #expect(try box.end(SIGTERM).status == 143)
  }
}
