// What the agent needs of summary.json.
import Fleet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

enum JobSummary {
  /// A member, whatever its type.
  private enum Member: Decodable {
    case counter(UInt64)
    case text(String)
    case other

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(UInt64.self) {
        self = .counter(number)
      } else if let text = try? container.decode(String.self) {
        self = .text(text)
      } else {
        self = .other
      }
    }
  }

  /// Reads a summary.
  ///
  /// - Returns: nil if it is none of a shard of the fleet.
  static func read(_ bytes: [UInt8]) -> BoxMachine.Outcome? {
    guard let members = try? JSONDecoder().decode([String: Member].self, from: Data(bytes)),
      case .text(let ending)? = members["ended_because"],
      case .counter(let total)? = members["targets_total"],
      case .counter(let shard)? = members["shard"], case .counter(let shards)? = members["shards"],
      shards > 0
    else { return nil }
    let counters = members.compactMapValues { member -> UInt64? in
      // Numbers that every reader of JSON keeps exactly.
      if case .counter(let number) = member, number <= 1 << 53 { number } else { nil }
    }
    return BoxMachine.Outcome(
      incomplete: ending == "done" ? nil : ending,
      targets: shard < total ? (total - shard - 1) / shards + 1 : 0,
      targetsDenied: counters["targets_denied"] ?? 0, denySequence: counters["deny_sequence"] ?? 0,
      summary: counters)
  }
}
