// What planning may cost, and how it is watched and stopped.

/// The budget of reading and planning target files, and whoever watches them.
public struct PlanBudget: Sendable {
  /// What the watcher wants.
  public enum Verdict: Hashable, Sendable {
    case goAhead
    /// The plan is not wanted any more.
    case stop
    /// It has taken too long.
    case outOfTime
  }

  /// The most memory that entries, port sets and the plan may take together, in bytes.
  public var memory: Int
  /// Asked every few thousand steps, with the number of steps since the last time.
  public var verdict: @Sendable (Int) -> Verdict

  public init(memory: Int, verdict: @escaping @Sendable (Int) -> Verdict = { _ in .goAhead }) {
    self.memory = memory
    self.verdict = verdict
  }

  public static let unlimited = PlanBudget(memory: .max)
}

/// Why there is no plan.
public enum PlanningError: Error, Hashable, Sendable {
  case invalid(InputError)
  /// The watcher stopped it.
  case stopped
}

/// Counts the steps of planning one set of files, and compares them with the budget.
struct PlanMeter {
  let budget: PlanBudget
  /// Named in errors.
  let file: String
  private var unreported = 0
  private var steps = 0
  /// The most steps that planning may take: it grows linearly, because a step is one visit of a node in a tree whose
  /// depth is fixed. Only an error in the algorithm exceeds it.
  var stepLimit = Int.max

  init(_ budget: PlanBudget, file: String) {
    self.budget = budget
    self.file = file
  }

  /// Whether enough was done for another look at the budget.
  @inline(__always) mutating func isDue(_ count: Int) -> Bool {
    unreported += count
    return unreported >= 1 << 14
  }

  /// Compares what was done with the budget.
  ///
  /// - Parameter memory: bytes in use.
  mutating func check(memory: Int) throws(PlanningError) {
    steps += unreported
    let verdict = budget.verdict(unreported)
    unreported = 0
    switch verdict {
    case .stop: throw .stopped
    case .outOfTime:
      throw .invalid(
        error("a file whose plan takes too long", expected: "one that is planned in the time allowed"))
    case .goAhead: break
    }
    guard memory <= budget.memory else {
      throw .invalid(
        error(
          "a plan of more than \(budget.memory >> 20) MiB", expected: "one that fits into this memory"))
    }
    guard steps <= stepLimit else {
      throw .invalid(error("a plan of more than \(stepLimit) steps", expected: "fewer"))
    }
  }

  private func error(_ found: String, expected: String) -> InputError {
    InputError(
      file: file, location: .file, found: found, expected: expected,
      remedy: "Split the file, or give overlapping entries the same ports")
  }
}
