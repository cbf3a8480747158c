// What a line of the list of allowed system calls says.
import Kernel

/// One line of the list. Several lines of one name are alternatives.
public struct SystemCallRule: Hashable, Sendable {
  /// How it is known that the line is needed.
  public enum Use: Hashable, Sendable {
    /// The scenarios of `ServeTests/SystemCallTests` make the call.
    case everyday
    /// They do not. Where it is made then; `ConfinementTests` shows that it is let through.
    case rare(String)
  }

  /// The kernel's name of the call.
  public let name: String
  /// What the box needs it for.
  public let reason: String
  /// All of these must hold; a filter sees numbers only, never what a pointer points to.
  public let arguments: [SeccompFilter.Argument]
  /// What `arguments` mean, in the kernel's names; empty where there are none.
  public let condition: String
  public let action: SeccompFilter.Action
  public let use: Use

  init(
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

  /// Whether the line speaks of a call with these arguments.
  public func matches(_ name: String, _ arguments: [UInt64]) -> Bool {
    self.name == name && self.arguments.allSatisfy { $0.holds(for: arguments) }
  }
}

extension SystemCallTable {
  /// The list as docs/design/confinement.md shows it: a Markdown table.
  package static var document: String {
    let rows = rules(inProcess: 0).map { rule in
      let answer =
        switch rule.action {
        case .refuse(let errno): "**\(errno.symbol)**: "
        case .allow, .killProcess, .log: ""
        }
      let condition = rule.condition.replacing("|", with: "\\|")
      var reason = rule.reason
      if case .rare(let when) = rule.use { reason += " — *rare:* \(when)" }
      return "| `\(rule.name)` | \(condition) | \(answer)\(reason) |"
    }
    return (["| call | only with | what for |", "|---|---|---|"] + rows).joined(separator: "\n") + "\n"
  }
}
