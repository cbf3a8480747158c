// Reading and planning a job's target file beside the control thread, which goes on listening meanwhile.
import Box
import Kernel
import Logging
import Plan
import Spool
import Synchronization

/// A target file that was read and planned.
struct PlannedTargets: Sendable {
  let plan: TargetPlan
  let directives: Directives
  /// What the box's scope excludes of the plan; nil if only targets in scope have numbers.
  var denied: DeniedTargets?
  /// The length and checksum of the file; the bytes themselves may be too many to keep.
  let identity: String
}

enum PlanningOutcome: Sendable {
  case planned(PlannedTargets)
  /// One line for each mistake in the file.
  case unfit(String)
  case failed(Failure)
  case stopped
}

/// What the control thread and the planning thread tell each other.
final class PlanWatch: Sendable {
  private let steps = Atomic<Int>(0)
  private let isStopped = Atomic<Bool>(false)
  /// CLOCK_MONOTONIC, nanoseconds.
  private let deadline: UInt64

  /// The longest that one file may take: a hundred times as long as one with ten million entries does.
  static let limit: UInt64 = 600_000_000_000

  init(now: UInt64 = Clock.monotonic) { deadline = now + Self.limit }

  /// How much was done so far.
  var progress: Int { steps.load(ordering: .relaxed) }

  func stop() { isStopped.store(true, ordering: .relaxed) }

  func verdict(_ count: Int) -> PlanBudget.Verdict {
    steps.add(count, ordering: .relaxed)
    if isStopped.load(ordering: .relaxed) { return .stop }
    return Clock.monotonic >= deadline ? .outOfTime : .goAhead
  }

  /// - Parameter memory: bytes.
  func budget(memory: Int) -> PlanBudget {
    PlanBudget(memory: memory) { [self] in verdict($0) }
  }

  /// A quarter of the machine's memory, at most 8 GiB: 10 million entries take less than 512 MiB.
  static let standardMemory = Int(min(physicalMemory / 4, 8 << 30))
}

/// Tells planning that takes long from planning that hangs.
struct PlanProgress {
  private var steps = 0
  /// CLOCK_MONOTONIC when the last step was seen, nanoseconds.
  private var time: UInt64

  /// Without a step for so long, it hangs. Nanoseconds.
  private static let patience: UInt64 = 10_000_000_000

  init(at now: UInt64) { time = now }

  /// - Parameter steps: done so far.
  mutating func isStuck(_ steps: Int, at now: UInt64) -> Bool {
    if steps != self.steps { (self.steps, time) = (steps, now) }
    return now >= time + Self.patience
  }
}

/// The preparation of one job, as far as it needs no network.
final class Planning {
  let job: String
  /// The configuration and the scope that it is planned under: a reload does not change them.
  let configuration: Configuration
  let permit: ScopePermit
  /// Whether its outcome is not wanted any more.
  private(set) var isAbandoned = false
  private let watch = PlanWatch()
  private let thread: Background<PlanningOutcome>
  private var progress = PlanProgress(at: Clock.monotonic)

  init(_ job: Job, _ configuration: Configuration, _ permit: ScopePermit) throws(Fault) {
    self.job = job.name
    self.configuration = configuration
    self.permit = permit
    var scope = permit.scope.scope
    scope.ports = configuration.allowPorts
    let (ports, allowed, budget) = (
      configuration.targetPorts, scope, watch.budget(memory: configuration.planMemory)
    )
    thread = try Background("plan") { Self.outcome(job, ports, allowed, budget) }
  }

  func abandon() {
    isAbandoned = true
    watch.stop()
  }

  /// Returns the outcome; nil while it is being made.
  ///
  /// - Parameter milliseconds: how long to wait for it.
  func take(within milliseconds: Int = 0) -> PlanningOutcome? {
    var remaining = milliseconds
    while true {
      if let outcome = thread.take() { return outcome }
      if remaining <= 0 { return nil }
      pause(milliseconds: 1)
      remaining -= 1
    }
  }

  /// Whether it has made no progress for a while.
  func isStuck(at now: UInt64) -> Bool { progress.isStuck(watch.progress, at: now) }

  private static func outcome(
    _ job: Job, _ defaultPorts: PortSet?, _ scope: Scope, _ budget: PlanBudget
  ) -> PlanningOutcome {
    let read: TargetStream
    do throws(TargetStream.Failure) {
      read = try job.readTargets(budget)
    } catch {
      switch error {
      case .stopped: return .stopped
      case .fault(.box(let fault)): return .failed(Failure(fault))
      case .fault(.entry(let own)):
        return .unfit(
          "\(job.file): found \(own.fault)\(owner(of: job)), expected a file the box may read, as "
            + "\(Credentials.current())")
      }
    }
    // Every mistake at once, so that the operator has to correct the file only once.
    guard read.mistakes.isEmpty else {
      return .unfit(read.mistakes.map(\.description).joined(separator: "\n"))
    }
    return plan(
      read.file, identity: "\(read.length) \(read.checksum.value)", defaultPorts, scope, budget)
  }

