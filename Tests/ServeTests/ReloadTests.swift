// SIGHUP: which keys may change while the box runs, and that a new configuration applies as a whole or not at all.
import Foundation
import LabSupport
import LabTraits
import Testing
import synbox

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A reload` {
  static let first = "rate = \"1k\"\ntarget-ports = 80\ncooldown-time = 0.5\n"

  private func problems(_ lab: ServeLab) throws -> [String] {
    try lab.json("data/status.json")["problems"] as? [String] ?? []
  }

  /// Ten million lines, which take about a second to read.
  private func writeLongList(_ lab: ServeLab) throws {
    let block = Data((0..<65_536).map { "198.18.\($0 >> 8).\($0 & 255)\n" }.joined().utf8)
    var list = Data(capacity: block.count * 152)
    for _ in 0..<152 { list += block }
    try list.write(to: lab.url("long.txt"))
  }

  @Test func `applies to the next job`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    let scope = try lab.json("data/status.json")["scope_sha256"] as? String
    _ = try lab.configure(
      "rate = \"3k\"\ntarget-ports = 443\ncooldown-time = 0.25\noutput-module = \"json\"\n"
        + "[scope]\nallow = \"198.18.0.0/16\"\n")
    box.signal(SIGHUP)
    try box.wait(for: "the new one") { $0.errorText.contains("configuration reloaded") }
    try lab.drop("net.txt", "198.18.4.0/24\n198.19.0.0/24\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["rate_requested_pps"] as? Int == 3000)
    #expect(summary["targets_out_of_scope"] as? Int == 256)
    #expect(summary["scope_sha256"] as? String != scope)
    #expect(try lab.text("data/results/net.txt/results.jsonl").contains("\"sport\":443"))
    #expect(try problems(lab) == [])
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `of an invalid configuration leaves the previous one in force`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    _ = try lab.configure("rate = \"fast\"\n")
    box.signal(SIGHUP)
    try lab.wait("the problem", seconds: 20) { try problems(lab).count == 1 }
    #expect(
      try problems(lab)[0].contains("synbox.toml:3:1: found \"fast\", expected packets per second"))
    #expect(box.errorText.contains("level=error msg=\"configuration rejected"))
    try lab.drop("net.txt", "198.18.4.0/24\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["rate_requested_pps"] as? Int == 1000)
    // `synbox status` works even though the configuration is broken.
    let status = try run([Lab.synbox, "status", "--config", lab.url("synbox.toml").path])
    #expect(status.status == 0 && status.output.contains("problem    the changed configuration"))

    _ = try lab.configure(Self.first)
    box.signal(SIGHUP)
    try lab.wait("no problem", seconds: 20) { try problems(lab).isEmpty }
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `that changes a fixed key is rejected and names the key`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    for key in Configuration.Key.allCases where key.isFixed {
      try Data(ConfigurationText.changing(key, "rate = \"9k\"").utf8).write(to: lab.url("synbox.toml"))
      box.signal(SIGHUP)
      try lab.wait("the rejection of \(key.rawValue)", seconds: 20) {
        try problems(lab).contains { $0.contains(" \(key.rawValue) cannot change while the box runs") }
      }
    }
    // None of the changed rates was applied.
    try lab.drop("net.txt", "198.18.4.0/28:80\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["rate_requested_pps"] as? Int == 1000)
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// Reading a long list takes a while, in which the second signal comes.
  @Test func `follows each SIGHUP, also one that comes while the lists are being read`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    try writeLongList(lab)
    let scope = "[scope]\nallow-file = \"long.txt\"\n"
    _ = try lab.configure("rate = \"2k\"\ntarget-ports = 80\ncooldown-time = 0.5\n" + scope)
    box.signal(SIGHUP)
    try box.wait(for: "the first reload") { $0.errorText.contains("reloading the configuration") }
    // The file has been read by now, or is about to be; the list has not.
    Thread.sleep(forTimeInterval: 0.1)
    #expect(!box.errorText.contains("configuration reloaded"), "the list is too short for this test")
    _ = try lab.configure("rate = \"3k\"\ntarget-ports = 80\ncooldown-time = 0.5\n" + scope)
    box.signal(SIGHUP)
    try lab.wait("both reloads", seconds: 60) {
      box.errorText.components(separatedBy: "configuration reloaded").count == 3
    }
    try lab.drop("net.txt", "198.18.4.0/28\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    #expect(try lab.json("data/results/net.txt/summary.json")["rate_requested_pps"] as? Int == 3000)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `asked for before the box is ready is made once it is`() throws {
    let lab = try ServeLab()
    try writeLongList(lab)
    let box = try lab.start(
      lab.configure("target-ports = 80\n[scope]\nallow-file = \"long.txt\"\n"))
    Thread.sleep(forTimeInterval: 0.2)
    #expect(!lab.exists("data/status.json"), "the list is too short for this test")
    box.signal(SIGHUP)
    try box.wait(for: "the reload", seconds: 60) { $0.errorText.contains("configuration reloaded") }
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `does not affect the running job`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    try lab.drop("net.txt", "@rate 500\n198.18.8.0/21\n")
    try lab.wait("the scan", seconds: 20) {
      try lab.json("data/status.json")["state"] as? String == "scanning"
    }
    _ = try lab.configure("rate = \"5k\"\ntarget-ports = 443\n")
    box.signal(SIGHUP)
    try box.wait(for: "the new one") { $0.errorText.contains("configuration reloaded") }
    #expect(try lab.json("data/status.json")["state"] as? String == "scanning")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["rate_requested_pps"] as? Int == 500)
    #expect(summary["results_written"] as? Int == 1024)
    #expect(try box.end(SIGTERM).status == 143)
  }
}
