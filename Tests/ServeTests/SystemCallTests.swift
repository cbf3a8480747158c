// Compares the list of allowed system calls with those that the program makes: it must list all and no more.
import Confinement
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `System calls of a box` {
  /// Covers every transmit and receive mode; jobs that finish, wait, are preempted, cancelled, rejected and
  /// interrupted; a reload, a stop and a restart.
  @Test func `are exactly those on the list`() throws {
    let lab = try ServeLab()
    var calls: Set<TracedCall> = []
    for (mode, receive) in [
      ("packet", "auto"), ("xdp-copy", "auto"), ("generator", "auto"), ("packet", "packet"),
    ] {
      let trace = Trace(file: lab.url("\(mode)-\(receive).trace").path)
      let scan = try lab.scan(
        under: trace.prefix,
        [
          "-p", "80", "-r", "5k", "-c", "1", "--transmit", mode, "--receive", receive, "198.18.4.0/21",
          "-o", lab.url("found").path, "-m", lab.url("summary").path, "-u", lab.url("status").path,
        ])
      #expect(scan.status == 0, "\(mode): \(scan.errors)")
      calls.formUnion(try trace.callsAfterTheFilter())
    }
    calls.formUnion(try jobs(lab))
    calls.formUnion(try fullDisk(lab))
    compare(calls)
  }

  private func compare(_ calls: Set<TracedCall>) {
    let rules = SystemCallTable.rules(inProcess: 0)
    let unused = unused(rules, calls)
    #expect(unused.isEmpty, "no scenario makes these: \(unused.map { "\($0.name) \($0.condition)" })")
    let unlisted = unlisted(rules, calls)
    #expect(unlisted.isEmpty, "not on the list: \(unlisted)")

    // Proves that both checks can fail, by leaving out each rule's calls, and each rule.
    for rule in rules where rule.use == .everyday {
      let others = calls.filter { !rule.matches($0.name, $0.arguments) }
      #expect(self.unused(rules, others).contains(rule))
    }
    for name in Set(rules.filter { $0.use == .everyday }.map(\.name)) {
      #expect(!self.unlisted(rules.filter { $0.name != name }, calls).isEmpty, "\(name)")
    }
  }

  private func unused(_ rules: [SystemCallRule], _ calls: Set<TracedCall>) -> [SystemCallRule] {
    rules.filter { rule in
      rule.use == .everyday && !calls.contains { rule.matches($0.name, $0.arguments) }
    }
  }

  private func unlisted(_ rules: [SystemCallRule], _ calls: Set<TracedCall>) -> Set<TracedCall> {
    calls.filter { call in !rules.contains { $0.matches(call.name, call.arguments) } }
  }

  /// Runs a box twice; the second process resumes the job of the first.
  private func jobs(_ lab: ServeLab) throws -> Set<TracedCall> {
    let configuration = try lab.configure("target-ports = 80\ncooldown-time = 0.5\n")
    // The state after a crash between two steps.
    try FileManager.default.createDirectory(
      at: lab.url("data/active/empty"), withIntermediateDirectories: true)
    let first = Trace(file: lab.url("first.trace").path)
    var box = try lab.serve(configuration, under: first.prefix)
    #expect(!lab.exists("data/active/empty"))
    // Several times, because a stop between two waits restarts no call.
    for _ in 0..<5 {
      box.signal(SIGSTOP)
      Thread.sleep(forTimeInterval: 0.3)
      box.signal(SIGCONT)
      Thread.sleep(forTimeInterval: 0.13)
    }
    try lab.drop("short.txt", "198.18.4.0/24\n")
    try lab.wait("the short job", seconds: 30) { lab.exists("data/results/short.txt") }
    try Data("198.18.4.0/24\n".utf8).write(to: lab.url("data/.secret"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: lab.url("data/.secret").path)
    try FileManager.default.moveItem(
      at: lab.url("data/.secret"), to: lab.url("data/spool/secret.txt"))
    try lab.wait("the rejection", seconds: 30) { lab.exists("data/rejected/secret.txt") }
    try lab.drop("low.txt", "@priority 10\n@rate 400\n198.18.16.0/20\n")
    try lab.waitForResults("low.txt", bytes: 500)
    try lab.drop("high.txt", "@priority 90\n@rate 400\n198.18.32.0/24\n")
    try lab.wait("the job of higher priority", seconds: 30) { lab.exists("data/results/high.txt") }
    box.signal(SIGHUP)
    try box.wait(for: "the configuration") { $0.errorText.contains("configuration reloaded") }
    try lab.wait("a checkpoint", seconds: 30) { try lab.checkpointPosition("low.txt") > 0 }
    #expect(try box.end(SIGTERM).status == 143, "\(box.errorText)")

    let second = Trace(file: lab.url("second.trace").path)
    box = try lab.serve(configuration, under: second.prefix)
    try box.wait(for: "the job") { $0.errorText.contains("job started") }
    try Data().write(to: lab.url("data/spool/low.txt.cancel"))
    try lab.wait("the cancelled job", seconds: 30) { lab.exists("data/results/low.txt") }
    #expect(try box.end(SIGTERM).status == 143, "\(box.errorText)")
    return try first.callsAfterTheFilter().union(second.callsAfterTheFilter())
  }

  /// Makes the box remove fetched results: any disk is more than one percent full.
  private func fullDisk(_ lab: ServeLab) throws -> Set<TracedCall> {
    try Data().write(to: lab.url("data/results/short.txt/fetched"))
    let trace = Trace(file: lab.url("disk.trace").path)
    let box = try lab.serve(lab.configure("disk-high-water = 1\n"), under: trace.prefix)
    try lab.wait("the removal", seconds: 30) { !lab.exists("data/results/short.txt") }
    #expect(try box.end(SIGTERM).status == 143, "\(box.errorText)")
    return try trace.callsAfterTheFilter()
  }
}
