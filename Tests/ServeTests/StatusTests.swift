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
