// summary.json of a merged scan: sums over its shards, and what each box contributed.
import Fleet
import Kernel
import Scan

/// The account of one scan of the fleet.
struct FleetSummary {
  /// What one box contributed.
  private struct Share {
    var shards: UInt64 = 0
    var targets: UInt64 = 0
    var targetsDenied: UInt64 = 0
    var rows: UInt64 = 0
    var counters: [String: UInt64] = [:]

    mutating func add(_ entry: LedgerEntry, _ manifest: Manifest) {
      shards += 1
      targets += entry.targets
      targetsDenied += entry.targetsDenied
      rows += entry.rows
      for (name, value) in manifest.summary where FleetSummary.isSum(name) {
        counters[name, default: 0] += value
      }
    }

    mutating func add(_ other: Share) {
      shards += other.shards
      targets += other.targets
      targetsDenied += other.targetsDenied
      rows += other.rows
      counters.merge(other.counters) { $0 + $1 }
    }

    var json: [String: JSONValue] {
      counters.mapValues { .number($0) }.merging([
        "shards_accepted": .number(shards), "targets": .number(targets),
        "targets_denied": .number(targetsDenied), "rows": .number(rows),
      ]) { $1 }
    }
  }

  private let scan: ScanDescription
  private var boxes: [BoxName: Share] = [:]
  private var unexplained: UInt64 = 0
  private let time: UInt64

  /// Counters of summary.json that add up over shards.
  private static let prefixes = ["probes_", "replies_", "results_", "rst_", "packets_", "events_"]
  private static let names: Set<String> = [
    "duplicates", "dedupe_evictions", "targets_unresolved", "resumed",
  ]

  fileprivate static func isSum(_ name: String) -> Bool {
    names.contains(name) || prefixes.contains { name.hasPrefix($0) }
  }

  /// - Parameter time: CLOCK_REALTIME in nanoseconds.
  init(_ scan: ScanDescription, _ entries: [LedgerEntry], manifests: [Manifest], at time: UInt64) {
    self.scan = scan
    self.time = time
    for (entry, manifest) in zip(entries, manifests) {
      boxes[entry.box, default: Share()].add(entry, manifest)
      unexplained += entry.targetsUnexplained
    }
  }

  var json: [UInt8] {
    var total = Share()
    for share in boxes.values { total.add(share) }
    var text: [UInt8] = []
    text.append(timestamp: time)
    let own: [String: JSONValue] = [
      "format": .number(1), "scan": .digest(scan.id), "name": .text(scan.name),
      "merged": .text(String(decoding: text, as: UTF8.self)), "seed": .digits(scan.seed),
      "shards": .number(scan.shards), "targets_total": .number(scan.targetCount),
      "rate_requested_pps": .number(scan.rate),
      "targets_denied_by_boxes": .number(unexplained),
      "boxes": .object(
        Dictionary(
          uniqueKeysWithValues: boxes.map { ($0.key.description, JSONValue.object($0.value.json)) })),
    ]
    return JSONValue.object(total.json.merging(own) { $1 }).canonical
  }
}
