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
    /// The job's plan, once it is known: only its addresses matter.
    var plan: TargetPlan?
    var changes = 0
    var sha256: String
  }

  private let state: Mutex<State>
  /// Held while a filter is made, which takes a while with a long list.
  private let updating = Mutex(())
  private let generationValue = Atomic<UInt64>(0)
  /// The job's pause, whatever its reason.
  package let pause = Pause()

  /// - Parameter sha256: The hash of the scope that the job was planned under, in hex.
  package init(sha256: String = "") { state = Mutex(State(sha256: sha256)) }

  // MARK: For the senders

  /// Changes whenever more addresses are denied.
  var generation: UInt64 { generationValue.load(ordering: .acquiring) }
  /// The addresses that are denied; nil for none.
  var denied: AddressFilter? { state.withLock(\.denied) }

  // MARK: For the thread that watches the lists

  /// Stops all probes, for the reason given.
  package func close(_ reason: String) { pause.set(.scope, reason) }

  /// Lets probes pass again.
  package func open() { pause.set(.scope, nil) }

  /// Applies a change of the scope.
  /// - Parameter addresses: Those that were allowed before and are denied now.
  package func deny(_ addresses: AddressSet, sha256: String) {
    exclude(addresses)
    state.withLock { state in
      state.changes += 1
      state.sha256 = sha256
    }
  }

  /// Denies addresses for another reason than a change of the scope.
  package func exclude(_ addresses: AddressSet) {
    updating.withLock { _ in
      let (before, plan) = state.withLock { ($0.denied?.addresses ?? AddressSet(), $0.plan) }
      let relevant = plan?.addresses(within: addresses) ?? addresses
      guard !relevant.isEmpty else { return }
      // Built outside the lock of the state, because the senders need it.
      let filter = AddressFilter(before.union(relevant))
      state.withLock { $0.denied = filter }
      generationValue.add(1, ordering: .releasing)
    }
  }

  /// Keeps of what is denied only the addresses of the job's plan, now and later. Call it before the job starts.
  package func narrow(to plan: TargetPlan) {
    updating.withLock { _ in
      let before = state.withLock { state in
        state.plan = plan
        return state.denied?.addresses ?? AddressSet()
      }
      guard !before.isEmpty else { return }
      let filter = AddressFilter(plan.addresses(within: before))
      state.withLock { $0.denied = filter }
      generationValue.add(1, ordering: .releasing)
    }
  }

  /// The addresses of targets that are denied, for whoever prepares the job.
  package var deniedAddresses: AddressSet { state.withLock(\.denied)?.addresses ?? AddressSet() }

  /// The number of changes and the current scope's hash, for the summary.
  package var account: (changes: Int, sha256: String) { state.withLock { ($0.changes, $0.sha256) } }
}
