// Several jobs: their order, preemption, and cancellation by an operator.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `The queue` {
  static let configuration = "target-ports = 80\ncooldown-time = 0.5\n"

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
  @Test func `runs jobs by priority, preempts and cancels them`() throws {
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

    #expect(try lab.results("high.txt") == evenAddresses(from: 64, blocks: 4, ports: [80]))
    #expect(try lab.results("low.txt") == evenAddresses(from: 16, blocks: 8, ports: [80]))
    let some = try lab.results("middle.txt")
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

  /// The limit ends the sending, and the replies have a minute to arrive. None of that outlasts an operator or a signal.
  @Test(arguments: ["a request", "a signal"])
  func `ends a job whose sending max-runtime has ended, at once by`(_ means: String) throws {
    let lab = try ServeLab()
    let box = try lab.serve(
      lab.configure("target-ports = 80\ncooldown-time = 60\nmax-runtime = 1\n"))
    try lab.drop("net.txt", "@rate 200\n198.18.16.0/20\n")
    try lab.wait("the cooldown", seconds: 30) {
      let cooling = try lab.json("data/status.json")["cooling"] as? [[String: Any]] ?? []
      return cooling.first?["name"] as? String == "net.txt"
    }
    let begun = Date.now
    if means == "a signal" {
      #expect(try box.end(SIGTERM).status == 143)
      #expect(lab.exists("data/active/net.txt/checkpoint"))
    } else {
      try cancel(lab, "net.txt")
      try lab.wait("the end", seconds: 30) { lab.exists("data/results/net.txt") }
      let summary = try lab.json("data/results/net.txt/summary.json")
      #expect(summary["ended_because"] as? String == "cancelled")
      #expect(try lab.results("net.txt").count == summary["results_written"] as? Int)
      #expect(try box.end(SIGTERM).status == 143)
    }
    #expect(-begun.timeIntervalSinceNow < 30, "it waited for the end of the cooldown")
  }
}
