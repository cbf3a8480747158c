// Jobs from their claim to their end: which one runs, which ones stop, and where they go.
import BoxAPI
import Plan

extension Box {
  // MARK: - The queue

  mutating func enqueue(_ job: WaitingJob) {
    let index = queue.firstIndex { job.precedes($0) } ?? queue.endIndex
    queue.insert(job, at: index)
  }

  /// Whether a slot is free, given that no job sends.
  var hasFreeSlot: Bool { cooling.count < limits.slots }

  private var freeSlot: Int? {
    let used = Set(cooling.map(\.slot))
    return (0..<limits.slots).first { !used.contains($0) }
  }

  /// Whether nothing but the running job keeps the next one from starting.
  var mayStart: Bool {
    guard gate == .open, recovery == .done, disk.space == .available else { return false }
    guard case .succeeded = spool.look, case .stable = scope else { return false }
    return true
  }

  /// Takes the next job from the queue, unless a file has to be claimed first.
  mutating func beginNext() {
    guard case .free = front, mayStart, hasFreeSlot, let first = queue.first else { return }
    if let file = spool.files.first, file.priority > first.priority { return }
    queue.removeFirst()
    if first.state != .claimed { counters[.jobsResumed] += 1 }
    front = .preparing(first)
    emit(.prepare(first.name))
  }

  // MARK: - The job before all others

  mutating func advanceFront() {
    switch front {
    case .free: break
    // A large file takes a while, and nobody waits for the plan of a job that will not send. While the disk fails, the job
    // cannot be settled, so its preparation goes on.
    case .preparing(let job):
      guard storage == .works, let reason = stopReason(for: job) else { return }
      front = .free
      settle(job, reason == .cancelled ? .cancel : .suspend(reason))
    case .ready(var job):
      if let reason = stopReason(for: job) {
        front = .free
        settle(job, reason == .cancelled ? .cancel : .suspend(reason))
      } else if gate == .open, let slot = freeSlot {
        job.starts += 1
        front = .sending(Scan(job, slot: slot))
        emit(.start(job.name, slot: slot))
      }
    case .sending(let scan):
      guard let reason = stopReason(for: scan.job) else { return }
      front = .sending(stopped(scan, reason))
    }
  }

  /// Why the job in front must not send; nil if it may.
  private func stopReason(for job: WaitingJob) -> StopReason? {
    if isCancelled(job.name) { return .cancelled }
    if let suspension { return suspension }
    if mayStart, let first = queue.first, first.priority > job.priority { return .preempted }
    return nil
  }

  private func isCancelled(_ name: String) -> Bool {
    cancellations.contains { $0.cancellation.job == name && $0.state != .carriedOut }
  }

  /// Tells a scan to stop, unless it was told before. Returns it as it is then.
  mutating func stopped(_ scan: Scan, _ reason: StopReason) -> Scan {
    guard scan.stop == nil else { return scan }
    emit(.stop(scan.job.name, reason))
    var scan = scan
    scan.stop = reason
    return scan
  }

  /// A job that cools down is stopped by its operator, or because a job of higher priority needs its slot.
  mutating func stopCooling() {
    if !cancellations.isEmpty {
      for index in cooling.indices where isCancelled(cooling[index].job.name) {
        cooling[index] = stopped(cooling[index], .cancelled)
      }
    }
    guard case .free = front, mayStart, !hasFreeSlot, let first = queue.first else { return }
    // A slot that is about to be free is enough.
    guard let lowest = lowestCooling, cooling.allSatisfy({ $0.stop == nil }) else { return }
    if cooling[lowest].job.priority < first.priority {
      cooling[lowest] = stopped(cooling[lowest], .preempted)
    }
  }

  /// The job to preempt if no slot is free: of the lowest priority, the one that began last.
  private var lowestCooling: Int? {
    cooling.indices.min { a, b in
      let (first, second) = (cooling[a].job.priority, cooling[b].job.priority)
      return first != second ? first < second : a > b
    }
  }

  /// Whether a file of this priority could begin, perhaps in a slot that it preempts.
  func mayHaveSlot(_ priority: Priority) -> Bool {
    hasFreeSlot || cooling.contains { $0.job.priority < priority }
  }

  /// Cancels the jobs that wait.
  mutating func cancelWaiting() {
    guard !cancellations.isEmpty else { return }
    for job in queue where isCancelled(job.name) {
      queue.removeAll { $0.name == job.name }
      settle(job, .cancel)
    }
  }

  // MARK: - What happens to jobs

