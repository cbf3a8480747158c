// Watches the scope lists while the box runs, so that changing them needs no restart.
import Box
import Engine
import Kernel
import Plan
import Synchronization

/// Permission to start a job under the scope in force.
struct ScopePermit {
  let scope: ScopeInForce
  /// Passes later changes of the scope on to the job.
  let gate: ScopeGate
}

/// Checks the scope lists once a second. It has its own thread because parsing ten million lines takes a while.
///
/// An invalid or missing list stops the running jobs at once; newly denied addresses are denied to them at once. What
/// follows from it otherwise is the box's to decide.
final class ScopeWatch: Sendable {
  private struct WeakGate {
    weak var gate: ScopeGate?
  }

  private struct State {
    var sources: ScopeSources
    /// Counts how often the sources were replaced.
    var generation = 0
    var inForce: ScopeInForce
    var problem: String?
    /// Those of the jobs that run.
    var gates: [WeakGate] = []
    /// What the box has not been told yet.
    var reports: [ScopeReport] = []
  }

  private let state: Mutex<State>
  private let isStopped = Atomic<Bool>(false)

  private let initialStatuses: [FileStatus?]

  /// - Parameters:
  ///   - inForce: the scope that was read from `sources`.
  ///   - statuses: the status of each list before it was read.
  init(_ sources: ScopeSources, inForce: ScopeInForce, statuses: [FileStatus?]) {
    initialStatuses = statuses
    state = Mutex(State(sources: sources, inForce: inForce))
  }

  var inForce: ScopeInForce { state.withLock(\.inForce) }

  /// Returns the scope in force for one job, with the gate that brings later changes to it.
  func permit() -> ScopePermit {
    state.withLock { state in
      let gate = ScopeGate(sha256: state.inForce.sha256)
      if let problem = state.problem { gate.close(problem) }
      state.gates.removeAll { $0.gate == nil }
      state.gates.append(WeakGate(gate: gate))
      return ScopePermit(scope: state.inForce, gate: gate)
    }
  }

  /// Returns what the looks at the lists have found since the last call.
  func takeReports() -> [ScopeReport] {
    state.withLock { state in
      defer { state.reports = [] }
      return state.reports
    }
  }

  /// Starts checking the lists, until `stop()`.
  func start() throws(Fault) {
    // Not joined, because it may be reading a long list when the process ends.
    _ = try KernelThread(name: "scope", processor: nil) { [self] in
      var last = Snapshot(statuses: initialStatuses)
      while !isStopped.load(ordering: .acquiring) {
        check(since: &last)
        Clock.sleep(untilMonotonic: Clock.monotonic + 1_000_000_000)
      }
    }
  }

  /// Watches other sources from now on. Returns how many addresses are newly denied.
  ///
  /// - Parameter scope: the scope that was read from them.
  func replace(_ sources: ScopeSources, with scope: ScopeInForce) -> UInt64 {
    let generation = state.withLock { state in
      state.sources = sources
      state.generation += 1
      return state.generation
    }
    return accept(scope, generation) ?? 0
  }

  func stop() { isStopped.store(true, ordering: .releasing) }

  /// What the last check found.
  struct Snapshot {
    var statuses: [FileStatus?]
    var generation = 0
    /// Forces a retry, because a list can become readable without a change of its status.
    var isUnreadable = false
  }

  /// Reads the lists if they have changed since `last`, and puts what they say in force.
  func check(since last: inout Snapshot) {
    let (sources, generation) = state.withLock { ($0.sources, $0.generation) }
    let statuses = sources.statuses
    if statuses == last.statuses, generation == last.generation, !last.isUnreadable {
      return state.withLock { $0.reports.append(.unchanged) }
    }
    last.statuses = statuses
    last.generation = generation
    do {
      let scope = try sources.read(ScopeSources.regularFile)
      last.isUnreadable = false
      guard let denied = accept(scope, generation) else { return }
      state.withLock { $0.reports.append(.valid(sha256: scope.sha256, newlyDenied: denied)) }
    } catch {
      last.isUnreadable = error is UnreadableList
      reject("\(error)", generation)
    }
  }

  /// Puts a scope in force. Returns how many addresses are newly denied; nil if its sources were replaced meanwhile.
  private func accept(_ scope: ScopeInForce, _ generation: Int) -> UInt64? {
    guard generation == state.withLock(\.generation) else { return nil }
    let previous = inForce
    let isNew = scope.sha256 != previous.sha256
    let denied = isNew ? scope.scope.deniedSince(previous.scope) : AddressSet()
    let gates = state.withLock { state in
      state.inForce = scope
      state.problem = nil
      return state.gates.compactMap(\.gate)
    }
    for gate in gates {
      // A permit that was granted since then is for the new scope.
      if isNew, gate.account.sha256 != scope.sha256 { gate.deny(denied, sha256: scope.sha256) }
      gate.open()
    }
    return denied.count
  }

  private func reject(_ reason: String, _ generation: Int) {
    guard generation == state.withLock(\.generation) else { return }
    let gates = state.withLock { state in
      state.problem = reason
      state.reports.append(.invalid(reason))
      return state.gates.compactMap(\.gate)
    }
    for gate in gates { gate.close(reason) }
  }
}