  /// Plans a file without mistakes.
  static func plan(
    _ file: consuming TargetFile, identity: String, _ defaultPorts: PortSet?, _ scope: Scope,
    _ budget: PlanBudget
  ) -> PlanningOutcome {
    let (directives, name) = (file.directives, file.name)
    let numbersAll = directives.numbering == .targets
    do throws(PlanningError) {
      // The configuration must not change the numbers of all targets, so it gives no ports either.
      let plan = try TargetPlan(
        [consume file], defaultPorts: numbersAll ? nil : defaultPorts,
        scope: numbersAll ? .ofAllTargets : scope, budget: budget)
      var planned = PlannedTargets(
        plan: plan, directives: directives, denied: nil, identity: identity)
      guard numbersAll else { return .planned(planned) }
      if let reason = rejection(plan, directives, scope) { return .unfit("\(name): \(reason)") }
      guard let denied = Self.denied(plan, directives, scope, budget) else { return .stopped }
      planned.denied = denied
      return .planned(planned)
    } catch {
      switch error {
      case .stopped: return .stopped
      case .invalid(let mistake): return .unfit(mistake.description)
      }
    }
  }

  /// Returns why a file may not number all its targets; nil if it may.
  private static func rejection(_ plan: TargetPlan, _ directives: Directives, _ scope: Scope) -> String?
  {
    if directives.seed == nil {
      return
        "found @numbering targets without @seed, expected both, because boxes number targets alike only in one order"
    }
    guard let ports = scope.ports, let port = plan.firstPort(outside: ports) else { return nil }
    return
      "found port \(port) with @numbering targets, expected only ports of allow-ports, \(ports), because the box "
      + "cannot leave out ports of targets that have numbers"
  }

  /// Returns what the scope excludes; nil if planning was stopped.
  private static func denied(
    _ plan: TargetPlan, _ directives: Directives, _ scope: Scope, _ budget: PlanBudget
  ) -> DeniedTargets? {
    // Whoever validates the plan rejects it.
    guard plan.count > 0, let seed = directives.seed else { return DeniedTargets.none }
    let sequence = ProbeSequence(plan: plan, seed: seed, shard: directives.shard ?? .whole)
    return sequence.denied(by: scope) { budget.verdict($0) == .goAhead }
  }

  private static func owner(of job: Job) -> String {
    guard let status = Files.status(of: "\(job.directory)/\(job.file)") else { return "" }
    return " of uid \(status.owner), mode \(String(status.mode, radix: 8))"
  }
}

extension BoxRuntime {
  // MARK: - Planning

  /// Begins to prepare a job. One file is planned at a time, because each may take much memory.
  func prepare(_ name: String) {
    guard planning == nil else {
      nextToPlan = name
      return
    }
    guard let entry = jobs[name] else {
      return tell(.job(name, .unprepared(Failure(.entry, "\(name) is gone"))))
    }
    log.info("job claimed", metadata: ["job": "\(name)", "seed": "\(entry.job.record.seed)"])
    do throws(Fault) {
      // Counts the start before reading the file, because the file itself may crash the box.
      try entry.job.recordStart()
      let permit = scopeWatch.permit()
      licence?.attach(permit.gate)
      entry.gate = permit.gate
      planning = try Planning(entry.job, configuration, permit)
      // Most files are planned at once.
      followPlanning(within: 5)
    } catch {
      tell(.job(name, .unprepared(Failure(error))))
    }
  }

  /// Does what follows once a file is planned.
  func followPlanning(within milliseconds: Int = 0) {
    guard let planning, let outcome = planning.take(within: milliseconds) else { return }
    self.planning = nil
    if !planning.isAbandoned { tell(.job(planning.job, finish(planning, outcome))) }
    if let next = nextToPlan.take() { prepare(next) }
  }

  /// Drops the preparation of a job that is stopped.
  func abandonPlanning(of name: String) {
    if planning?.job == name { planning?.abandon() }
    if nextToPlan == name { nextToPlan = nil }
  }

  /// Ends the thread before the process ends.
  func endPlanning() {
    planning?.abandon()
    _ = planning?.take(within: 1000)
  }

  private func finish(_ planning: Planning, _ outcome: PlanningOutcome) -> JobEvent {
    guard let entry = jobs[planning.job] else {
      return .unprepared(Failure(.entry, "\(planning.job) is gone"))
    }
    switch outcome {
    case .unfit(let reason): return .unfit(reason)
    case .failed(let failure): return .unprepared(failure)
    case .stopped: return .unprepared(Failure(.entry, "its planning was stopped"))
    case .planned(let targets):
      do {
        entry.prepared = try interruptibly { try prepare(entry.job, targets, planning) }
        return .prepared
      } catch let rejection as JobRejection {
        return .unfit(rejection.reason)
      } catch {
        return .unprepared(Failure(error))
      }
    }
  }
}
