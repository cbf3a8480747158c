// Watches the licence while the box runs. The senders obey it by themselves: this thread only tells them of it.
import Box
import BoxAPI
import Engine
import Kernel
import Plan
import Support
import Synchronization

/// Looks at a licence and its deny list four times a second, on a thread of its own.
final class LicenceWatch: Sendable {
  private struct WeakGate {
    weak var gate: ScopeGate?
  }

  /// What the last look found.
  enum Outcome: Hashable, Sendable {
    case licence(Licence)
    case missing(String)
    case invalid(String)
  }

  private struct State {
    var outcome = Outcome.missing("the licence was not looked for yet")
    /// The addresses of the deny list.
    var denied = AddressSet()
    var denySequence: UInt64?
    /// Those of the jobs that run.
    var gates: [WeakGate] = []
    /// The last report, and whether the box was told of it.
    var report: LicenceReport?
    var isReported = true
  }

  /// What allows the senders to send.
  let gate = LicenceGate()
  let path: String
  private let bootID: String
  private let state = Mutex(State())
  private let isStopped = Atomic<Bool>(false)

  /// - Parameters:
  ///   - path: the licence; its deny list is the file `deny` beside it.
  ///   - bootID: the running kernel's. nil reads it, which is not possible after privileges were dropped.
  init(_ path: String, bootID: String? = nil) throws(Fault) {
    self.path = path
    if let bootID {
      self.bootID = bootID
      return
    }
    let file = "/proc/sys/kernel/random/boot_id"
    do throws(Errno) {
      let bytes = try SmallFile.read(file, limit: 64)
      self.bootID = String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    } catch {
      throw Fault("cannot read \(file)", cause: error, remedy: "Mount /proc")
    }
  }

  private var denyList: String { "\(Files.parent(of: path))/deny" }

  // MARK: For the control thread

  /// Denies the list's addresses to a job, now and as long as it runs.
  func attach(_ job: ScopeGate) {
    let denied = state.withLock { state in
      state.gates.removeAll { $0.gate == nil }
      state.gates.append(WeakGate(gate: job))
      // Under the lock, so that no later reason is overwritten.
      job.pause.set(.licence, state.report?.reason)
      return state.denied
    }
    job.exclude(denied)
  }

  /// Returns what the box has to be told, once.
  func takeReport() -> LicenceReport? {
    state.withLock { state in
      defer { state.isReported = true }
      return state.isReported ? nil : state.report
    }
  }

  /// Returns what the status shows.
  ///
  /// - Parameter now: CLOCK_BOOTTIME, nanoseconds.
  func status(at now: UInt64) -> LicenceStatus {
    let (outcome, sequence) = state.withLock { ($0.outcome, $0.denySequence) }
    let report = report(outcome, at: now)
    var status: LicenceStatus
    switch outcome {
    case .missing: status = LicenceStatus(.missing, reason: report.reason)
    case .invalid: status = LicenceStatus(.invalid, reason: report.reason)
    case .licence(let licence):
      let isExpired = UInt64(licence.expires) <= now
      status = LicenceStatus(isExpired ? .expired : .valid, reason: report.reason)
      if !isExpired {
        status.rate = UInt64(licence.rate)
        status.expiresIn = Double(UInt64(licence.expires) - now) / 1e9
      }
    }
    status.denySequence = sequence
    return status
  }

  /// Looks for the first time, and starts looking until `stop()`.
  func start() throws(Fault) {
    var memory = Memory()
    look(&memory, at: Clock.boottime)
    let first = memory
    // Not joined, because it may be reading a long list when the process ends.
    _ = try KernelThread(name: "licence", processor: nil) { [self] in
      var memory = first
      while !isStopped.load(ordering: .acquiring) {
        Clock.sleep(untilMonotonic: Clock.monotonic + 250_000_000)
        look(&memory, at: Clock.boottime)
      }
    }
  }

  func stop() { isStopped.store(true, ordering: .releasing) }

  // MARK: Looking

  /// What the thread remembers from look to look.
  struct Memory {
    /// The licence's and the deny list's at the last reading.
    fileprivate var statuses: [FileStatus?] = []
    /// Forces another reading, because a file can become readable without a change of its status.
    fileprivate var isUnreadable = false
    /// The deny list that was accepted last, with its file's status.
    fileprivate var list: (sha256: String, status: FileStatus?)?
    /// The greatest number of a deny list so far, and the list's hash.
    fileprivate var newest: (sequence: Int, sha256: String)?
  }

