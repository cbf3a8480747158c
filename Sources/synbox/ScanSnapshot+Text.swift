// A scan's progress as text: for a terminal, and for the status updates file.
import Engine

extension ScanSnapshot {
  /// One line for a terminal.
  func line(since last: ScanSnapshot?) -> String {
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
  func statusRow(since last: ScanSnapshot?) -> String {
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
