// A fleet's box: what leaves under which licence, as the target node counts it. Tests/ProgramTests/LicenceTests.swift has
// what a licence may look like.
import Foundation
import Kernel
import LabSupport
import LabTraits
import Plan
import Testing

private let settings = "licence = \"fleet/licence\"\ntarget-ports = 80\ncooldown-time = 0.5\n"

@Suite(.serialized, .alone, .timeLimit(.minutes(10))) struct `A licence` {
  /// A box with a licence that the test writes in its agent's place.
  private struct Fleet {
    let lab: ServeLab
    let box: Running

    init(_ more: String = "") throws {
      lab = try ServeLab()
      box = try lab.serve(lab.configure(more + settings))
      try FileManager.default.createDirectory(
        at: lab.url("data/fleet"), withIntermediateDirectories: true)
    }

    /// Returns the expiry, CLOCK_BOOTTIME in nanoseconds.
    @discardableResult
    func grant(
      rate: Int, seconds: Double, version: Int = 1, sequence: Int = 1, deny: String = ""
    ) throws -> UInt64 {
      let boot = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
      let expires = Clock.boottime + UInt64(seconds * 1e9)
      let text = """
        version = \(version)
        boot-id = "\(boot.trimmingCharacters(in: .whitespacesAndNewlines))"
        rate = \(rate)
        expires = \(expires)
        deny-sequence = \(sequence)
        deny-sha256 = "\(SHA256.hex(Array(deny.utf8)))"

        """
      try Data(deny.utf8).write(to: lab.url("data/fleet/deny"), options: .atomic)
      try Data(text.utf8).write(to: lab.url("data/fleet/licence"), options: .atomic)
      return expires
    }

    var status: [String: Any] {
      get throws { try lab.json("data/status.json") }
    }

    var licence: [String: Any] {
      get throws { try #require(try status["licence"] as? [String: Any]) }
    }

    func waitForLicence(_ state: String) throws {
      try lab.wait("a licence that is \(state)", seconds: 10) {
        try licence["state"] as? String == state
      }
    }

    /// The SYNs that have reached the target node.
    func arrived() throws -> Int { try #require(try lab.node.counts()["syns_valid"]) }

    /// Waits until the time of CLOCK_BOOTTIME.
    func wait(until time: UInt64) throws {
      try lab.wait("the time", seconds: 30) { Clock.boottime >= time }
    }

    func waitForEnd(_ job: String) throws {
      try lab.wait("the end of \(job)", seconds: 60) { lab.exists("data/results/\(job)") }
    }
  }

  @Test func `is needed for every probe, and the status reports that it is missing`() throws {
    let fleet = try Fleet()
    try fleet.lab.drop("job.txt", "198.18.4.0/23\n")
    try fleet.lab.wait("a job that waits", seconds: 20) {
      try fleet.status["state"] as? String == "paused" && fleet.status["job"] is [String: Any]
    }
    try fleet.lab.waitForStatuses(2)
    #expect(try fleet.arrived() == 0)
    #expect(try fleet.licence["state"] as? String == "missing")
    let problems = try #require(try fleet.status["problems"] as? [String])
    #expect(problems.contains { $0.contains("there is no licence") }, "\(problems)")

    try fleet.grant(rate: 5000, seconds: 60)
    try fleet.waitForEnd("job.txt")
    #expect(try fleet.lab.results("job.txt") == evenAddresses(from: 4, blocks: 2, ports: [80]))
    #expect(try fleet.arrived() == 512)
    let summary = try fleet.lab.json("data/results/job.txt/summary.json")
    #expect(summary["deny_sequence"] as? Int == 1)
    let text = try run([Lab.synbox, "status", "--config", fleet.lab.url("synbox.toml").path]).output
    #expect(text.contains("licence    5000 pps, deny list 1, "), "\(text)")
    let metrics = try fleet.lab.text("data/metrics.prom")
    #expect(metrics.contains("\nsynbox_licence_valid 1\n"))
    #expect(metrics.contains("\nsynbox_licence_rate_pps 5000\n"))
    #expect(try fleet.box.end(SIGTERM).status == 143)
  }

  @Test(arguments: ["auto", "packet", "xdp-copy"])
  func `that expires in mid-scan lets nothing leave until it is renewed`(transmit: String) throws {
    let fleet = try Fleet("transmit = \"\(transmit)\"\nrate = \"50k\"\n")
    try fleet.lab.drop("job.txt", "198.18.64.0/18\n")
    let expires = try fleet.grant(rate: 2000, seconds: 2)
    try fleet.wait(until: expires + 100_000_000)
    let sent = try fleet.arrived()
    #expect(sent > 0 && sent < 16_384)
    try fleet.waitForLicence("expired")
    try fleet.lab.waitForStatuses(2)
    #expect(try fleet.arrived() == sent, "SYNs arrived after the expiry")
    #expect(try fleet.status["state"] as? String == "paused")

    try fleet.grant(rate: 50_000, seconds: 60)
    try fleet.waitForEnd("job.txt")
    #expect(try fleet.lab.results("job.txt") == evenAddresses(from: 64, blocks: 64, ports: [80]))
    #expect(try fleet.arrived() == 16_384)
    #expect(try fleet.box.end(SIGTERM).status == 143)
  }

  @Test func `that expires while the scanner is stopped lets nothing leave afterwards`() throws {
    let fleet = try Fleet("rate = \"50k\"\n")
    try fleet.lab.drop("job.txt", "198.18.64.0/18\n")
    let expires = try fleet.grant(rate: 1000, seconds: 2)
    try fleet.lab.wait("probes", seconds: 20) { try fleet.arrived() > 100 }
    fleet.box.signal(SIGSTOP)
    try fleet.wait(until: expires + 100_000_000)
    let sent = try fleet.arrived()
    fleet.box.signal(SIGCONT)
    try fleet.waitForLicence("expired")
    try fleet.lab.waitForStatuses(1)
    #expect(try fleet.arrived() == sent)
    #expect(sent < 16_384)
    #expect(try fleet.box.end(SIGTERM).status == 143)
  }

  @Test func `that lowers the rate in mid-scan is obeyed`() throws {
    let fleet = try Fleet("rate = \"50k\"\n")
    try fleet.lab.drop("job.txt", "198.18.64.0/18\n")
    try fleet.grant(rate: 1000, seconds: 60)
    try fleet.lab.wait("probes", seconds: 20) { try fleet.arrived() > 1000 }
    try fleet.grant(rate: 200, seconds: 60)
    try fleet.lab.wait("the lower rate", seconds: 10) {
      let job = try fleet.status["job"] as? [String: Any]
      return job?["rate_requested_pps"] as? Int == 200
    }
    let before = try fleet.lab.node.counts()
    try fleet.lab.waitForStatuses(3)
    let after = try fleet.lab.node.counts()
    let seconds = Double((after["time_ns"] ?? 0) - (before["time_ns"] ?? 0)) / 1e9
    let probes = (after["syns_valid"] ?? 0) - (before["syns_valid"] ?? 0)
    // A window's worth may come early.
    #expect(Double(probes) <= 200 * seconds + 10 && probes > 0, "\(probes) in \(seconds) s")
    #expect(try fleet.box.end(SIGTERM).status == 143)
  }

  @Test func `whose deny list grows in mid-scan silences the addresses`() throws {
    let fleet = try Fleet("rate = \"50k\"\n")
    let lab = fleet.lab
    // Two passes, so that all of the /24 would be probed once more.
    try lab.drop("job.txt", "@probes 2\n198.18.4.0/22\n")
    try fleet.grant(rate: 300, seconds: 60)
    try lab.wait("some results", seconds: 20) { try fleet.arrived() > 300 }
    try fleet.grant(rate: 300, seconds: 60, sequence: 2, deny: "198.18.6.0/24\n")
    try lab.wait("the list", seconds: 10) { try fleet.licence["deny_sequence"] as? Int == 2 }
    // Replies to probes sent before.
    try lab.waitForStatuses(2)
    let denied = evenAddresses(from: 6, blocks: 1, ports: [80])
    func results(_ path: String) throws -> Set<String> {
      Set(try lab.text(path).split(separator: "\n").dropFirst().map(String.init))
    }
    let partial = try results("data/active/job.txt/results.partial").intersection(denied)
    #expect(partial.count < denied.count)
    try fleet.grant(rate: 50_000, seconds: 60, sequence: 2, deny: "198.18.6.0/24\n")
    try fleet.waitForEnd("job.txt")
    let found = try results("data/results/job.txt/results.csv")
    #expect(found.intersection(denied) == partial)
    #expect(
      found.subtracting(denied) == evenAddresses(from: 4, blocks: 4, ports: [80]).subtracting(denied))
    let summary = try lab.json("data/results/job.txt/summary.json")
    let skipped = try #require(summary["probes_denied"] as? Int)
    #expect(skipped >= 256, "the second pass")
    #expect(skipped + (summary["probes_completed"] as? Int ?? 0) == 2048)
    #expect(summary["deny_sequence"] as? Int == 2 && summary["scope_changes"] as? Int == 0)

    // The list holds for later jobs, and an older one is refused.
    try lab.drop("later.txt", "198.18.5.0-198.18.6.255\n")
    try fleet.waitForEnd("later.txt")
    #expect(try lab.results("later.txt") == evenAddresses(from: 5, blocks: 1, ports: [80]))
    try fleet.grant(rate: 300, seconds: 60, sequence: 1)
    try fleet.waitForLicence("invalid")
    #expect((try fleet.licence["reason"] as? String)?.contains("found deny-sequence 1") == true)
    #expect(try fleet.box.end(SIGTERM).status == 143)
  }

  @Test func `of another version stops a scan, and the status has the place`() throws {
    let fleet = try Fleet()
    try fleet.lab.drop("job.txt", "198.18.64.0/18\n")
    try fleet.grant(rate: 500, seconds: 60)
    try fleet.lab.wait("probes", seconds: 20) { try fleet.arrived() > 0 }
    try fleet.grant(rate: 500, seconds: 60, version: 2)
    try fleet.waitForLicence("invalid")
    #expect((try fleet.licence["reason"] as? String)?.contains("licence:1:1: found 2") == true)
    try fleet.lab.waitForStatuses(1)
    let sent = try fleet.arrived()
    try fleet.lab.waitForStatuses(1)
    #expect(try fleet.arrived() == sent)
    #expect(try fleet.box.end(SIGTERM).status == 143)
  }
}
