// What can be said of a scan while it runs.
import Plan

/// A moment of a running scan. Times are nanoseconds since this process began it, and counters are this
/// process's.
struct Progress {
  var elapsed: UInt64
  var probesTotal: UInt64
  /// Where this process began.
  var probesBefore: UInt64
  /// Results of earlier processes.
  var resultsBefore: UInt64
  var probesCompleted: UInt64
  var probesRefused: UInt64
  var results: UInt64
  var repliesValid: UInt64
  var repliesInvalid: UInt64
  var eventsLost: UInt64
  var duplicates: UInt64
  /// Pairs that dedupe had to forget.
  var dedupeEvictions: UInt64
  /// Set once sending has ended.
  var cooldownEnds: UInt64?
  var rate: PacketRate
  /// Why nothing is sent for the moment, a sentence each.
  var pauses: [String] = []

  /// From 0 to 1.
  var fraction: Double {
    probesTotal == 0
      ? 1 : Double(min(probesBefore + probesCompleted, probesTotal)) / Double(probesTotal)
  }

  /// Seconds until the end, by the pace so far; nil before anything was sent.
  var secondsLeft: Double? {
    if let cooldownEnds { return Double(max(cooldownEnds, elapsed) - elapsed) / 1e9 }
    guard probesCompleted > 0 else { return nil }
    let rest = Double(probesTotal - min(probesTotal, probesBefore + probesCompleted))
    return rest * Double(elapsed) / 1e9 / Double(probesCompleted)
  }

  /// One line for a person.
  func line(since last: Progress?) -> String {
    let percent = fraction * 100
    let interval = Double(elapsed - (last?.elapsed ?? 0)) / 1e9
    let sent = probesCompleted - (last?.probesCompleted ?? 0)
    let pps = interval > 0 ? Double(sent) / interval : 0
    let left = secondsLeft.map { "\(Int($0.rounded(.up))) s left" } ?? "starting"
    return "\(Int(elapsed / 1_000_000_000)) s  \(tenths(percent)) %  sent \(probesCompleted) "
      + "(\(short(pps)) pps)  hits \(results)  invalid \(repliesInvalid)  lost \(eventsLost)  "
      + "refused \(probesRefused)  \(cooldownEnds == nil ? "" : "cooldown, ")\(left)"
  }

  /// The status file's first line (`-u`).
  static let statusHeader =
    "elapsed_seconds,seconds_left,percent_complete,probes_total,probes_completed,probes_refused,"
    + "send_rate_pps,results,replies_valid,replies_invalid,events_lost,duplicates,dedupe_evictions,phase\n"

  /// A row of the status file.
  func statusRow(since last: Progress?) -> String {
    let percent = fraction * 100
    let interval = Double(elapsed - (last?.elapsed ?? 0)) / 1e9
    let sent = Double(probesCompleted - (last?.probesCompleted ?? 0))
    return "\(elapsed / 1_000_000_000),\(secondsLeft.map { tenths($0) } ?? ""),\(tenths(percent)),"
      + "\(probesTotal),\(probesCompleted),\(probesRefused),"
      + "\(interval > 0 ? Int(sent / interval) : 0),\(results),\(repliesValid),\(repliesInvalid),"
      + "\(eventsLost),\(duplicates),\(dedupeEvictions),\(cooldownEnds == nil ? "sending" : "cooldown")\n"
  }
}

/// One digit behind the point.
private func tenths(_ value: Double) -> String {
  let scaled = Int((value * 10).rounded())
  return "\(scaled / 10).\(scaled % 10)"
}

/// 950, 12.3k, 1.2M.
func short(_ value: Double) -> String {
  if value >= 1e6 { return tenths(value / 1e6) + "M" }
  if value >= 1e3 { return tenths(value / 1e3) + "k" }
  return String(Int(value.rounded()))
}
