// What a change of the scope means to a scan that runs.
import Plan
import Synchronization

/// Stands between the lists and the senders of one job: they ask `generation`, once a turn and never once a
/// probe, and look closer only when it has changed.
///
/// An address that was denied stays denied until the job ends, also if the list allows it again.
final class ScopeGate: Sendable {
  private struct State {
    var denied: AddressFilter?
    var changes = 0
    var sha256: String
  }

  private let state: Mutex<State>
  private let generationValue = Atomic<UInt64>(0)
  /// Of the job, whatever the reason.
  let pause = Pause()

  /// - Parameter sha256: of the scope that the job was planned under.
  init(sha256: String = "") { state = Mutex(State(sha256: sha256)) }

  // MARK: For the senders

  /// Changes when more is denied.
  var generation: UInt64 { generationValue.load(ordering: .acquiring) }
  /// What is not to be probed any more; nil for nothing.
  var denied: AddressFilter? { state.withLock(\.denied) }

  // MARK: For those who watch the lists

  /// No probe may leave.
  func close(_ reason: String) { pause.set(.scope, reason) }

  /// The lists are in order.
  func open() { pause.set(.scope, nil) }

  /// Takes in a change of the scope.
  /// - Parameter addresses: those that it denies and that were allowed before.
  func deny(_ addresses: AddressSet, sha256: String) {
    let before = state.withLock(\.denied)?.addresses ?? AddressSet()
    // Made before the lock is taken, which the senders need.
    let filter = addresses.isEmpty ? nil : AddressFilter(before.union(addresses))
    state.withLock { state in
      if let filter { state.denied = filter }
      state.changes += 1
      state.sha256 = sha256
    }
    if filter != nil { generationValue.add(1, ordering: .releasing) }
  }

  /// For the summary.
  var account: (changes: Int, sha256: String) { state.withLock { ($0.changes, $0.sha256) } }
}
