// What is in force after the drop, for the log and for the summary.
import Kernel

/// What was found in force, not what was asked for.
public struct ConfinementReport: Hashable, Sendable, CustomStringConvertible {
  public enum SystemCalls: String, Hashable, Sendable {
    case enforced
    case logged = "only logged"
    case unfiltered
  }

  public enum Landlock: Hashable, Sendable {
    case inForce(abi: Int)
    /// The kernel has none, and the policy did not insist.
    case absent
    /// For tests only.
    case notAsked
  }

  public enum Memory: Hashable, Sendable {
    case locked
    /// Why it is not, where the policy did not insist.
    case unlocked(String)
    /// For tests only.
    case notAsked
  }

  public var credentials: Credentials
  public var systemCalls: SystemCalls
  public var landlock: Landlock
  public var memory: Memory
  /// What the bounding set still holds: not empty only when the process never had CAP_SETPCAP, and then
  /// without effect, since no_new_privs holds and execve(2) is not on the list.
  public var remainingBounding: CapabilitySet
  /// The calls that were tried after the drop, each with the refusal it met.
  public var refused: [String]

  /// What does not hold though it was wanted, a sentence each.
  public var shortcomings: [String] {
    var all: [String] = []
    if case .unlocked(let why) = memory { all.append("memory may be written to swap: \(why)") }
    if landlock == .absent {
      all.append("this kernel has no Landlock: files are confined by the user's rights alone")
    }
    return all
  }

  /// One line: `uid 60900 gid 60900, no capabilities, bounding none, no_new_privs, …`.
  public var description: String {
    let landlock =
      switch self.landlock {
      case .inForce(let abi):
        "Landlock ABI \(abi) (\(LandlockRuleset.confines(abi: abi).joined(separator: ", ")))"
      case .absent: "Landlock absent from this kernel"
      case .notAsked: "Landlock not asked for"
      }
    let memory =
      switch self.memory {
      case .locked: "memory locked"
      case .unlocked: "memory not locked"
      case .notAsked: "memory lock not asked for"
      }
    return "\(credentials), no capabilities, bounding \(remainingBounding), no_new_privs, "
      + "system calls \(systemCalls.rawValue), \(landlock), \(memory), no core file; refused: "
      + refused.joined(separator: ", ")
  }
}
