// Why a scan ended.
import Kernel
import Scan

/// The reason why a scan ended.
package enum Ending: Equatable, Sendable {
  case done
  case maxResults
  case maxRuntime
  case signal(Signal)
  /// Its operator cancelled the job.
  case cancelled
  /// A job of higher priority waits. The job is suspended.
  case preempted
  /// A fault keeps the box from working. The job is suspended until it clears.
  case paused

  /// Whether the job resumes later from its last checkpoint.
  package var isResumable: Bool {
    switch self {
    case .signal, .preempted, .paused: true
    case .done, .maxResults, .maxRuntime, .cancelled: false
    }
  }

  /// The reason as the summary names it.
  package var reason: Summary.EndReason {
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
