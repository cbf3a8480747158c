// Several jobs: their order, preemption, and cancellation by an operator.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `The queue` {
  static let configuration = "target-ports = 80\ncooldown-time = 0.5\n"

  private func results(_ lab: ServeLab, _ job: String) throws -> Set<String> {
    let lines = try lab.text("data/results/\(job)/results.csv").split(separator: "\n").map(String.init)
    #expect(lines.first == "saddr,sport")
    #expect(Set(lines).count == lines.count, "a result twice")
    return Set(lines.dropFirst())
  }

  private func waitForScan(_ lab: ServeLab, of job: String) throws {
    try lab.wait("results of \(job)", seconds: 30) {
      let current = try lab.json("data/status.json")["job"] as? [String: Any]
      return current?["name"] as? String == job && (current?["results"] as? Int ?? 0) > 0
    }
  }

  private func cancel(_ lab: ServeLab, _ job: String) throws {
    try Data().write(to: lab.url("data/spool/\(job).cancel"))
  }

  private func totals(_ lab: ServeLab, _ name: String) throws -> Int? {
    try lab.json("data/status.json")["jobs_\(name)"] as? Int
  }

  /// The preempted job resumes and is exact, the one of higher priority runs in between, and the cancelled one keeps
  /// the results it had.
  @Test func `runs jobs by priority, preempts and cancels them`()
    throws
  {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try lab.drop("low.txt", "@priority 10\n@rate 800\n198.18.16.0/21\n")
    try waitForScan(lab, of: "low.txt")
    try lab.drop("middle.txt", "@priority 50\n@rate 200\n198.18.32.0/20\n")
    try waitForScan(lab, of: "middle.txt")
    var queue = try #require(try lab.json("data/status.json")["queue"] as? [[String: Any]])
    #expect(queue.map { $0["name"] as? String } == ["low.txt"])
    try lab.drop("high.txt", "@priority 90\n@rate 400\n198.18.64.0/22\n")
    try waitForScan(lab, of: "high.txt")
    queue = try #require(try lab.json("data/status.json")["queue"] as? [[String: Any]])
    #expect(queue.map { $0["name"] as? String } == ["middle.txt", "low.txt"])
    #expect(queue.map { $0["state"] as? String } == ["preempted", "preempted"])
    try lab.wait("the job of highest priority", seconds: 30) { lab.exists("data/results/high.txt") }
    #expect(!lab.exists("data/results/low.txt") && !lab.exists("data/results/middle.txt"))
    // 4,096 targets at 200 a second: it is cancelled long before its end.
    try waitForScan(lab, of: "middle.txt")
    try cancel(lab, "middle.txt")
    try lab.wait("all ends", seconds: 60) {
      lab.exists("data/results/middle.txt") && lab.exists("data/results/low.txt")
    }

    #expect(try results(lab, "high.txt") == evenAddresses(from: 64, blocks: 4, ports: [80]))
    #expect(try results(lab, "low.txt") == evenAddresses(from: 16, blocks: 8, ports: [80]))
    let some = try results(lab, "middle.txt")
    #expect(some.isStrictSubset(of: evenAddresses(from: 32, blocks: 16, ports: [80])))
    #expect(!some.isEmpty)
    let cancelled = try lab.json("data/results/middle.txt/summary.json")
    #expect(cancelled["ended_because"] as? String == "cancelled")
    #expect(cancelled["results_written"] as? Int == some.count)
    #expect(cancelled["resumed"] as? Int == 1)
    let preempted = try lab.json("data/results/low.txt/summary.json")
    #expect(preempted["ended_because"] as? String == "done")
    #expect(preempted["resumed"] as? Int == 1)
    #expect(try lab.json("data/results/high.txt/summary.json")["resumed"] as? Int == 0)

    try lab.wait("an idle box", seconds: 20) {
      try lab.json("data/status.json")["state"] as? String == "idle"
    }
    #expect(try totals(lab, "finished") == 2)
    #expect(try totals(lab, "cancelled") == 1)
    #expect(try totals(lab, "preempted") == 2)
    for directory in ["spool", "active"] {
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: lab.url("data/\(directory)").path) == [])
    }
    #expect(try box.end(SIGTERM).status == 143)
    #expect(!box.errorText.contains("level=error"))
  }

  @Test func `cancels queued and preempted jobs`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try lab.drop("low.txt", "@priority 10\n@rate 400\n198.18.16.0/20\n")
    try waitForScan(lab, of: "low.txt")
    try lab.drop("high.txt", "@priority 90\n@rate 400\n198.18.32.0/21\n")
    try lab.drop("wait.txt", "@priority 20\n198.18.64.0/24\n")
    try waitForScan(lab, of: "high.txt")
    try cancel(lab, "low.txt")
    try cancel(lab, "wait.txt")
    try lab.wait("both ends", seconds: 20) {
      lab.exists("data/results/low.txt") && lab.exists("data/rejected/wait.txt")
    }
    // The running job is unaffected.
    #expect(!lab.exists("data/results/high.txt"))
    let some = try results(lab, "low.txt")
    #expect(!some.isEmpty)
    #expect(some.isStrictSubset(of: evenAddresses(from: 16, blocks: 16, ports: [80])))
    let summary = try lab.json("data/results/low.txt/summary.json")
    #expect(summary["ended_because"] as? String == "cancelled")
    #expect(summary["results_written"] as? Int == some.count)
    let reason = try lab.text("data/rejected/wait.txt/reason.txt")
    #expect(reason == "wait.txt: cancelled by wait.txt.cancel before it started\n")
    #expect(lab.exists("data/rejected/wait.txt/wait.txt"))
    try lab.wait("the other's end", seconds: 60) { lab.exists("data/results/high.txt") }
    #expect(try results(lab, "high.txt") == evenAddresses(from: 32, blocks: 8, ports: [80]))
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `cancels a job after a restart`() throws {
    let lab = try ServeLab()
    let configuration = try lab.configure(Self.configuration)
    var box = try lab.serve(configuration)
    try lab.drop("net.txt", "@rate 200\n198.18.16.0/20\n")
    try waitForScan(lab, of: "net.txt")
    box.signal(SIGKILL)
    _ = try box.wait()
    try cancel(lab, "net.txt")
    box = try lab.serve(configuration)
    try lab.wait("its end", seconds: 20) { lab.exists("data/results/net.txt") }
    let summary = try lab.json("data/results/net.txt/summary.json")
    #expect(summary["ended_because"] as? String == "cancelled")
    #expect(summary["targets_total"] as? Int == 4096)
    #expect(!lab.exists("data/spool/net.txt.cancel"))
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `rejects a cancellation of an unknown job, but not one that comes too late`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try cancel(lab, "none.txt")
    try lab.wait("the rejection", seconds: 20) {
      lab.exists("data/rejected/none.txt.cancel/reason.txt")
    }
    #expect(
      try lab.text("data/rejected/none.txt.cancel/reason.txt").contains(
        "found no queued or running job none.txt"))
    try lab.drop("net.txt", "198.18.16.0/24\n")
    try lab.wait("the results", seconds: 20) { lab.exists("data/results/net.txt") }
    try cancel(lab, "net.txt")
    try box.wait(for: "the note") { $0.errorText.contains("the job has ended") }
    try lab.wait("an empty spool", seconds: 20) { !lab.exists("data/spool/net.txt.cancel") }
    #expect(!lab.exists("data/rejected/net.txt.cancel"))
    #expect(try lab.json("data/results/net.txt/summary.json")["ended_because"] as? String == "done")
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `does not preempt a job for a file that is still being written`() throws {
    let lab = try ServeLab()
    let box = try lab.serve(lab.configure(Self.configuration))
    try lab.drop("low.txt", "@priority 10\n@rate 400\n198.18.16.0/21\n")
    try waitForScan(lab, of: "low.txt")
    // Its name is final, but a process still has it open for writing.
    try Data("@priority 90\n198.18.32.0/24\n".utf8).write(to: lab.url("outside.txt"))
    let handle = try #require(FileHandle(forWritingAtPath: lab.url("outside.txt").path))
    // The kernel answers that question to the owner only.
    try Lab.giveToBox(lab.url("outside.txt").path)
    try FileManager.default.moveItem(at: lab.url("outside.txt"), to: lab.url("data/spool/high.txt"))
    try lab.wait("the first one's end", seconds: 30) { lab.exists("data/results/low.txt") }
    #expect(try lab.json("data/results/low.txt/summary.json")["resumed"] as? Int == 0)
    #expect(lab.exists("data/spool/high.txt"))
    try handle.close()
    try lab.wait("the other's end", seconds: 30) { lab.exists("data/results/high.txt") }
    #expect(try results(lab, "high.txt") == evenAddresses(from: 32, blocks: 1, ports: [80]))
    #expect(try box.end(SIGTERM).status == 143)
  }
}
