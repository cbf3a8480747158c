// Brings a change of the scope to a running scan.
import Plan
import Synchronization

/// Stands between the scope lists and the senders of one job. Senders compare `generation` once a step, not once
/// a probe, and fetch the filter only when it has changed.
///
/// A denied address stays denied until the job ends, even if the lists allow it again.
package final class ScopeGate: Sendable {
  private struct State {
    var denied: AddressFilter?
    var changes = 0
    var sha256: String
  }

  private let state: Mutex<State>
  private let generationValue = Atomic<UInt64>(0)
  /// The job's pause, whatever its reason.
  package let pause = Pause()

  /// - Parameter sha256: The hash of the scope that the job was planned under, in hex.
  package init(sha256: String = "") { state = Mutex(State(sha256: sha256)) }

  // MARK: For the senders

  /// Changes whenever more addresses are denied.
  var generation: UInt64 { generationValue.load(ordering: .acquiring) }
  /// The addresses denied since the job began; nil for none.
  var denied: AddressFilter? { state.withLock(\.denied) }

  // MARK: For the thread that watches the lists

  /// Stops all probes, for the reason given.
  package func close(_ reason: String) { pause.set(.scope, reason) }

  /// Lets probes pass again.
  package func open() { pause.set(.scope, nil) }

  /// Applies a change of the scope.
  /// - Parameter addresses: Those that were allowed before and are denied now.
  package func deny(_ addresses: AddressSet, sha256: String) {
    let before = state.withLock(\.denied)?.addresses ?? AddressSet()
    // Built outside the lock, because the senders need it.
    let filter = addresses.isEmpty ? nil : AddressFilter(before.union(addresses))
    state.withLock { state in
      if let filter { state.denied = filter }
      state.changes += 1
      state.sha256 = sha256
    }
    if filter != nil { generationValue.add(1, ordering: .releasing) }
  }

  /// The number of changes and the current scope's hash, for the summary.
  package var account: (changes: Int, sha256: String) { state.withLock { ($0.changes, $0.sha256) } }
}
