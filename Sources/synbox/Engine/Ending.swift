// How a scan ends.
import Kernel

/// Why a scan came to its end.
enum Ending: Equatable {
  case done
  case maxResults
  case maxRuntime
  case signal(Signal)

  /// The word in the summary.
  var word: String {
    switch self {
    case .done: "done"
    case .maxResults: "max-results"
    case .maxRuntime: "max-runtime"
    case .signal(.interrupt): "interrupted"
    case .signal: "terminated"
    }
  }
}
