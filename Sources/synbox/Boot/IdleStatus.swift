// status.json while no scanner is running to write it.
import Init
import Kernel
import Spool

/// Writes a status of the scanner's form once a second, as soon as the data partition is mounted.
struct IdleStatus {
  private var status: BoxStatus
  /// Held open so that the data directory stays locked.
  private var data: DataDirectory?
  private var next: UInt64 = 0
  private var pendingFlushes = 0
  private var writtenProblems: [BoxStatus.ProblemKind: String] = [:]

  init(interface: String) { status = BoxStatus(withoutScannerOn: interface) }

  mutating func publish(_ boot: Boot, _ now: UInt64) {
    guard boot.hasData, now >= next else { return }
    next = now + 1_000_000_000
    do throws(Fault) {
      if data == nil { data = try DataDirectory(boot.dataDirectory) }
      guard let data else { return }
      status.refresh(data.path)
      let link = status.problems[.link]
      status.problems = boot.problems
      status.problems[.link] = boot.problems[.link] ?? link
      status.state = status.problems[.fault] == nil ? .paused : .failed
      try status.write(to: data)
      // A new problem must survive a power cut, because somebody may pull the plug to read the disk elsewhere. Two
      // flushes, because writes alternate between two files.
      if writtenProblems != status.problems { pendingFlushes = 2 }
      writtenProblems = status.problems
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
