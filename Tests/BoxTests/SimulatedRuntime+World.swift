// What happens around a box in a random test: answers, scans, reports, and the rules that must hold.
import Box
import BoxAPI
import Plan

extension SimulatedRuntime {
  // MARK: - Answers

  mutating func complete(_ operation: Operation) {
    switch operation {
    case .spool(let request):
      isSpoolBusy = false
      send(.spool(answer(to: request)))
    case .check(let file):
      isChecking = false
      send(.checked(file, checkAnswer()))
    case .prepare(let name): prepared(name)
    case .settle(let name, let step): settled(name, step)
    case .disk(let request): answer(to: request)
    case .probe:
      let isFull = chance(30)
      report("storage", isCalm || chance(70)) {
        .storage($0 ? .works : isFull ? .full("disk") : .failed("disk"))
      }
    case .reload:
      isReloading = false
      let isValid = isCalm || chance(70)
      guard isValid else { return send(.reload(.rejected("mistake"))) }
      let hash = changeScope()
      send(.reload(.applied(diskHighWater: 90, scopeSHA256: hash, newlyDenied: 0)))
    case .publish: send(.published(isCalm || chance(95) ? .written : .failed("no")))
    }
  }

  mutating func checkAnswer() -> CheckAnswer {
    if isCalm || chance(90) { return .valid }
    if chance(60) { return .invalid("bad") }
    let failure = failure()
    note(failure)
    return .failed(failure)
  }

  mutating func failure() -> Failure {
    let kinds: [Failure.Kind] = [.storage, .full, .entry, .link, .gateway]
    return Failure(chance(1) && !isCalm ? .box : kinds[below(kinds.count)], "failure")
  }

  /// Notes a failure that an answer reports, as the box must.
  mutating func note(_ failure: Failure) {
    if failure.kind == .box { exitDeadline = exitDeadline ?? now + 10_000_000_000 }
  }

  mutating func answer(to request: SpoolRequest) -> SpoolAnswer {
    if !isCalm, chance(3) {
      var failed = failure()
      if failed.kind == .link || failed.kind == .gateway { failed = Failure(.storage, "disk") }
      note(failed)
      switch request {
      case .claim(let file), .cancelFile(let file), .rejectFile(let file, _):
        isRecoveryOwed = true
        // The file may have been moved before the failure.
        if failed.kind != .entry, chance(50) { _ = move(file) }
      case .rejectUnusable: isRecoveryOwed = true
      default: break
      }
      return .failed(failed)
    }
    switch request {
    case .recover(let names, _): return .recovered(recover(except: names))
    case .list: return .listed(list())
    case .claim(let file):
      if !isCalm, chance(5) {
        open[file.name] = now + 2_000_000_000
        return .absent
      }
      return move(file).map { .claimed($0) } ?? .absent
    case .rejectFile(let file, _), .cancelFile(let file):
      guard let index = spool.firstIndex(of: file) else { return .absent }
      spool.remove(at: index)
      rejected += 1
      if case .cancelFile = request { return .cancelled(as: file.name) }
      return .rejected(as: file.name)
    case .rejectUnusable: return .absent
    case .remove(let cancellation):
      cancellations.removeAll { $0 == cancellation.job }
      return .removed
    case .dismiss(let cancellation):
      if open[cancellation.job] != nil { return .dismissed(.deferred) }
      expect(
        active[cancellation.job].map { $0.state == .stuck } ?? true,
        "dismisses a request for an active job")
      cancellations.removeAll { $0 == cancellation.job }
      return .dismissed(chance(50) ? .ended : .rejected(as: cancellation.file))
    }
  }

  mutating func recover(except names: [String]) -> Recovery {
    var found = Recovery()
    for (name, job) in active.sorted(by: { $0.key < $1.key }) where !names.contains(name) {
      expect(job.state == .resting, "recovers \(name), which is \(job.state)")
      found.jobs.append(job.info)
    }
    isRecoveryOwed = false
    return found
  }

