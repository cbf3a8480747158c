// A rule for a system call.
import Kernel

/// One rule of the table. Several rules with the same name are alternatives.
public struct SystemCallRule: Hashable, Sendable {
  /// How tests cover the rule.
  public enum Use: Hashable, Sendable {
    /// The scenarios of `ServeTests/SystemCallTests` make the call.
    case everyday
    /// They do not make the call; it happens in this situation. `ConfinementTests` shows that it is allowed.
    case rare(String)
  }

  /// The kernel's name of the call.
  public let name: String
  /// What the box needs it for.
  public let reason: String
  /// The conditions, all of which must hold. A filter sees only the arguments' values, not what a pointer points to.
  public let arguments: [SeccompFilter.Argument]
  /// A description of `arguments` in the kernel's names; empty if there are none.
  public let condition: String
  public let action: SeccompFilter.Action
  public let use: Use

  public init(
    _ name: String, _ reason: String, _ condition: String = "",
    _ arguments: [SeccompFilter.Argument] = [], action: SeccompFilter.Action = .allow,
    use: Use = .everyday
  ) {
    self.name = name
    self.reason = reason
    self.arguments = arguments
    self.condition = condition
    self.action = action
    self.use = use
  }

  /// Returns whether the rule applies to a call with these arguments.
  public func matches(_ name: String, _ arguments: [UInt64]) -> Bool {
    self.name == name && self.arguments.allSatisfy { $0.holds(for: arguments) }
  }
}

extension SystemCallTable {
  /// The list as docs/design/confinement.md shows it: a Markdown table.
  package static var document: String { document(of: rules(inProcess: 0)) }

  /// The same of another list.
  package static func document(of rules: [SystemCallRule]) -> String {
    let rows = rules.map { rule in
      let refusal =
        switch rule.action {
        case .refuse(let errno): "**\(errno.symbol)**: "
        case .allow, .killProcess, .log: ""
        }
      let condition = rule.condition.replacing("|", with: "\\|")
      var reason = rule.reason
      if case .rare(let when) = rule.use { reason += " — *rare:* \(when)" }
      return "| `\(rule.name)` | \(condition) | \(refusal)\(reason) |"
    }
    return (["| call | only with | purpose |", "|---|---|---|"] + rows).joined(separator: "\n") + "\n"
  }
}
