// The scope's lists while the box runs: whoever changes them need not restart anything.
import Kernel
import Logging
import Plan
import Synchronization

/// What a job needs to begin.
struct ScopePermit {
  let scope: ScopeInForce
  /// Tells the job of every change from this scope on.
  let gate: ScopeGate
}

/// Looks at the lists once a second, on a thread of its own, for reading ten million lines takes a while.
///
/// A list that is wrong, or gone, stops the job in work until it is right again, and no other job begins.
/// What a good one denies holds for the job in work at once; what it allows beyond that, for later jobs. These
/// begin when the lists have been the same at two looks, for one that is being written in place may be cut
/// off at a line's end, and look whole.
final class ScopeWatch: Sendable {
  private struct State {
    var sources: ScopeSources
    /// How often these were replaced.
    var generation = 0
    var inForce: ScopeInForce
    var problem: String?
    var isSettled = true
    /// Of the job in work.
    var gate: ScopeGate?
  }

  private let state: Mutex<State>
  private let log: Logger
  private let isStopped = Atomic<Bool>(false)

  private let seen: [FileStatus?]

  /// - Parameters:
  ///   - inForce: what `sources` came to when they were read.
  ///   - seen: the lists' status before that.
  init(_ sources: ScopeSources, inForce: ScopeInForce, seen: [FileStatus?], log: Logger) {
    self.seen = seen
    self.log = log
    state = Mutex(State(sources: sources, inForce: inForce))
  }

  /// What is wrong with the lists; nil for nothing.
  var problem: String? { state.withLock(\.problem) }
  var inForce: ScopeInForce { state.withLock(\.inForce) }

  enum Answer {
    case permit(ScopePermit)
    /// Why not now.
    case wait(String)
  }

  /// Asks whether a job may begin. The permit of the job before is void from now on.
  func ask() -> Answer {
    state.withLock { state in
      if let problem = state.problem { return .wait(problem) }
      guard state.isSettled else { return .wait("the scope's lists have just been changed") }
      let gate = ScopeGate(sha256: state.inForce.sha256)
      state.gate = gate
      return .permit(ScopePermit(scope: state.inForce, gate: gate))
    }
  }

  /// Begins to look, until `stop`.
  func start() throws(Fault) {
    // Not joined: it may be reading a long list when the process ends.
    _ = try KernelThread(name: "scope", processor: nil) { [self] in
      var looks = Looks(files: seen)
      while !isStopped.load(ordering: .acquiring) {
        look(&looks)
        Clock.sleep(untilMonotonic: Clock.monotonic + 1_000_000_000)
      }
    }
  }

  /// Watches other sources from now on, which came to `found`.
  func replace(_ sources: ScopeSources, with found: ScopeInForce) {
    let generation = state.withLock { state in
      state.sources = sources
      state.generation += 1
      return state.generation
    }
    take(found, generation)
  }

  func stop() { isStopped.store(true, ordering: .releasing) }

  /// What the last look saw.
  private struct Looks {
    var files: [FileStatus?]
    var generation = 0
    /// The reason may go away without a trace in the file's status.
    var couldNotRead = false
  }

  private func look(_ looks: inout Looks) {
    let (sources, generation) = state.withLock { ($0.sources, $0.generation) }
    let files = sources.statuses
    if files == looks.files, generation == looks.generation, !looks.couldNotRead {
      return state.withLock { $0.isSettled = $0.problem == nil }
    }
    looks.files = files
    looks.generation = generation
    do {
      let found = try sources.read(ScopeSources.regularFile)
      looks.couldNotRead = false
      take(found, generation)
    } catch {
      looks.couldNotRead = error is UnreadableList
      refuse("\(error)", generation)
    }
  }

  private func take(_ found: ScopeInForce, _ generation: Int) {
    guard generation == state.withLock(\.generation) else { return }
    let before = inForce
    let isNew = found.sha256 != before.sha256
    let denied = isNew ? found.scope.deniedSince(before.scope) : AddressSet()
    let (gate, wasWrong) = state.withLock { state in
      let wasWrong = state.problem != nil
      state.inForce = found
      state.problem = nil
      if isNew || wasWrong { state.isSettled = false }
      return (state.gate, wasWrong)
    }
    // Whoever got a permit since then got it for the new scope, and with another gate.
    if isNew { gate?.deny(denied, sha256: found.sha256) }
    gate?.open()
    if isNew {
      log.notice(
        "the scope has changed",
        metadata: ["scope": "\(found.sha256)", "newly_denied": "\(denied.count)"])
    } else if wasWrong {
      log.notice("the scope's lists are in order again", metadata: ["scope": "\(found.sha256)"])
    }
  }

  private func refuse(_ reason: String, _ generation: Int) {
    guard generation == state.withLock(\.generation) else { return }
    let (gate, isNews) = state.withLock { state in
      let isNews = state.problem != reason
      state.problem = reason
      state.isSettled = false
      return (state.gate, isNews)
    }
    gate?.close(reason)
    guard isNews else { return }
    log.error("nothing is scanned: the scope cannot be read", metadata: ["why": "\(reason)"])
  }
}