  mutating func list() -> SpoolListing {
    var listing = SpoolListing()
    open = open.filter { $0.value > now }
    let isOpen = open
    listing.queue = spool.filter { isOpen[$0.name] == nil }.sorted {
      ($1.priority, $0.arrived) < ($0.priority, $1.arrived)
    }
    listing.arriving = open.count
    listing.cancellations = cancellations.map { Cancellation(file: "\($0).cancel", job: $0) }
    return listing
  }

  /// Moves a file to active/.
  mutating func move(_ file: SpoolFile) -> JobInfo? {
    guard let index = spool.firstIndex(of: file) else { return nil }
    spool.remove(at: index)
    serial += 1
    let name = active[file.name] == nil ? file.name : "\(file.name).\(serial)"
    let info = JobInfo(
      name: name, priority: file.priority, created: String(1_000_000_000 + serial), starts: 0)
    active[name] = ActiveJob(info: info)
    return info
  }

  mutating func prepared(_ name: String) {
    // Abandoned, or of a job that was settled since.
    guard active[name]?.state == .preparing else { return send(.job(name, .prepared)) }
    if isCalm || chance(85) {
      active[name]?.state = .prepared
      return send(.job(name, .prepared))
    }
    active[name]?.state = .resting
    if chance(50) {
      active[name]?.isUnfit = true
      return send(.job(name, .unfit("bad")))
    }
    let failure = failure()
    note(failure)
    if failure.kind == .entry { active[name]?.isUnfit = true }
    send(.job(name, .unprepared(failure)))
  }

  mutating func settled(_ name: String, _ step: Settlement) {
    if !isCalm, chance(5) {
      let failure = failure()
      note(failure)
      active[name]?.state = failure.kind == .entry ? .stuck : .resting
      return send(.job(name, .unsettled(failure)))
    }
    switch step {
    case .finish: finished += 1
    case .cancel: cancelled += 1
    case .reject: rejected += 1
    case .suspend:
      active[name]?.state = .resting
      return send(.job(name, .settled(as: name)))
    }
    active[name] = nil
    send(.job(name, .settled(as: name)))
  }

  mutating func answer(to request: DiskRequest) {
    isDiskBusy = false
    if !isCalm, chance(2) {
      let failed = Failure(chance(50) ? .storage : .entry, "disk")
      return send(.disk(.failed(failed)))
    }
    switch request {
    case .measure: send(.disk(.used(percent: percent)))
    case .listFetched: send(.disk(.fetched((0..<fetched).map { "r\($0)" })))
    case .remove:
      percent -= min(percent, below(4))
      send(.disk(.removed))
    }
  }

  // MARK: - Scans

  mutating func advance(_ name: String) {
    guard case .scanning(let slot, let isSending, let isStopping) = active[name]?.state else { return }
    let roll = below(100)
    if isStopping {
      // Some end by themselves before they notice.
      return end(name, roll < 80 ? .stopped : .complete)
    }
    if !isCalm, roll < 3 {
      let failure = failure()
      note(failure)
      return end(name, .failed(failure))
    }
    if roll < 40 { return send(.job(name, .progress(ScanProgress()))) }
    if !isSending { return end(name, .complete) }
    if roll < 45 { return end(name, .complete) }
    // Nothing is sent while the gate is closed.
    guard gateIsOpen else { return }
    active[name]?.state = .scanning(slot: slot, isSending: false, isStopping: false)
    send(.job(name, .sent))
  }

  mutating func end(_ name: String, _ end: ScanEnd) {
    active[name]?.state = .resting
    if end == .complete { active[name]?.isComplete = true }
    if case .failed(let failure) = end, failure.kind == .entry { active[name]?.isUnfit = true }
    send(.job(name, .ended(end, last: nil)))
  }

  // MARK: - The world

  /// Sends a report about something that can pause the box.
  mutating func report(_ name: String, _ isGood: Bool, _ event: (Bool) -> Event) {
    hasPauses[name] = !isGood
    send(event(isGood))
  }

