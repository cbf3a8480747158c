// How a scan ends.
import Kernel
import Scan

/// Why a scan came to its end.
enum Ending: Equatable {
  case done
  case maxResults
  case maxRuntime
  case signal(Signal)
  /// An operator no longer wants it.
  case cancelled
  /// It gives way to a more urgent one, and goes on later.
  case preempted
  /// The box cannot go on with it now; it does later.
  case paused

  /// A job that ended so is to be gone on with from its last checkpoint.
  var isResumable: Bool {
    switch self {
    case .signal, .preempted, .paused: true
    case .done, .maxResults, .maxRuntime, .cancelled: false
    }
  }

  /// The reason as the summary names it.
  var reason: Summary.EndReason {
    switch self {
    case .done: .done
    case .maxResults: .maxResults
    case .maxRuntime: .maxRuntime
    case .signal(.interrupt): .interrupted
    case .signal: .terminated
    case .cancelled: .cancelled
    case .preempted: .preempted
    case .paused: .paused
    }
  }
}
