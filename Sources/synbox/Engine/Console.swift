// What a person sees on standard error.
import Kernel
import Scan
import Wire

/// Progress on a terminal, and a few lines at the end. Results never come here.
final class Console {
  private let quiet: Bool
  private let live: Bool
  private let terminal: Bool
  private var last: Progress?
  private var lineIsOpen = false
  private var saysEvictions = true

  init(quiet: Bool, verbose: Bool) {
    self.quiet = quiet
    terminal = Terminal.errorIsTerminal
    live = !quiet && (verbose || terminal)
  }

  func say(_ text: String) {
    guard !quiet else { return }
    write((lineIsOpen ? "\n" : "") + "synbox: \(text)\n")
    lineIsOpen = false
  }

  func warn(foreign sources: [IPv4Address]) {
    guard let first = sources.first else { return }
    say(
      "\(sources.count) source addresses (\(first)\(sources.count > 1 ? ", …" : "")) are not this host's: "
        + "replies come only if the network routes them here")
  }

  func warn(unresolved hops: NextHops) {
    guard !hops.unresolved.isEmpty else { return }
    let some = hops.unresolved.prefix(3).map(\.description).joined(separator: ", ")
    say(
      "\(hops.unresolved.count) addresses on the link did not answer ARP and are not probed "
        + "(\(some)\(hops.unresolved.count > 3 ? ", …" : ""))")
  }

  /// Once a scan, when the first pair is forgotten.
  private func warn(evictions: UInt64) {
    guard evictions > 0, saysEvictions else { return }
    saysEvictions = false
    say(DedupeMemory.evictionWarning)
  }

  func show(_ progress: Progress) {
    warn(evictions: progress.dedupeEvictions)
    guard live else { return }
    let line = progress.line(since: last)
    write(terminal ? "\r\u{1b}[K\(line)" : "\(line)\n")
    lineIsOpen = terminal
    last = progress
  }

  func finish(_ summary: Summary) {
    warn(evictions: summary.dedupeEvictions)
    say(
      "\(summary.endedBecause.rawValue): \(summary.resultsWritten) results, "
        + "\(summary.probesCompleted) probes in \(oneDigit(summary.sendingSeconds)) s "
        + "(\(short(summary.rateAchieved)) pps), \(summary.repliesValid) valid replies, "
        + "\(summary.repliesInvalid) invalid, \(summary.resetsSent) RSTs (\(summary.resetMode)), "
        + "\(summary.eventsLost) events lost, \(summary.duplicates) duplicates"
        + (summary.dedupeEvictions > 0 ? ", \(summary.dedupeEvictions) pairs forgotten" : ""))
  }

  private func oneDigit(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private func write(_ text: String) { Terminal.error(text) }
}
