// The confinement in force after the drop, for the log and the summary.
import Kernel

/// The confinement as it was found in force, which may differ from the policy.
public struct ConfinementReport: Hashable, Sendable, CustomStringConvertible {
  public enum SystemCalls: String, Hashable, Sendable {
    case enforced
    case logged = "only logged"
    case unfiltered
  }

  public enum Landlock: Hashable, Sendable {
    case inForce(abi: Int)
    /// The kernel does not have it, and the policy does not require it.
    case absent
    /// For tests only.
    case notRequested
  }

  public enum Memory: Hashable, Sendable {
    case locked
    /// Not locked, for this reason, and the policy does not require it.
    case unlocked(String)
    /// For tests only.
    case notRequested
  }

  public var credentials: Credentials
  public var systemCalls: SystemCalls
  public var landlock: Landlock
  public var memory: Memory
  /// The bounding set. Empty unless the process never had CAP_SETPCAP; then it has no effect, because of no_new_privs
  /// and because execve(2) is not on the list.
  public var remainingBounding: CapabilitySet
  /// The calls that were refused in the proof, each with its error.
  public var refused: [String]

  /// What the policy wants but the kernel does not provide, as messages.
  public var shortcomings: [String] {
    var all: [String] = []
    if case .unlocked(let reason) = memory { all.append("memory may be written to swap: \(reason)") }
    if landlock == .absent {
      all.append("this kernel does not have Landlock: only file permissions restrict access to files")
    }
    return all
  }

  /// A line such as `uid 60900 gid 60900, no capabilities, bounding none, no_new_privs, …`.
  public var description: String {
    let landlock =
      switch self.landlock {
      case .inForce(let abi):
        "Landlock ABI \(abi) (\(LandlockRuleset.restrictions(abi: abi).joined(separator: ", ")))"
      case .absent: "no Landlock in this kernel"
      case .notRequested: "Landlock not requested"
      }
    let memory =
      switch self.memory {
      case .locked: "memory locked"
      case .unlocked: "memory not locked"
      case .notRequested: "memory lock not requested"
      }
    return "\(credentials), no capabilities, bounding \(remainingBounding), no_new_privs, "
      + "system calls \(systemCalls.rawValue), \(landlock), \(memory), no core dumps; refused: "
      + refused.joined(separator: ", ")
  }
}
