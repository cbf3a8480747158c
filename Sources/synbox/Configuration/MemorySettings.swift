// Whether memory has to be locked.
import Confinement

/// What to do if memory cannot be locked (mlockall(2)), and so kept out of swap.
enum MemoryLocking: String, CaseIterable {
  /// Do not start.
  case required
  /// Log a warning, and start.
  case wanted

  var need: ConfinementPolicy.Requirement {
    switch self {
    case .required: .required
    case .wanted: .wanted
    }
  }
}