  mutating func apply(_ event: JobEvent, to name: String) {
    switch event {
    case .prepared, .unfit, .unprepared:
      // Nobody waits for a preparation that was abandoned.
      guard case .preparing(let job) = front, job.name == name else { return }
      prepared(job, event)
    case .progress(let progress): update(name, progress)
    case .sent:
      guard case .sending(let scan) = front, scan.job.name == name else { return }
      cooling.append(scan)
      front = .free
    case .ended(let end, let last): ended(name, end, last)
    case .settled(let newName): settled(name, as: newName)
    case .unsettled(let failure): unsettled(name, failure)
    }
  }

  private mutating func prepared(_ job: WaitingJob, _ event: JobEvent) {
    front = .free
    switch event {
    case .unfit(let reason): settle(job, .reject(reason))
    case .unprepared(let failure):
      report(failure)
      settle(job, failure.kind == .entry ? .reject(failure.message) : .suspend(.paused))
    default: front = .ready(job)
    }
  }

  private mutating func update(_ name: String, _ progress: ScanProgress) {
    loggedPause = []
    if case .sending(var scan) = front, scan.job.name == name {
      scan.update(progress)
      front = .sending(scan)
    } else if let index = cooling.firstIndex(where: { $0.job.name == name }) {
      cooling[index].update(progress)
    }
  }

  private mutating func ended(_ name: String, _ end: ScanEnd, _ last: ScanProgress?) {
    let scan: Scan
    if case .sending(let sending) = front, sending.job.name == name {
      scan = sending
      front = .free
    } else if let index = cooling.firstIndex(where: { $0.job.name == name }) {
      scan = cooling.remove(at: index)
    } else {
      return
    }
    if let last = last ?? scan.progress { counters += last.counters }
    switch end {
    case .complete: settle(scan.job, .finish)
    case .stopped:
      let reason = scan.stop ?? .paused
      settle(scan.job, reason == .cancelled ? .cancel : .suspend(reason))
    case .failed(let failure):
      report(failure)
      settle(scan.job, failure.kind == .entry ? .reject(failure.message) : .suspend(.paused))
    }
  }

  // MARK: - Settling

  /// Sends a job to where it goes next. While the disk fails, it waits.
  mutating func settle(_ job: WaitingJob, _ step: Settlement) {
    let attempt: Settling.Attempt = storage == .works ? .running : .waiting
    settling.append(Settling(job: job, step: step, attempt: attempt))
    if attempt == .running { emit(.settle(job.name, step)) }
  }

  mutating func retrySettling() {
    guard storage == .works else { return }
    for index in settling.indices where settling[index].attempt == .waiting {
      settling[index].attempt = .running
      emit(.settle(settling[index].name, settling[index].step))
    }
  }

  private mutating func settled(_ name: String, as newName: String) {
    guard let index = settling.firstIndex(where: { $0.name == name }) else { return }
    let entry = settling.remove(at: index)
    switch entry.step {
    case .finish: counters[.jobsFinished] += 1
    case .reject(let reason):
      counters[.jobsRejected] += 1
      log(.warning, "job rejected", ["job": newName, "reason": firstLine(reason)])
    case .cancel:
      counters[.jobsCancelled] += 1
      carriedOut(name)
    case .suspend(let reason):
      if reason == .preempted { counters[.jobsPreempted] += 1 }
      var job = entry.job
      job.state = reason == .preempted ? .preempted : .paused
      enqueue(job)
      log(.notice, "job suspended", ["job": name, "reason": "\(reason)"])
    }
  }

  private mutating func unsettled(_ name: String, _ failure: Failure) {
    guard let index = settling.firstIndex(where: { $0.name == name }) else { return }
    switch failure.kind {
    case .box:
      settling[index].attempt = .waiting
      fail(failure.message)
    case .storage, .full, .link, .gateway:
      settling[index].attempt = .waiting
      storageFailed(failure.message, isFull: failure.kind == .full)
    case .entry:
      // It stays in active/, where the next process finds it.
      settling.remove(at: index)
      carriedOut(name)
      refuse(.job(name), name, failure.message)
    }
  }

  /// Notes what a job's failure says about the box.
  private mutating func report(_ failure: Failure) {
    switch failure.kind {
    case .storage, .full: storageFailed(failure.message, isFull: failure.kind == .full)
    case .link: link = .failed(failure.message)
    case .gateway: gatewayFailed(failure.message)
    case .entry: break
    case .box: fail(failure.message)
    }
  }
}
