// `synbox serve` seen from outside: files go in, results come out.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A box` {
  @Test func `turns good files into exact results and rejects a bad one with the reason`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(
      lab.configure("rate = \"50k\"\ntarget-ports = 80\ncooldown-time = 1\nprofile = \"auto\"\n"))
    #expect(try lab.json("data/status.json")["state"] as? String == "idle")

    try lab.drop("first.txt", "@rate 20k\n@cooldown 0.5\n198.18.4.0/22\n")
    try lab.drop("bad.txt", "198.18.4.0/24\n198.18.300.1\n")
    try lab.drop("second.txt", "@rate 1M\n@ports 443,8443\n198.18.9.0/24\n")
    try lab.drop("outside.txt", "192.0.2.1\n")
    // Files of the same age may be claimed in either order.
    try lab.wait("the end of every file", seconds: 30) {
      ["results/first.txt", "results/second.txt", "rejected/bad.txt", "rejected/outside.txt"]
        .allSatisfy { lab.exists("data/\($0)") }
    }

    #expect(try lab.results("first.txt") == evenAddresses(from: 4, blocks: 4, ports: [80]))
    #expect(try lab.results("second.txt") == evenAddresses(from: 9, blocks: 1, ports: [443, 8443]))
    let first = try lab.json("data/results/first.txt/summary.json")
    #expect(first["rate_requested_pps"] as? Int == 20_000)
    #expect(first["rate_capped_from_pps"] == nil)
    #expect(first["resumed"] as? Int == 0)
    #expect(first["probes_completed"] as? Int == 1024)
    let second = try lab.json("data/results/second.txt/summary.json")
    #expect(second["rate_requested_pps"] as? Int == 50_000)
    #expect(second["rate_capped_from_pps"] as? Int == 1_000_000)
    #expect(second["replies_invalid"] as? Int == 0)

    let reason = try lab.text("data/rejected/bad.txt/reason.txt")
    #expect(reason.hasPrefix("bad.txt:2:1: found \"198.18.300.1\", expected "))
    #expect(try lab.text("data/rejected/outside.txt/reason.txt").contains("1 are outside"))
    #expect(!lab.exists("data/results/bad.txt"))

    try lab.wait("an idle box", seconds: 20) {
      try lab.json("data/status.json")["state"] as? String == "idle"
    }
    let status = try lab.json("data/status.json")
    #expect(status["jobs_finished"] as? Int == 2)
    #expect(status["jobs_rejected"] as? Int == 2)
    #expect((status["queue"] as? [Any])?.isEmpty == true)
    let metrics = try lab.text("data/metrics.prom")
    #expect(metrics.contains("\nsynbox_results_total 768\n"))
    #expect(metrics.contains("\nsynbox_jobs_finished_total 2\n"))

    #expect(try box.end(SIGTERM).status == 143, "\(box.errorText)")
    #expect(try lab.json("data/status.json")["state"] as? String == "stopped")
    #expect(try FileManager.default.contentsOfDirectory(atPath: lab.url("data/active").path) == [])
    #expect(!box.errorText.contains("level=error"))
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `finishes the job that an earlier process was running`(_ signal: Int32) throws {
    let lab = try ServeLab()
    let configuration = try lab.configure("cooldown-time = 0.5\n")
    var box = try lab.serve(configuration)
    try lab.drop("long.txt", "@rate 400\n198.18.4.0/22:80\n")
    try lab.waitForResults("long.txt", bytes: 500)
    let before = try lab.record("long.txt")
    #expect(try box.end(signal).status == 128 + signal)
    #expect(!lab.exists("data/results/long.txt") && lab.exists("data/active/long.txt/long.txt"))

    box = try lab.serve(configuration)
    try lab.wait("the job's end", seconds: 60) { lab.exists("data/results/long.txt") }
    #expect(try lab.results("long.txt") == evenAddresses(from: 4, blocks: 4, ports: [80]))
    let summary = try lab.json("data/results/long.txt/summary.json")
    #expect(summary["resumed"] as? Int == 1)
    #expect(summary["seed"] as? UInt64 == before["seed"] as? UInt64)
    #expect(box.errorText.contains("interrupted job queued to resume"))
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `stops at once on a signal during ARP requests that nobody answers`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(""))
    // No such on-link hosts exist: three requests take 1.5 s.
    try lab.drop("link.txt", "198.18.0.100-198.18.0.250:80\n")
    try lab.wait("the claim", seconds: 20) { lab.exists("data/active/link.txt/job.json") }
    #expect(try box.end(SIGTERM).status == 143)
    // It did not wait for the end of the ARP requests, after which the job would have been rejected.
    #expect(lab.exists("data/active/link.txt/link.txt"))
  }
}
