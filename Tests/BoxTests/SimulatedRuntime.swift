// A runtime without a kernel: it performs a box's effects in a random order, with random failures, and notices when the
// box asks for something that it must not.
import Box
import BoxAPI
import Plan
import TestSupport

/// The files, scans and threads of a box, for random tests. `mistake` is the first broken rule.
struct SimulatedRuntime {
  enum Operation {
    case spool(SpoolRequest)
    case check(SpoolFile)
    case prepare(String)
    case settle(String, Settlement)
    case disk(DiskRequest)
    case probe, reload, publish
  }

  /// A job in active/.
  struct ActiveJob {
    enum State: Equatable {
      case resting, preparing, prepared, settling
      case scanning(slot: Int, isSending: Bool, isStopping: Bool)
      /// It cannot be moved, and the box leaves it alone.
      case stuck
    }
    var info: JobInfo
    var state = State.resting
    /// Whether its scan ended by itself, so that it must be finished.
    var isComplete = false
    /// Whether it was found to be at fault, so that it must be rejected.
    var isUnfit = false
  }

  static let slots = 8

  var box: Box
  var random: SeededGenerator
  var now: UInt64 = 1_000_000_000
  var operations: [Operation] = []
  var mistake: String?

  // MARK: What is on the disk, which outlives the process
  var spool: [SpoolFile] = []
  var active: [String: ActiveJob] = [:]
  var cancellations: [String] = []
  /// Files that entered, and where those went that have left.
  var entered = 0
  var finished = 0
  var cancelled = 0
  var rejected = 0
  var exits = 0
  var starts = 0
  var reloads = 0
  var serial: UInt64 = 0
  /// Files that are open for writing, until this time.
  var open: [String: UInt64] = [:]

  // MARK: The process
  var gateIsOpen = true
  /// Whether failures and new requests still come.
  var isCalm = false
  var isSpoolBusy = false
  var isReloading = false
  var isDiskBusy = false
  var isChecking = false
  /// Whether SIGHUP came since the last reload began.
  var isReloadOwed = false
  var hasPauses: [String: Bool] = [:]
  var scopeHash = "s0"
  /// Whether the scope lists were valid and unchanged at the last look.
  var isScopeStable = true
  var fetched = 0
  var percent = 10
  var exitDeadline: UInt64?
  /// Whether the storage of active/ may hold more than the box knows.
  var isRecoveryOwed = true

  init(seed: UInt64) {
    random = SeededGenerator(seed)
    box = Self.newBox()
  }

  static func newBox() -> Box {
    var limits = Box.Limits()
    limits.slots = slots
    return Box(data: "/data", diskHighWater: 90, scopeSHA256: "s0", limits: limits)
  }

