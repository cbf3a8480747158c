// The state of a fleet for Prometheus (text exposition format 0.0.4).
import Support

/// Metrics of the collector.
public struct FleetMetrics: Sendable {
  private let snapshot: CollectorSnapshot

  public init(_ snapshot: CollectorSnapshot) { self.snapshot = snapshot }

  public var text: String {
    var lines: [String] = []
    func add(
      _ name: String, _ kind: String, _ help: String, _ samples: [(labels: String, value: UInt64)]
    ) {
      lines += ["# HELP synbox_fleet_\(name) \(help)", "# TYPE synbox_fleet_\(name) \(kind)"]
      lines += samples.map { "synbox_fleet_\(name)\($0.labels) \($0.value)" }
    }
    add(
      "budget_pps", "gauge", "Probes per second that all boxes together may send.",
      [("", snapshot.budget)])
    add(
      "granted_pps", "gauge", "Sum of the rates in licences that have not run out.",
      [("", snapshot.granted)])
    add("deny_sequence", "gauge", "Number of the deny list in force.", [("", snapshot.denySequence)])
    add("problems", "gauge", "Problems of the fleet itself.", [("", UInt64(snapshot.problems.count))])
    boxes(add)
    scans(add)
    return lines.map { $0 + "\n" }.joined()
  }

  private typealias Add = (String, String, String, [(labels: String, value: UInt64)]) -> Void

  private func boxes(_ add: Add) {
    // A copy of a disk is a second instance with the same name.
    let boxes = snapshot.boxes.map { ("{box=\"\($0.name)\",instance=\"\($0.instance ?? "")\"}", $0) }
    add("box_rate_pps", "gauge", "Probes per second, as the box measures.", boxes.map { ($0, $1.rate) })
    add("box_granted_pps", "gauge", "Rate in its last licence.", boxes.map { ($0, $1.granted) })
    add(
      "box_probes_sent_total", "counter", "Probes since its scanner started.",
      boxes.map { ($0, $1.sent) })
    add("box_shards", "gauge", "Shards that it holds.", boxes.map { ($0, UInt64($1.shards)) })
    add(
      "box_undelivered", "gauge", "Results without a receipt.",
      boxes.map { ($0, UInt64($1.undelivered)) })
    add(
      "box_heard_seconds", "gauge", "Seconds since it was last heard.",
      boxes.compactMap { labels, box in box.heardAgo.map { (labels, $0 / 1_000_000_000) } })
    add(
      "box_delivered_seconds", "gauge", "Seconds since its last delivery.",
      boxes.compactMap { labels, box in box.deliveredAgo.map { (labels, $0 / 1_000_000_000) } })
    add(
      "box_problems", "gauge", "Problems that it reports.",
      boxes.map { ($0, UInt64($1.problems.count)) })
  }

  private func scans(_ add: Add) {
    let scans = snapshot.scans.map { ("{scan=\"\($0.id.short)\"}", $0) }
    add("scan_shards", "gauge", "Shards in all.", scans.map { ($0, UInt64($1.shards)) })
    add(
      "scan_shards_accepted", "gauge", "Shards whose results count.",
      scans.map { ($0, UInt64($1.accepted)) })
    add(
      "scan_shards_failed", "gauge", "Shards that nobody gets any more.",
      scans.map { ($0, UInt64($1.failed)) })
    add("scan_rows", "gauge", "Results of accepted shards.", scans.map { ($0, $1.rows) })
    add("scan_targets", "gauge", "Targets in all.", scans.map { ($0, $1.targetCount) })
    add("scan_targets_settled", "gauge", "Targets of accepted shards.", scans.map { ($0, $1.targets) })
    add("scan_targets_denied", "gauge", "Of them, those denied.", scans.map { ($0, $1.targetsDenied) })
  }
}