  /// Reads the files if they have changed, and puts in force what they say.
  ///
  /// - Parameter now: CLOCK_BOOTTIME, nanoseconds.
  func look(_ memory: inout Memory, at now: UInt64) {
    let statuses = [Files.statusOfTarget(of: path), Files.statusOfTarget(of: denyList)]
    var outcome = state.withLock(\.outcome)
    if memory.statuses != statuses || memory.isUnreadable {
      memory.statuses = statuses
      memory.isUnreadable = false
      // Until they are read, the earlier licence holds: a long list takes a while.
      outcome = read(&memory, statuses)
    }
    put(outcome, report(outcome, at: now))
  }

  private func read(_ memory: inout Memory, _ statuses: [FileStatus?]) -> Outcome {
    guard statuses[0] != nil else { return .missing("there is no licence \(path)") }
    do {
      let bytes = try Files.readUnchanged(path, limit: Licence.maximumSize)
      let licence = try Licence(bytes, path: path, bootID: bootID)
      try accept(licence, &memory, status: statuses[1])
      return .licence(licence)
    } catch {
      memory.isUnreadable = error is Fault
      return .invalid("\(error)")
    }
  }

  /// Takes over the deny list that a licence names, unless it was taken over before.
  private func accept(_ licence: Licence, _ memory: inout Memory, status: FileStatus?) throws {
    if let newest = memory.newest {
      let isOlder = licence.denySequence < newest.sequence
      let isOther = licence.denySequence == newest.sequence && licence.denySHA256 != newest.sha256
      if isOlder || isOther {
        throw InputError(
          file: path, location: .file,
          found: "deny-sequence \(licence.denySequence)\(isOther ? " with another deny-sha256" : "")",
          expected: "at least \(newest.sequence), which was seen before, with its own list")
      }
    }
    if let list = memory.list, list.sha256 == licence.denySHA256, list.status == status {
      memory.newest = (licence.denySequence, licence.denySHA256)
      return note(licence, denying: nil)
    }
    let bytes = try Files.readUnchanged(denyList)
    let hash = SHA256.hex(bytes)
    guard hash == licence.denySHA256 else {
      throw InputError(
        file: denyList, location: .file, found: "a deny list with SHA-256 \(hash)",
        expected: "\(licence.denySHA256), which \(path) names")
    }
    // Empty text denies nothing; a list of the scope must not be empty.
    let denied = bytes.isEmpty ? AddressSet() : try AddressList.parse(bytes, name: denyList)
    memory.list = (hash, status)
    memory.newest = (licence.denySequence, licence.denySHA256)
    note(licence, denying: denied)
  }

  /// Denies a list's addresses to all jobs, before the licence that names it is in force.
  private func note(_ licence: Licence, denying denied: AddressSet?) {
    let gates = state.withLock { state in
      state.denySequence = UInt64(licence.denySequence)
      if let denied { state.denied = denied }
      return state.gates.compactMap(\.gate)
    }
    guard let denied, !denied.isEmpty else { return }
    for gate in gates { gate.exclude(denied) }
  }

  /// Puts an outcome in force.
  private func put(_ outcome: Outcome, _ report: LicenceReport) {
    if report == .valid, case .licence(let licence) = outcome {
      gate.grant(
        rate: UInt64(licence.rate), expires: UInt64(licence.expires),
        denySequence: UInt64(licence.denySequence))
    } else {
      gate.revoke()
    }
    state.withLock { state in
      state.outcome = outcome
      guard state.report != report else { return }
      state.report = report
      state.isReported = false
      for gate in state.gates.compactMap(\.gate) { gate.pause.set(.licence, report.reason) }
    }
  }

  private func report(_ outcome: Outcome, at now: UInt64) -> LicenceReport {
    let agent = "nothing is sent until the fleet's agent writes a valid one"
    switch outcome {
    case .missing(let reason): return .invalid("\(reason): \(agent); check that it runs")
    case .invalid(let reason): return .invalid("\(reason); \(agent)")
    case .licence(let licence):
      if UInt64(licence.expires) <= now {
        return .invalid(
          "the licence \(path) has expired: nothing is sent until the fleet's agent renews it; check that it runs "
            + "and reaches its collector")
      }
      if licence.rate == 0 {
        return .withoutRate(
          "the licence \(path) has a rate of 0: nothing is sent until the fleet's collector grants one")
      }
      return .valid
    }
  }
}