  mutating func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }
  mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
  mutating func expect(_ isTrue: Bool, _ rule: @autoclosure () -> String) {
    if !isTrue, mistake == nil { mistake = rule() }
  }

  // MARK: - One step

  /// Lets one event happen.
  mutating func step() {
    let roll = below(100)
    if roll < 45, !operations.isEmpty {
      complete(operations.remove(at: below(operations.count)))
    } else if roll < 70, let job = randomScan() {
      advance(job)
    } else if roll < 90 || isCalm {
      now += 50_000_000 + random.next() % 100_000_000
      send(.tick)
      if isCalm { lookAtScope() }
    } else {
      happen()
    }
  }

  mutating func send(_ event: Event) {
    let effects = box.handle(event, at: now)
    for effect in effects { perform(effect) }
    if !effects.contains(where: { if case .exit = $0 { true } else { false } }) { checkInvariants() }
  }

  mutating func randomScan() -> String? {
    let jobs = active.filter { if case .scanning = $0.value.state { true } else { false } }.keys
      .sorted()
    return jobs.isEmpty ? nil : jobs[below(jobs.count)]
  }

  // MARK: - Effects

  mutating func perform(_ effect: Effect) {
    switch effect {
    case .spool(let request):
      expect(!isSpoolBusy, "two requests to the spool")
      isSpoolBusy = true
      operations.append(.spool(request))
    case .check(let file):
      expect(!isChecking, "two checks")
      isChecking = true
      operations.append(.check(file))
    case .prepare(let name):
      expect(active[name]?.state == .resting, "prepares \(name), which does not rest")
      expect(!active.values.contains { Self.isInFront($0) }, "two jobs in front")
      expect(isScopeStable && gateIsOpen, "prepares \(name) during a pause")
      active[name]?.state = .preparing
      operations.append(.prepare(name))
    case .start(let name, let slot): start(name, slot)
    case .stop(let name, let reason): stop(name, reason)
    case .settle(let name, let step): settle(name, step)
    case .disk(let request):
      expect(!isDiskBusy, "two requests to the disk")
      isDiskBusy = true
      operations.append(.disk(request))
    case .probeStorage: operations.append(.probe)
    case .gate(let gate): gateIsOpen = gate == .open
    case .reload:
      expect(!isReloading, "two reloads at the same time")
      isReloading = true
      isReloadOwed = false
      reloads += 1
      operations.append(.reload)
    case .publish: operations.append(.publish)
    case .log: break
    case .exit: exit()
    }
  }

  static func isInFront(_ job: ActiveJob) -> Bool {
    switch job.state {
    case .preparing, .scanning(_, true, _): true
    default: false
    }
  }

  mutating func start(_ name: String, _ slot: Int) {
    expect(active[name]?.state == .prepared, "starts \(name), which is not prepared")
    expect(gateIsOpen, "starts \(name) while the gate is closed")
    expect((0..<Self.slots).contains(slot), "slot \(slot)")
    for job in active.values {
      if case .scanning(slot, _, _) = job.state { expect(false, "slot \(slot) twice") }
    }
    active[name]?.state = .scanning(slot: slot, isSending: true, isStopping: false)
    starts += 1
  }

  mutating func stop(_ name: String, _ reason: StopReason) {
    guard case .scanning(let slot, let isSending, false) = active[name]?.state else {
      return expect(false, "stops \(name), which does not run")
    }
    if reason == .preempted {
      let priority = active[name]?.info.priority ?? Priority(0)
      let scans = active.values.count { if case .scanning = $0.state { true } else { false } }
      expect(
        isSending || scans == Self.slots, "preempts \(name), which cools down, while slots are free")
      expect(
        active.values.contains { $0.state == .resting && $0.info.priority > priority },
        "preempts \(name) for nothing")
    }
    if reason == .cancelled { expect(cancellations.contains(name), "cancels \(name) unasked") }
    active[name]?.state = .scanning(slot: slot, isSending: isSending, isStopping: true)
  }

  mutating func settle(_ name: String, _ step: Settlement) {
    guard let job = active[name] else { return expect(false, "settles \(name), which is gone") }
    switch job.state {
    case .scanning, .settling, .stuck: expect(false, "settles \(name), which is \(job.state)")
    case .resting, .preparing, .prepared: break
    }
    switch step {
    case .finish: expect(job.isComplete, "finishes \(name), which is not complete")
    case .reject: expect(job.isUnfit, "rejects \(name), which is fit")
    case .cancel: expect(!job.isComplete && !job.isUnfit, "cancels \(name), which has ended")
    case .suspend: expect(!job.isComplete, "suspends \(name), which is complete")
    }
    // An abandoned preparation has no answer.
    operations.removeAll { if case .prepare(name) = $0 { true } else { false } }
    active[name]?.state = .settling
    operations.append(.settle(name, step))
  }

  mutating func exit() {
    let isLate = exitDeadline.map { now >= $0 } ?? false
    expect(exitDeadline != nil, "exits without a reason")
    for (name, job) in active where !isLate {
      switch job.state {
      case .scanning, .settling: expect(false, "exits before \(name) is saved")
      default: break
      }
    }
    expect(isLate || !isSpoolBusy, "exits during a request to the spool")
    restart()
  }

  /// A new process on the same files.
  mutating func restart() {
    exits += 1
    exitDeadline = nil
    operations = []
    (isSpoolBusy, isReloading, isDiskBusy, isChecking, isReloadOwed) = (
      false, false, false, false, false
    )
    gateIsOpen = true
    hasPauses = [:]
    (scopeHash, isScopeStable) = ("s0", true)
    isRecoveryOwed = true
    for name in active.keys {
      let wasComplete = active[name]?.isComplete ?? false
      active[name]?.state = .resting
      // What was not moved yet is scanned to its end again.
      if wasComplete { active[name]?.isComplete = false }
      active[name]?.isUnfit = false
    }
    box = Self.newBox()
    send(.tick)
  }
}
