// The status while no scanner is running to write it. PID 1 writes to no disk: the status writer copies it.
import BoxAPI
import Init
import Kernel

/// Makes a status of the scanner's form once a second, in memory.
struct IdleStatus {
  /// In a tmpfs, which always responds.
  static let directory = "/run/synbox"
  static let path = "\(directory)/status.json"

  private var facts: BoxFacts
  private var next: UInt64 = 0

  init(interface: String) { facts = BoxFacts(withoutScannerOn: interface) }

  mutating func publish(_ boot: Boot, _ now: UInt64) {
    guard now >= next else { return }
    next = now + 1_000_000_000
    facts.refreshLink()
    var problems = boot.problems
    problems[.link] = problems[.link] ?? facts.linkProblem
    var status = facts.snapshot
    status.problems = ProblemKind.sentences(problems)
    status.state = problems[.fault] == nil ? .paused : .failed
    do throws(Fault) {
      try Files.makeDirectory(Self.directory)
      try Files.replace(Self.path, with: status.json, durable: false)
    } catch {
      boot.setProblem(.spool, "cannot make the status: \(error)")
    }
  }
}
