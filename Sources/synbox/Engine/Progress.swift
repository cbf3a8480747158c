// The progress of a running scan.
import Plan

/// A snapshot of a running scan. Times are nanoseconds since this process began the scan; counters are this
/// process's.
struct Progress {
  var elapsed: UInt64
  var probesTotal: UInt64
  /// The position at which this process began.
  var probesBefore: UInt64
  /// Results written by earlier processes.
  var resultsBefore: UInt64
  var probesCompleted: UInt64
  var probesRefused: UInt64
  var results: UInt64
  var repliesValid: UInt64
  var repliesInvalid: UInt64
  var eventsLost: UInt64
  var duplicates: UInt64
  /// Pairs that the dedupe table evicted.
  var dedupeEvictions: UInt64
  /// nil while probes are being sent.
  var cooldownEnds: UInt64?
  var rate: PacketRate
  /// Why nothing is sent at the moment, one sentence for each reason.
  var pauses: [String] = []

  /// From 0 to 1.
  var fraction: Double {
    probesTotal == 0
      ? 1 : Double(min(probesBefore + probesCompleted, probesTotal)) / Double(probesTotal)
  }

  /// An estimate from the average rate so far; nil before the first probe is completed.
  var secondsRemaining: Double? {
    if let cooldownEnds { return Double(max(cooldownEnds, elapsed) - elapsed) / 1e9 }
    guard probesCompleted > 0 else { return nil }
    let remaining = Double(probesTotal - min(probesTotal, probesBefore + probesCompleted))
    return remaining * Double(elapsed) / 1e9 / Double(probesCompleted)
  }

  /// One line for a terminal.
  func line(since last: Progress?) -> String {
    let percent = fraction * 100
    let interval = Double(elapsed - (last?.elapsed ?? 0)) / 1e9
    let sent = probesCompleted - (last?.probesCompleted ?? 0)
    let pps = interval > 0 ? Double(sent) / interval : 0
    let remaining = secondsRemaining.map { "\(Int($0.rounded(.up))) s left" } ?? "starting"
    return "\(Int(elapsed / 1_000_000_000)) s  \(tenths(percent)) %  sent \(probesCompleted) "
      + "(\(short(pps)) pps)  results \(results)  invalid \(repliesInvalid)  lost \(eventsLost)  "
      + "refused \(probesRefused)  \(cooldownEnds == nil ? "" : "cooldown, ")\(remaining)"
  }

  /// The header of the status updates file (`-u`).
  static let statusHeader =
    "elapsed_seconds,seconds_left,percent_complete,probes_total,probes_completed,probes_refused,"
    + "send_rate_pps,results,replies_valid,replies_invalid,events_lost,duplicates,dedupe_evictions,phase\n"

  /// Returns a row of the status updates file.
  func statusRow(since last: Progress?) -> String {
    let percent = fraction * 100
    let interval = Double(elapsed - (last?.elapsed ?? 0)) / 1e9
    let sent = Double(probesCompleted - (last?.probesCompleted ?? 0))
    return "\(elapsed / 1_000_000_000),\(secondsRemaining.map { tenths($0) } ?? ""),\(tenths(percent)),"
      + "\(probesTotal),\(probesCompleted),\(probesRefused),"
      + "\(interval > 0 ? Int(sent / interval) : 0),\(results),\(repliesValid),\(repliesInvalid),"
      + "\(eventsLost),\(duplicates),\(dedupeEvictions),\(cooldownEnds == nil ? "sending" : "cooldown")\n"
  }
}

/// Returns a number with one decimal: 12.3.
func tenths(_ value: Double) -> String {
  let scaled = Int((value * 10).rounded())
  return "\(scaled / 10).\(scaled % 10)"
}

/// Returns a number with a suffix: 950, 12.3k, 1.2M.
func short(_ value: Double) -> String {
  if value >= 1e6 { return tenths(value / 1e6) + "M" }
  if value >= 1e3 { return tenths(value / 1e3) + "k" }
  return String(Int(value.rounded()))
}
