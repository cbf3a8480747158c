// Watches the scope lists while the box runs, so that changing them needs no restart.
import Kernel
import Logging
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
/// An invalid or missing list pauses the running job, and no other job starts, until the list is valid again.
/// Newly denied addresses are denied to the running job at once; newly allowed ones only to later jobs. These start
/// once the lists have been unchanged for two checks, because a list that is being rewritten in place may look
/// complete when it is cut off at a line end.
final class ScopeWatch: Sendable {
  private struct State {
    var sources: ScopeSources
    /// Counts how often the sources were replaced.
    var generation = 0
    var inForce: ScopeInForce
    var problem: String?
    /// Whether the lists were valid and unchanged at the last check.
    var isStable = true
    /// The running job's gate.
    var gate: ScopeGate?
  }

  private let state: Mutex<State>
  private let log: Logger
  private let isStopped = Atomic<Bool>(false)

  private let initialStatuses: [FileStatus?]

  /// - Parameters:
  ///   - inForce: the scope that was read from `sources`.
  ///   - statuses: the status of each list before it was read.
  init(_ sources: ScopeSources, inForce: ScopeInForce, statuses: [FileStatus?], log: Logger) {
    initialStatuses = statuses
    self.log = log
    state = Mutex(State(sources: sources, inForce: inForce))
  }

  var inForce: ScopeInForce { state.withLock(\.inForce) }

  enum Decision {
    case granted(ScopePermit)
    /// The reason, for the status.
    case denied(String)
  }

  /// Requests a permit to start a job. It replaces the previous job's permit.
  func requestPermit() -> Decision {
    state.withLock { state in
      if let problem = state.problem { return .denied(problem) }
      guard state.isStable else {
        return .denied("the scope lists have just changed; waiting for them to be complete")
      }
      let gate = ScopeGate(sha256: state.inForce.sha256)
      state.gate = gate
      return .granted(ScopePermit(scope: state.inForce, gate: gate))
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

  /// Watches other sources from now on.
  ///
  /// - Parameter scope: the scope that was read from them.
  func replace(_ sources: ScopeSources, with scope: ScopeInForce) {
    let generation = state.withLock { state in
      state.sources = sources
      state.generation += 1
      return state.generation
    }
    accept(scope, generation)
  }

  func stop() { isStopped.store(true, ordering: .releasing) }

  /// What the last check found.
  private struct Snapshot {
    var statuses: [FileStatus?]
    var generation = 0
    /// Forces a retry, because a list can become readable without a change of its status.
    var isUnreadable = false
  }

  private func check(since last: inout Snapshot) {
    let (sources, generation) = state.withLock { ($0.sources, $0.generation) }
    let statuses = sources.statuses
    if statuses == last.statuses, generation == last.generation, !last.isUnreadable {
      return state.withLock { $0.isStable = $0.problem == nil }
    }
    last.statuses = statuses
    last.generation = generation
    do {
      let scope = try sources.read(ScopeSources.regularFile)
      last.isUnreadable = false
      accept(scope, generation)
    } catch {
      last.isUnreadable = error is UnreadableList
      reject("\(error)", generation)
    }
  }

  private func accept(_ scope: ScopeInForce, _ generation: Int) {
    guard generation == state.withLock(\.generation) else { return }
    let previous = inForce
    let isNew = scope.sha256 != previous.sha256
    let denied = isNew ? scope.scope.deniedSince(previous.scope) : AddressSet()
    let (gate, hadProblem) = state.withLock { state in
      let hadProblem = state.problem != nil
      state.inForce = scope
      state.problem = nil
      if isNew || hadProblem { state.isStable = false }
      return (state.gate, hadProblem)
    }
    // A permit granted since then is for the new scope and has another gate.
    if isNew { gate?.deny(denied, sha256: scope.sha256) }
    gate?.open()
    if isNew {
      log.notice(
        "scope changed", metadata: ["scope": "\(scope.sha256)", "newly_denied": "\(denied.count)"])
    } else if hadProblem {
      log.notice("scope lists are valid again", metadata: ["scope": "\(scope.sha256)"])
    }
  }

  private func reject(_ reason: String, _ generation: Int) {
    guard generation == state.withLock(\.generation) else { return }
    let (gate, isNew) = state.withLock { state in
      let isNew = state.problem != reason
      state.problem = reason
      state.isStable = false
      return (state.gate, isNew)
    }
    gate?.close(reason)
    guard isNew else { return }
    log.error("scanning paused: cannot load the scope lists", metadata: ["reason": "\(reason)"])
  }
}
