// SIGHUP: which keys may change while the box runs, and that a new configuration applies as a whole or not at all.
import Foundation
import LabSupport
import LabTraits
import Testing

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

  /// Rejected files change nothing, and say why; an accepted one is for the jobs that begin after it.
  @Test func `applies to the next job as a whole, or not at all`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.first))
    let scope = try lab.json("data/status.json")["scope_sha256"] as? String
    try lab.drop("running.txt", "@rate 200\n198.18.8.0/22\n")
    try lab.wait("the scan", seconds: 20) { try lab.state() == "scanning" }

    let mistakes = [
      ("rate = \"fast\"\n", "synbox.toml:3:1: found \"fast\", expected packets per second"),
      (
        "rate = \"9k\"\ntransmit = \"packet\"\n",
        "the previous one stays in force: transmit cannot change while the box runs"
      ),
    ]
    for (text, message) in mistakes {
      _ = try lab.configure(text)
      box.signal(SIGHUP)
      try lab.wait("the problem", seconds: 20) {
        try problems(lab).contains { $0.contains(message) }
      }
      try box.wait(for: "the message") {
        $0.errorText.contains("level=error msg=\"configuration rejected")
      }
    }
    // `synbox status` works even though the configuration is broken.
    let status = try run([Lab.synbox, "status", "--config", lab.url("synbox.toml").path])
    #expect(status.status == 0 && status.output.contains("problem    the changed configuration"))

    _ = try lab.configure(
      "rate = \"3k\"\ntarget-ports = 443\ncooldown-time = 0.25\noutput-module = \"json\"\n"
        + "[scope]\nallow = \"198.18.0.0/16\"\n")
    box.signal(SIGHUP)
    try box.wait(for: "the new one") { $0.errorText.contains("configuration reloaded") }
    #expect(try lab.state() == "scanning")
    try lab.drop("next.txt", "198.18.4.0/24\n198.19.0.0/24\n")
    try lab.wait("both results", seconds: 30) {
      lab.exists("data/results/running.txt") && lab.exists("data/results/next.txt")
    }
    #expect(try lab.results("running.txt") == evenAddresses(from: 8, blocks: 4, ports: [80]))
    let running = try lab.json("data/results/running.txt/summary.json")
    #expect(running["rate_requested_pps"] as? Int == 200 && running["resumed"] as? Int == 0)
    let summary = try lab.json("data/results/next.txt/summary.json")
    #expect(summary["rate_requested_pps"] as? Int == 3000)
    #expect(summary["targets_out_of_scope"] as? Int == 256)
    #expect(summary["scope_sha256"] as? String != scope)
    #expect(try lab.text("data/results/next.txt/results.jsonl").contains("\"sport\":443"))
    #expect(try problems(lab) == [])
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
}
