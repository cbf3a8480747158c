// status.json while no scanner runs that could write it.
import Init
import Kernel
import Spool

/// The same shape as the scanner's, each second, where there is a place for it.
struct IdleStatus {
  private var status: BoxStatus
  /// Held, so that nobody else takes the directory for unused.
  private var data: DataDirectory?
  private var next: UInt64 = 0
  private var flushes = 0
  private var said: [BoxStatus.Concern: String] = [:]

  init(interface: String) { status = BoxStatus(withoutScannerOn: interface) }

  mutating func publish(_ boot: Boot, _ now: UInt64) {
    guard boot.hasData, now >= next else { return }
    next = now + 1_000_000_000
    do throws(Fault) {
      if data == nil { data = try DataDirectory(boot.dataDirectory) }
      guard let data else { return }
      status.observe(data.path)
      let link = status.problems[.link]
      status.problems = boot.problems
      status.problems[.link] = boot.problems[.link] ?? link
      status.state = status.problems[.fault] == nil ? .paused : .problem
      try status.write(to: data)
      // What is new must be there also when somebody pulls the plug to look: in both files, which take turns.
      if said != status.problems { flushes = 2 }
      said = status.problems
      if flushes > 0 { try Files.sync(data.status) }
      flushes = max(0, flushes - 1)
      boot.note(.spool, nil)
    } catch {
      boot.note(.spool, "no status can be written: \(error)")
    }
  }

  /// Before a scanner starts, which takes the directory itself.
  mutating func release() { data = nil }
}
