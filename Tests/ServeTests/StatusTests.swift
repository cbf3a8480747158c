// The box seen from outside: status.json, metrics.prom, `synbox status`, the log.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `The status` {
  /// Runs `synbox status`.
  private func status(_ lab: ServeLab, _ more: [String] = []) throws -> Outcome {
    try run([Lab.synbox, "status", "--config", lab.url("synbox.toml").path] + more)
  }

  @Test func `shows a running scan as text, as JSON and as metrics`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("rate = \"2k\"\ntarget-ports = 80\ncooldown-time = 1\n"))
    try lab.drop("run.txt", "@priority 60\n198.18.4.0/19\n")
    try lab.drop("wait.txt", "@priority 40\n198.18.4.0/24\n")
    try lab.wait("progress", seconds: 30) {
      let job = try lab.json("data/status.json")["job"] as? [String: Any]
      return (job?["results"] as? Int ?? 0) > 0
    }

    let json = try status(lab, ["--json"])
    #expect(json.status == 0, "\(json.errors)")
    let object = try JSON.object(json.output)
    #expect(object["format"] as? Int == 2)
    let job = try #require(object["job"] as? [String: Any])
    #expect(job["name"] as? String == "run.txt")
    #expect(job["probes_total"] as? Int == 8192)
    #expect(job["rate_requested_pps"] as? Int == 2000)
    #expect((job["seconds_remaining"] as? Double ?? 0) > 0)
    let queue = try #require(object["queue"] as? [[String: Any]])
    #expect(queue.map { $0["name"] as? String } == ["wait.txt"])
    #expect(queue.map { $0["priority"] as? Int } == [40])
    #expect(queue.map { $0["state"] as? String } == ["queued"])
    #expect(object["jobs_queued"] as? Int == 1)
    #expect(object["files_arriving"] as? Int == 0)
    #expect(object["files_ignored"] as? [String] == [])
    for key in ["waiting", "jobs_waiting", "arriving", "ignored"] { #expect(object[key] == nil) }
    #expect(object["problems"] as? [String] == [])
    let drops = try #require(object["drops"] as? [String: Any])
    #expect(drops["events_lost"] as? Int == 0)
    #expect(drops["nic_rx_missed"] as? Int == 0)
    let nic = try #require(object["nic"] as? [String: Any])
    #expect(nic["carrier"] as? Bool == true)
    #expect(nic["mtu"] as? Int == 1500)
    #expect((nic["rx_packets"] as? Int ?? 0) > 0)
    for key in ["version", "revision", "kernel", "swift", "libbpf", "libxdp", "receive_mode"] {
      #expect((object[key] as? String)?.isEmpty == false, "\(key)")
    }
    #expect((object["disk_total_bytes"] as? Int ?? 0) > 0)

    let text = try status(lab)
    #expect(text.status == 0)
    #expect(text.output.contains("state      scanning at 2"))
    #expect(text.output.contains("run.txt (priority 60)"))
    #expect(text.output.contains(" % of 8192 probes, "))
    #expect(text.output.contains("wait.txt (priority 40, queued)"))
    #expect(text.output.contains("box0 (veth), carrier, 198.18.0.1/24"))

    try expectWellFormedMetrics(lab)
    #expect(try box.end(SIGTERM).status == 143)
    let stopped = try status(lab)
    #expect(stopped.status == 0, "the final status of a box does not become stale")
    #expect(stopped.output.contains("state      stopped"))
  }

  /// Has promtool check the metrics.
  private func expectWellFormedMetrics(_ lab: ServeLab) throws {
    let metrics = try lab.text("data/metrics.prom")
    #expect(metrics.contains("\nsynbox_state{state=\"scanning\"} 1\n"))
    #expect(metrics.contains("\nsynbox_jobs_queued 1\n"))
    #expect(metrics.contains("\nsynbox_nic_carrier 1\n"))
    #expect(metrics.contains("\nsynbox_send_rate_probes_per_second "))
    try #require(
      FileManager.default.isExecutableFile(atPath: Lab.promtool), "run `make build/promtool` first")
    let verdict = try run([Lab.promtool, "check", "metrics"], input: Data(metrics.utf8))
    #expect(verdict.status == 0, "\(verdict.output)\(verdict.errors)")
    #expect(verdict.output.isEmpty && verdict.errors.isEmpty, "\(verdict.output)\(verdict.errors)")
    // Proves that promtool can fail.
    let bad = try run(
      [Lab.promtool, "check", "metrics"], input: Data("# TYPE synbox_x counter\nsynbox_x 1\n".utf8))
    #expect(bad.status != 0)
  }

  @Test func `names a link that is down as a problem until it is up again`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(""))
    #expect(try lab.json("data/status.json")["problems"] as? [String] == [])
    try lab.link("down")
    try lab.wait("the problem", seconds: 20) {
      try lab.json("data/status.json")["problems"] as? [String] == ["box0 is down"]
    }
    #expect(try lab.text("data/metrics.prom").contains("\nsynbox_nic_carrier 0\n"))
    try lab.link("up")
    try lab.wait("no problem", seconds: 20) {
      try lab.json("data/status.json")["problems"] as? [String] == []
    }
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `is printed every second with --watch until a signal`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(""))
    let watch = try Running([
      Lab.synbox, "status", "--watch", "--config", lab.url("synbox.toml").path,
    ])
    try watch.wait(for: "three reports") {
      $0.text.components(separatedBy: "state      idle").count > 3
    }
    #expect(try watch.end(SIGINT).status == 130)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `is an error if it is missing or stale`() throws {
    let lab = try ServeLab()
    let configuration = try lab.configure("")
    let none = try status(lab)
    #expect(none.status == 1)
    #expect(none.errors.contains("no status file"))

    let box = try lab.serve(configuration)
    box.signal(SIGKILL)
    _ = try box.wait()
    let past = Date.now - 37
    try FileManager.default.setAttributes(
      [.modificationDate: past], ofItemAtPath: lab.url("data/status.json").path)
    let stale = try status(lab)
    #expect(stale.status == 1)
    #expect(stale.output.contains("state      idle"), "a stale status is still printed")
    #expect(stale.errors.contains("was last written 3"))
  }

  @Test(arguments: ["", "{", "[]", "{\"state\": 1}", "\u{0}", "{\"time\":\"\"}"])
  func `is rejected if the file is no status`(_ text: String) throws {
    let lab = try ServeLab()
    _ = try lab.configure("")
    try Data(text.utf8).write(to: lab.url("data/status.json"))
    let outcome = try status(lab)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("is not a status file"))
  }

  @Test func `of another version may lack fields and have unknown ones`() throws {
    let lab = try ServeLab()
    _ = try lab.configure("")
    let text = """
      {"format": 3, "state": "stopped", "tea": {"cups": [1]}, "job": {"tea": 1},
       "queue": [{"name": "a.txt"}, {"priority": 5, "tea": null}], "drops": {}, "nic": {"tea": "x"}}
      """
    try Data(text.utf8).write(to: lab.url("data/status.json"))
    let outcome = try status(lab)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("state      stopped at unknown"), "\(outcome.output)")
    #expect(outcome.output.contains("a.txt") && outcome.output.contains("unknown (priority 5)"))
    try Data("{\"state\": \"stopped\"}".utf8).write(to: lab.url("data/status.json"))
    #expect(try status(lab).status == 0)
  }

  @Test func `cannot send control characters to a terminal or crash the program`() throws {
    let lab = try ServeLab()
    _ = try lab.configure("")
    let text = """
      {"time": "now\\u001b[2J", "state": "stopped", "problems": ["\\u001b]0;x\\u0007", "\\n\\r"],
       "job": {"name": "\\u202e", "progress": 1e300, "seconds_remaining": -1e300, "rate_pps": 1e308}}
      """
    try Data(text.utf8).write(to: lab.url("data/status.json"))
    let outcome = try status(lab)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.utf8.allSatisfy { $0 >= 0x20 || $0 == 10 })
    #expect(!outcome.output.contains("\u{202e}"))
  }

  @Test func `is logged once if it cannot be written, and the box keeps working`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("target-ports = 80\ncooldown-time = 0.5\n"))
    // A directory is in the way of the new file.
    try FileManager.default.createDirectory(
      at: lab.url("data/status.json.new"), withIntermediateDirectories: false)
    try lab.drop("net.txt", "198.18.4.0/24\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    #expect(box.errorText.components(separatedBy: "msg=\"cannot write the status files\"").count == 2)
    try FileManager.default.removeItem(at: lab.url("data/status.json.new"))
    try box.wait(for: "the status again") { $0.errorText.contains("can be written again") }
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `comes with a log of one line per event, in UTC`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("target-ports = 80\ncooldown-time = 0.5\n"))
    try lab.drop("a b=\"c\".txt", "198.18.4.0/28\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/a b=\"c\".txt") }
    #expect(try box.end(SIGTERM).status == 143)
    let line =
      /time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=[a-z]+ msg=("[^"]+"|\S+)( [a-z_]+=("(\\.|[^"\\])*"|[^ "=]+))*/
    let lines = box.errorText.split(separator: "\n")
    #expect(lines.count > 3)
    for text in lines { #expect(text.wholeMatch(of: line) != nil, "\(text)") }
    #expect(box.errorText.contains("job=\"a b=\\\"c\\\".txt\""))
  }

  @Test func `comes with a log that goes to the kernel if configured`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("log = \"kernel\"\n"))
    #expect(try box.end(SIGTERM).status == 143)
    #expect(box.errorText.isEmpty, "\(box.errorText)")
    let kernel = try run(["dmesg", "--raw"])
    let mine = kernel.lines.filter { $0.contains("synbox: ") }
    #expect(
      mine.contains {
        $0.contains("msg=serving") && $0.contains("data=\"\(lab.root.path)")
          || $0.contains("data=\(lab.root.path)")
      })
    #expect(mine.contains { $0.hasPrefix("<5>") && $0.contains("stopped by a signal") })
  }
}
