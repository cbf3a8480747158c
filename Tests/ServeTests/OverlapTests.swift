// Jobs overlap: the next one sends while those before it wait for their last replies.
import Foundation
import LabSupport
import LabTraits
import TestSupport
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Small jobs` {
  private static let configuration = "rate = \"50k\"\ntarget-ports = 80\ncooldown-time = 2\n"

  /// The jobs' names, and the third byte of the /24 that each scans. Two jobs scan each network.
  private static let jobs = (0..<30).map { (name: "job\($0).txt", network: $0 / 2) }

  private func drop(_ lab: ServeLab) throws {
    for job in Self.jobs { try lab.drop(job.name, "198.19.\(job.network).0/24\n") }
  }

  private func checkResults(_ lab: ServeLab) throws {
    for job in Self.jobs {
      let expected = Set((0..<128).map { "198.19.\(job.network).\($0 * 2),80" })
      #expect(try lab.results(job.name) == expected, "\(job.name)")
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
    try lab.wait("all results", seconds: 60) { haveEnded(lab) }
    try checkResults(lab)
    for job in Self.jobs {
      let summary = try lab.json("data/results/\(job.name)/summary.json")
      #expect(summary["replies_open"] as? Int == 128)
      #expect(summary["rst_sent"] as? Int == 128)
      #expect(summary["duplicates"] as? Int == 0)
      #expect(summary["events_lost"] as? Int == 0)
    }
    #expect(try box.end(SIGTERM).status == 143)
    #expect(try lab.node.end()["rsts_received"] == 30 * 128)
  }

  @Test func `are exact although the box is killed at random moments`() throws {
    let seed = Seed.next()
    var random = SeededGenerator(seed)
    let lab = try ServeLab()
    let configuration = try lab.configure(Self.configuration)
    try FileManager.default.createDirectory(
      at: lab.url("data/spool"), withIntermediateDirectories: true)
    try drop(lab)
    for _ in 0..<6 where !haveEnded(lab) {
      let box = try lab.serve(configuration)
      Thread.sleep(forTimeInterval: Double.random(in: 0.2...2.5, using: &random))
      box.signal(SIGKILL)
      _ = try box.wait()
    }
    let box = try lab.serve(configuration)
    try lab.wait("all results", seconds: 120) { haveEnded(lab) }
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
    try lab.wait("all results", seconds: 120) { haveEnded(lab) }
    try checkResults(lab)
    #expect(try next.end(SIGTERM).status == 143)
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
