// The box as it is seen from outside: status.json, metrics.prom, `synbox status`, the log.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `The status` {
  /// Runs `synbox status` and does not wait for long.
  private func status(_ lab: ServeLab, _ more: [String] = []) throws -> Outcome {
    try run([Lab.synbox, "status", "--config", lab.url("box.toml").path] + more)
  }

  @Test func `a running scan is seen by people, programs and Prometheus`() throws {
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
    let job = try #require(object["job"] as? [String: Any])
    #expect(job["name"] as? String == "run.txt")
    #expect(job["probes_total"] as? Int == 8192)
    #expect(job["rate_requested_pps"] as? Int == 2000)
    #expect((job["seconds_left"] as? Double ?? 0) > 0)
    #expect(object["queue"] as? [String] == ["wait.txt"])
    let waiting = try #require(object["waiting"] as? [[String: Any]])
    #expect(waiting.map { $0["priority"] as? Int } == [40])
    #expect(waiting.map { $0["state"] as? String } == ["waiting"])
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

    let people = try status(lab)
    #expect(people.status == 0)
    #expect(people.output.contains("state      scanning at 2"))
    #expect(people.output.contains("run.txt (priority 60)"))
    #expect(people.output.contains(" % of 8192 probes, "))
    #expect(people.output.contains("wait.txt (priority 40, waiting)"))
    #expect(people.output.contains("box0 (veth), carrier, 198.18.0.1/24"))

    try expectWellFormedMetrics(lab)
    #expect(try box.end(SIGTERM).status == 143)
    let stopped = try status(lab)
    #expect(stopped.status == 0, "the last word of a box does not grow stale")
    #expect(stopped.output.contains("state      stopped"))
  }

  /// Every family has its help and type, every counter its name and no sample is NaN; promtool agrees.
  private func expectWellFormedMetrics(_ lab: ServeLab) throws {
    let metrics = try lab.text("data/metrics.prom")
    #expect(metrics.contains("\nsynbox_state{state=\"scanning\"} 1\n"))
    #expect(metrics.contains("\nsynbox_jobs_waiting 1\n"))
    #expect(metrics.contains("\nsynbox_nic_carrier 1\n"))
    #expect(metrics.contains("\nsynbox_send_rate_probes_per_second "))
    try #require(
      FileManager.default.isExecutableFile(atPath: Lab.promtool), "run `make build/promtool` first")
    let verdict = try run([Lab.promtool, "check", "metrics"], input: Data(metrics.utf8))
    #expect(verdict.status == 0, "\(verdict.output)\(verdict.errors)")
    #expect(verdict.output.isEmpty && verdict.errors.isEmpty, "\(verdict.output)\(verdict.errors)")
    // So that the test could fail: promtool does find fault.
    let bad = try run(
      [Lab.promtool, "check", "metrics"], input: Data("# TYPE synbox_x counter\nsynbox_x 1\n".utf8))
    #expect(bad.status != 0)
  }

  @Test func `a link that goes down is a problem until it is up again`() throws {
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

  @Test func `watching goes on until a signal`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(""))
    let watch = try Running([
      Lab.synbox, "status", "--watch", "--config", lab.url("box.toml").path,
    ])
    try watch.wait(for: "three looks") { $0.text.components(separatedBy: "state      idle").count > 3 }
    #expect(try watch.end(SIGINT).status == 130)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `no status and a stale one are said to be so`() throws {
    let lab = try ServeLab()
    let configuration = try lab.configure("")
    let none = try status(lab)
    #expect(none.status == 1)
    #expect(none.errors.contains("there is no status"))

    let box = try lab.serve(configuration)
    box.signal(SIGKILL)
    _ = try box.wait()
    let past = Date.now - 37
    try FileManager.default.setAttributes(
      [.modificationDate: past], ofItemAtPath: lab.url("data/status.json").path)
    let stale = try status(lab)
    #expect(stale.status == 1)
    #expect(stale.output.contains("state      idle"), "what is known is shown all the same")
    #expect(stale.errors.contains("was last written 3"))
  }

  @Test(arguments: ["", "{", "[]", "{\"state\": 1}", "\u{0}", "{\"time\":\"\"}"])
  func `what is no status is refused`(_ text: String) throws {
    let lab = try ServeLab()
    _ = try lab.configure("")
    try Data(text.utf8).write(to: lab.url("data/status.json"))
    let outcome = try status(lab)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("is no status of a box"))
  }

  @Test func `a hostile status steers no terminal and crashes nothing`() throws {
    let lab = try ServeLab()
    _ = try lab.configure("")
    let text = """
      {"time": "now\\u001b[2J", "state": "stopped", "problems": ["\\u001b]0;x\\u0007", "\\n\\r"],
       "job": {"name": "\\u202e", "progress": 1e300, "seconds_left": -1e300, "rate_pps": 1e308}}
      """
    try Data(text.utf8).write(to: lab.url("data/status.json"))
    let outcome = try status(lab)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.utf8.allSatisfy { $0 >= 0x20 || $0 == 10 })
    #expect(!outcome.output.contains("\u{202e}"))
  }

  @Test func `a status that cannot be written is logged once and stops nothing`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure("target-ports = 80\ncooldown-time = 0.5\n"))
    // A directory stands where the file is made.
    try FileManager.default.createDirectory(
      at: lab.url("data/status.json.new"), withIntermediateDirectories: false)
    try lab.drop("net.txt", "198.18.4.0/24\n")
    try lab.wait("the results", seconds: 30) { lab.exists("data/results/net.txt") }
    #expect(box.errorText.components(separatedBy: "msg=\"no status\"").count == 2)
    try FileManager.default.removeItem(at: lab.url("data/status.json.new"))
    try box.wait(for: "the status again") { $0.errorText.contains("can be written again") }
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `the log is one line an event with time in UTC`() throws {
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

  @Test func `the log goes to the kernel where that is wanted`() throws {
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
    #expect(mine.contains { $0.hasPrefix("<5>") && $0.contains("ended by a signal") })
  }
}