  /// Changes the scope lists, perhaps to what they were. Returns their hash.
  mutating func changeScope() -> String {
    let hash = "s\(below(3))"
    if hash != scopeHash || hasPauses["scope"] == true { isScopeStable = false }
    scopeHash = hash
    hasPauses["scope"] = false
    return hash
  }

  mutating func lookAtScope() {
    if hasPauses["scope"] != true { isScopeStable = true }
    send(.scope(.unchanged))
  }

  /// Ends all pauses.
  mutating func calm() {
    isCalm = true
    percent = 10
    // Files that the box left alone are tried again once they change.
    spool = spool.map { file in
      serial += 1
      return SpoolFile(name: file.name, priority: file.priority, arrived: serial)
    }
    report("storage", true) { _ in .storage(.works) }
    report("link", true) { _ in .link(.up) }
    send(.scope(.valid(sha256: changeScope(), newlyDenied: 0)))
    lookAtScope()
    send(.writer(.writes))
  }

  mutating func happen() {
    let isGood = chance(88)
    switch below(14) {
    case 0...4:
      guard spool.count < 12 else { return send(.spoolChanged) }
      serial += 1
      entered += 1
      let name = "n\(below(20))"
      // A file of the same name replaces the one that waits.
      if let index = spool.firstIndex(where: { $0.name == name }) {
        spool.remove(at: index)
        entered -= 1
      }
      spool.append(SpoolFile(name: name, priority: Priority(UInt8(below(5) * 20)), arrived: serial))
      send(.spoolChanged)
    case 5:
      let name = "n\(below(20))"
      if !cancellations.contains(name) { cancellations.append(name) }
      send(.spoolChanged)
    case 6:
      isReloadOwed = true
      send(.signal(.hangUp))
    case 7: report("link", isGood) { $0 ? .link(.up) : .link(.down("down")) }
    case 8: send(.gateway(isGood ? .replies : .silent("silent")))
    case 9:
      if chance(60) { return lookAtScope() }
      if isGood { return send(.scope(.valid(sha256: changeScope(), newlyDenied: 0))) }
      hasPauses["scope"] = true
      isScopeStable = false
      send(.scope(.invalid("never.txt")))
    case 10: report("storage", isGood) { $0 ? .storage(.works) : .storage(.failed("disk")) }
    case 11: send(.writer(isGood ? .writes : .stalled(since: now)))
    case 12:
      percent = isGood ? below(91) : 91 + below(9)
      fetched = below(4)
      send(.tick)
    default:
      guard chance(2) else { return send(.tick) }
      exitDeadline = exitDeadline ?? now + 10_000_000_000
      send(chance(80) ? .signal(.terminate) : .fault("broken"))
    }
  }

  // MARK: - Invariants

  mutating func checkInvariants() {
    expect(!isReloadOwed || isReloading, "a SIGHUP is lost")
    let isPaused = hasPauses.values.contains(true)
    expect(!isPaused || !gateIsOpen, "the gate is open during a pause")
    expect(
      entered == spool.count + active.count + finished + cancelled + rejected, "a file is lost")
    expect(box.cooling.count <= Self.slots, "too many scans")
    guard !isRecoveryOwed, box.recovery == .done else { return }
    // Every job in active/ is in exactly one place of the box.
    var names = box.queue.map(\.name) + box.cooling.map(\.job.name) + box.settling.map(\.name)
    if let job = box.front.job { names.append(job.name) }
    let stuck = active.values.count { $0.state == .stuck }
    let jobs = active
    expect(names.count + stuck == jobs.count, "the box has \(names.sorted()) of \(jobs)")
    for name in names { expect(active[name] != nil, "the box invents \(name)") }
    // A prepared job may wait to be suspended until the disk works, and a box that stops waits for no preparation.
    guard case .serving = box.phase else { return }
    let front = box.front
    var isBusy = true
    switch front {
    case .free, .ready: isBusy = false
    case .preparing, .sending: break
    }
    expect(isBusy == jobs.values.contains(where: Self.isInFront), "\(front) is in front of \(jobs)")
  }
}
