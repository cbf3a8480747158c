// SIGHUP: what may change while the box runs, what may not, and that nothing is taken by halves.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `A reload` {
  static let first = "rate = \"1k\"\ntarget-ports = 80\ncooldown-time = 0.5\n"

  private func problems(_ lab: ServeLab) throws -> [String] {
    try lab.json("data/status.json")["problems"] as? [String] ?? []
  }

  @Test func `a valid one holds for the next job`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    let scope = try lab.json("data/status.json")["scope_sha256"] as? String
    _ = try lab.configure(
      "rate = \"3k\"\ntarget-ports = 443\ncooldown-time = 0.25\noutput-module = \"json\"\n"
        + "[scope]\nallow = \"198.18.0.0/16\"\n")
    box.signal(SIGHUP)
    try box.wait(for: "the new one") { $0.errorText.contains("new configuration is in force") }
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

  @Test func `an invalid one is refused and the old one stays`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    _ = try lab.configure("rate = \"fast\"\n")
    box.signal(SIGHUP)
    try lab.wait("the problem", seconds: 20) { try problems(lab).count == 1 }
    #expect(try problems(lab)[0].contains("box.toml:3:1: found \"fast\", expected packets per second"))
    #expect(box.errorText.contains("level=error msg=\"the new configuration is refused"))
    try lab.drop("net.txt", "198.18.4.0/24\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["rate_requested_pps"] as? Int == 1000)
    // People see the status of a box whose configuration was broken since.
    let status = try run([Lab.synbox, "status", "--config", lab.url("box.toml").path])
    #expect(status.status == 0 && status.output.contains("problem    the configuration"))

    _ = try lab.configure(Self.first)
    box.signal(SIGHUP)
    try lab.wait("no problem", seconds: 20) { try problems(lab).isEmpty }
    #expect(try box.end(SIGTERM).status == 143)
  }

  /// Each key that belongs to what was opened before the drop, and a new value.
  static let settled: [(String, String)] = [
    ("data", "data = \"elsewhere\""), ("interface", "interface = \"lo\""),
    ("profile", "profile = \"auto\""), ("source-ip", "source-ip = \"198.18.0.2\""),
    ("source-port", "source-port = \"40000-40001\""),
    ("gateway-mac", "gateway-mac = \"02:00:00:00:00:01\""), ("transmit", "transmit = \"packet\""),
    ("receive", "receive = \"packet\""), ("report", "report = \"all\""),
    ("rst", "rst = \"in-place\""),
    ("sender-threads", "sender-threads = 2"), ("batch", "batch = 8"), ("log", "log = \"kernel\""),
    ("user", "user = 60901"),
  ]

  @Test func `what is settled is refused by name`() throws {
    let lab = try ServeLab()
    let path = try lab.configure(Self.first)
    let box = try lab.serve(path)
    let head = "data = \"data\"\ninterface = \"box0\"\n"
    for (key, line) in Self.settled {
      let kept = head.split(separator: "\n").filter { !$0.hasPrefix("\(key) =") }
      let text =
        (kept.map(String.init) + [line, "rate = \"9k\"", "[scope]", "allow = \"198.18.0.0/15\"\n"])
        .joined(separator: "\n")
      try Data(ServeLab.withMemoryLine(text).utf8).write(to: lab.url("box.toml"))
      box.signal(SIGHUP)
      try lab.wait("the refusal of \(key)", seconds: 20) {
        try problems(lab).contains { $0.contains("found a change of \(key), expected the value") }
      }
    }
    // None of the nine thousand was taken.
    try lab.drop("net.txt", "198.18.4.0/28:80\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["rate_requested_pps"] as? Int == 1000)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `the job in work keeps its settings and goes on`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    try lab.drop("net.txt", "@rate 500\n198.18.8.0/21\n")
    try lab.wait("the scan", seconds: 20) {
      try lab.json("data/status.json")["state"] as? String == "scanning"
    }
    _ = try lab.configure("rate = \"5k\"\ntarget-ports = 443\n")
    box.signal(SIGHUP)
    try box.wait(for: "the new one") { $0.errorText.contains("new configuration is in force") }
    #expect(try lab.json("data/status.json")["state"] as? String == "scanning")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["rate_requested_pps"] as? Int == 500)
    #expect(summary["results_written"] as? Int == 1024)
    #expect(try box.end(SIGTERM).status == 143)
  }
}
