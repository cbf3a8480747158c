// status.json while no scanner is running to write it.
import BoxAPI
import Init
import Kernel
import Spool

/// Writes a status of the scanner's form once a second, as soon as the data partition is mounted.
struct IdleStatus {
  private var facts: BoxFacts
  /// Held open so that the data directory stays locked.
  private var data: DataDirectory?
  private var next: UInt64 = 0
  private var pendingFlushes = 0
  private var writtenProblems: [ProblemKind: String] = [:]

  init(interface: String) { facts = BoxFacts(withoutScannerOn: interface) }

  mutating func publish(_ boot: Boot, _ now: UInt64) {
    guard boot.hasData, now >= next else { return }
    next = now + 1_000_000_000
    do throws(Fault) {
      if data == nil { data = try DataDirectory(boot.dataDirectory) }
      guard let data else { return }
      facts.refresh(data.path)
      var problems = boot.problems
      problems[.link] = problems[.link] ?? facts.linkProblem
      var status = facts.snapshot
      status.problems = problems.sorted { $0.key < $1.key }.map(\.value)
      status.state = problems[.fault] == nil ? .paused : .failed
      try status.write(status: data.status, metrics: data.metrics)
      // A new problem must survive a power cut, because somebody may pull the plug to read the disk elsewhere. Two
      // flushes, because writes alternate between two files.
      if writtenProblems != problems { pendingFlushes = 2 }
      writtenProblems = problems
      if pendingFlushes > 0 { try Files.sync(data.status) }
      pendingFlushes = max(0, pendingFlushes - 1)
      boot.setProblem(.spool, nil)
    } catch {
      boot.setProblem(.spool, "cannot write the status: \(error)")
    }
  }

  /// Unlocks the data directory for the scanner, which must be about to start.
  mutating func release() { data = nil }
}
