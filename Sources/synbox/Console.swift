// What `synbox scan` prints on standard error: progress and the final account.
import Engine
import Kernel
import Scan
import Wire

/// Prints progress on a terminal, and warnings and a few final lines everywhere. Never prints results.
final class Console {
  private let isQuiet: Bool
  private let showsProgress: Bool
  private let isTerminal: Bool
  private var lastProgress: ScanSnapshot?
  /// The cursor stands behind a progress line.
  private var isLineOpen = false
  private var hasWarnedOfEvictions = false

  init(quiet: Bool, verbose: Bool) {
    isQuiet = quiet
    isTerminal = Terminal.errorIsTerminal
    showsProgress = !quiet && (verbose || isTerminal)
  }

  func printLine(_ text: String) {
    guard !isQuiet else { return }
    write((isLineOpen ? "\n" : "") + "synbox: \(text)\n")
    isLineOpen = false
  }

  func warn(foreign sources: [IPv4Address]) {
    guard let first = sources.first else { return }
    printLine(
      "\(sources.count) source addresses (\(first)\(sources.count > 1 ? ", …" : "")) do not belong to this host: "
        + "replies arrive only if the network routes them here")
  }

  func warn(unresolved hops: NextHops) {
    guard !hops.unresolved.isEmpty else { return }
    let some = hops.unresolved.prefix(3).map(\.description).joined(separator: ", ")
    printLine(
      "\(hops.unresolved.count) on-link addresses did not reply to ARP and are not probed "
        + "(\(some)\(hops.unresolved.count > 3 ? ", …" : ""))")
  }

  /// Warns once a scan, at the first eviction.
  private func warn(evictions: UInt64) {
    guard evictions > 0, !hasWarnedOfEvictions else { return }
    hasWarnedOfEvictions = true
    printLine(DedupeMemory.evictionWarning)
  }

  func show(_ progress: ScanSnapshot) {
    warn(evictions: progress.dedupeEvictions)
    guard showsProgress else { return }
    let line = progress.line(since: lastProgress)
    write(isTerminal ? "\r\u{1b}[K\(line)" : "\(line)\n")
    isLineOpen = isTerminal
    lastProgress = progress
  }

  func finish(_ summary: Summary) {
    warn(evictions: summary.dedupeEvictions)
    printLine(
      "\(summary.endedBecause.rawValue): \(summary.resultsWritten) results, "
        + "\(summary.probesCompleted) probes in \(tenths(summary.sendingSeconds)) s "
        + "(\(short(summary.rateAchieved)) pps), \(summary.repliesValid) valid replies, "
        + "\(summary.repliesInvalid) invalid, \(summary.resetsSent) RSTs (\(summary.resetMode)), "
        + "\(summary.eventsLost) events lost, \(summary.duplicates) duplicates"
        + (summary.fates.withheld > 0 ? ", \(summary.fates.withheld) packets withheld" : "")
        + (summary.dedupeEvictions > 0 ? ", \(summary.dedupeEvictions) pairs evicted" : ""))
  }

  private func write(_ text: String) { Terminal.error(text) }
}
