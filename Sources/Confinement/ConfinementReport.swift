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
    /// The policy names no path.
    case notAsked
  }

  public var credentials: Credentials
  public var systemCalls: SystemCalls
  public var landlock: Landlock
  /// What the bounding set still holds: not empty only when the process never had CAP_SETPCAP, and then
  /// without effect, since no_new_privs holds and execve(2) is not on the list.
  public var remainingBounding: CapabilitySet
  /// The calls that were tried after the drop, each with the refusal it met.
  public var refused: [String]

  /// One line: `uid 65534 gid 65534, no capabilities, bounding none, no_new_privs, …`.
  public var description: String {
    let landlock =
      switch self.landlock {
      case .inForce(let abi): "Landlock ABI \(abi)"
      case .absent: "Landlock absent from this kernel"
      case .notAsked: "Landlock not asked for"
      }
    return "\(credentials), no capabilities, bounding \(remainingBounding), no_new_privs, "
      + "system calls \(systemCalls.rawValue), \(landlock); refused: "
      + refused.joined(separator: ", ")
  }
}
