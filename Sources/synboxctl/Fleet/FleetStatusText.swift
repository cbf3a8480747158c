// The state of a fleet in words: problems first.
import Fleet
import Support

/// Text for people, made from the answer to `status`.
struct FleetStatusText {
  private let status: [String: JSONValue]

  init(_ status: [String: JSONValue]) { self.status = status }

  var text: String {
    var lines: [String] = []
    for problem in problems { lines.append("! \(problem)") }
    if !lines.isEmpty { lines.append("") }
    lines.append(
      "budget \(number(status["budget_pps"])) pps, granted \(number(status["granted_pps"])) pps, "
        + "deny list \(number(status["deny_seq"]))")
    lines += ["", Self.row("BOX", "STATE", "RATE", "SHARDS", "HEARD", "DELIVERED")]
    lines += objects(status["boxes"]).map(box)
    lines += ["", "SCANS"]
    lines += objects(status["scans"]).flatMap(scan)
    return lines.map { Escaping.visible($0) + "\n" }.joined()
  }

  /// Those of the fleet, of its scans and of its boxes.
  private var problems: [String] {
    texts(status["problems"])
      + objects(status["scans"]).flatMap { scan in
        texts(scan["problems"]).map { "scan \(text(scan["name"])): \($0)" }
      }
      + objects(status["boxes"]).flatMap { box in
        texts(box["problems"]).map { "box \(text(box["box"])): \($0)" }
      }
  }

  private func box(_ box: [String: JSONValue]) -> String {
    Self.row(
      text(box["box"]), text(box["state"]), "\(number(box["rate_pps"])) pps",
      "\(number(box["shards"]))",
      ago(box["heard_seconds_ago"]), ago(box["delivered_seconds_ago"]))
  }

  private func scan(_ scan: [String: JSONValue]) -> [String] {
    let (accepted, shards) = (number(scan["accepted"]), max(1, number(scan["shards"])))
    let width = 30
    let filled = Int(accepted * Int64(width) / shards)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    return [
      "\(text(scan["name"]))  \(text(scan["state"]))  \(text(scan["scan"]).prefix(16))",
      "  \(bar) \(accepted) of \(shards) shards, \(number(scan["assigned"])) assigned, "
        + "\(text(scan["rows"])) rows, \(text(scan["targets_denied"])) targets denied",
    ]
  }

  private static func row(_ cells: String...) -> String {
    zip(cells, [20, 11, 14, 8, 10, 10]).map { cell, width in
      cell + String(repeating: " ", count: max(1, width - cell.count))
    }.joined()
  }

  private func ago(_ value: JSONValue?) -> String {
    if case .number(let seconds)? = value { "\(seconds) s ago" } else { "never" }
  }

  private func number(_ value: JSONValue?) -> Int64 {
    if case .number(let number)? = value { number } else { 0 }
  }

  private func text(_ value: JSONValue?) -> String {
    if case .text(let text)? = value { text } else { "" }
  }

  private func texts(_ value: JSONValue?) -> [String] {
    if case .list(let items)? = value { items.map(text) } else { [] }
  }

  private func objects(_ value: JSONValue?) -> [[String: JSONValue]] {
    guard case .list(let items)? = value else { return [] }
    return items.compactMap { if case .object(let members) = $0 { members } else { nil } }
  }
}
