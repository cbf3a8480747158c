// The spool: one request at a time, chosen anew whenever the last one was answered.
import BoxAPI

extension Box {
  // MARK: - Requests

  mutating func requestSpool() {
    guard request == nil, let next = nextRequest() else { return }
    request = next
    if next == .list { spool.isChanged = false }
    emit(.spool(next))
  }

  private func nextRequest() -> SpoolRequest? {
    if isListingDue, recovery == .done { return .list }
    // Everything else writes.
    guard storage == .works else { return nil }
    if case .needed(let inProcess) = recovery {
      return .recover(except: knownJobs, inProcess: inProcess)
    }
    if let request = nextCancellation() { return request }
    if let file = fileToClaim { return .claim(file) }
    if let (file, reason) = spool.unfit.first { return .rejectFile(file, reason) }
    if let name = spool.unusable.first { return .rejectUnusable(name) }
    return nil
  }

  private var isListingDue: Bool {
    switch spool.look {
    case .never: true
    case .succeeded(let last), .failed(let last, _):
      now >= last + (spool.isChanged ? limits.pause : limits.interval)
    }
  }

  /// The jobs in active/ that a recovery must leave alone.
  private var knownJobs: [String] {
    var names = queue.map(\.name) + cooling.map(\.job.name) + settling.map(\.name)
    if let job = front.job { names.append(job.name) }
    for case .job(let name) in spool.refused.keys { names.append(name) }
    return names.sorted()
  }

  /// The file that runs next, or that the running job has to make way for.
  private var fileToClaim: SpoolFile? {
    guard let file = spool.files.first, mayStart else { return nil }
    // At equal priority, a job in active/ precedes a file.
    if let first = queue.first, first.priority >= file.priority { return nil }
    // A file is claimed before it preempts a job, because it may turn out to be still open for writing.
    if let running = front.job { return file.priority > running.priority ? file : nil }
    return mayHaveSlot(file.priority) ? file : nil
  }

  private func nextCancellation() -> SpoolRequest? {
    for request in cancellations {
      let cancellation = request.cancellation
      switch request.state {
      case .carriedOut: return .remove(cancellation)
      case .deferred: continue
      case .pending:
        // A job in active/ is stopped or settled first.
        if hasJob(cancellation.job) { continue }
        if let file = spool.files.first(where: { $0.name == cancellation.job }) {
          return .cancelFile(file)
        }
        return .dismiss(cancellation)
      }
    }
    return nil
  }

  private func hasJob(_ name: String) -> Bool {
    front.job?.name == name || settling.contains { $0.name == name }
      || cooling.contains { $0.job.name == name } || queue.contains { $0.name == name }
  }

  // MARK: - Answers

  mutating func apply(_ answer: SpoolAnswer) {
    guard let request else { return fail("the spool answered without a request") }
    self.request = nil
    switch (request, answer) {
    case (.recover, .recovered(let found)): recovered(found)
    case (.list, .listed(let listing)): listed(listing)
    case (.claim(let file), .claimed(let job)):
      spool.remove(file)
      enqueue(WaitingJob(job, .claimed))
    case (.claim(let file), .absent), (.rejectFile(let file, _), .absent):
      // The next listing decides.
      spool.remove(file)
    case (.rejectFile(let file, let reason), .rejected(let name)):
      spool.remove(file)
      counters[.jobsRejected] += 1
      log(
        .warning, "file rejected", ["spool": file.name, "rejected": name, "reason": firstLine(reason)])
    case (.rejectUnusable(let name), .rejected(let newName)):
      spool.unusable.removeAll { $0 == name }
      counters[.jobsRejected] += 1
      log(.warning, "file rejected: unusable name", ["spool": name, "rejected": newName])
    case (.rejectUnusable(let name), .absent): spool.unusable.removeAll { $0 == name }
    case (.cancelFile(let file), .cancelled(let name)):
      spool.remove(file)
      counters[.jobsCancelled] += 1
      carriedOut(file.name)
      log(.notice, "queued job cancelled", ["job": file.name, "rejected": name])
    case (.cancelFile(let file), .absent):
      spool.remove(file)
      for index in cancellations.indices
      where cancellations[index].cancellation.job == file.name && cancellations[index].state == .pending
      {
        cancellations[index].state = .deferred
      }
    case (.remove(let cancellation), .removed): forget(cancellation)
    case (.dismiss(let cancellation), .dismissed(let outcome)): dismissed(cancellation, outcome)
    case (_, .failed(let failure)): failed(request, failure)
    default: fail("the spool gave an answer that does not fit the request")
    }
  }

  private mutating func recovered(_ found: Recovery) {
    recovery = .done
    for name in found.finished {
      log(.notice, "finished job moved out of active/", ["job": name])
    }
    for note in found.notes { log(.warning, note) }
    for name in found.quarantined {
      counters[.jobsRejected] += 1
      log(.error, "job rejected: it ended the box too often", ["job": name])
    }
    for job in found.jobs where !hasJob(job.name) {
      var details = ["job": job.name]
      if let note = found.repairs[job.name] { details["note"] = note }
      log(.notice, "interrupted job queued to resume", details)
      enqueue(WaitingJob(job, .interrupted))
    }
  }

  private mutating func listed(_ listing: SpoolListing) {
    spool.look = .succeeded(at: now)
    typealias Refused = SpoolState.Refused
    if !spool.refused.isEmpty {
      // What is no longer there, or was replaced, is forgotten.
      var present = Set<Refused>(listing.queue.map { .file($0) })
      present.formUnion(listing.unusable.map { .name($0) })
      present.formUnion(listing.cancellations.map { .request($0) })
      spool.refused = spool.refused.filter { key, _ in
        switch key {
        case .file, .name, .request: present.contains(key)
        case .job, .results: true
        }
      }
    }
    let present = Set(listing.queue)
    spool.checked.formIntersection(present)
    spool.unfit.removeAll { !present.contains($0.file) }
    var unfit = Set(spool.unfit.map(\.file))
    for file in listing.queue where !unfit.contains(file) && spool.refused[.file(file)] == nil {
      guard let reason = listing.refused[file] else { continue }
      spool.unfit.append((file, reason))
      unfit.insert(file)
    }
    spool.files = listing.queue.filter { !unfit.contains($0) && spool.refused[.file($0)] == nil }
    spool.unchecked = spool.files.reversed().filter {
      !spool.checked.contains($0) && $0 != spool.checking
    }
    spool.unusable = listing.unusable.filter { spool.refused[.name($0)] == nil }
    let logged = Set(spool.ignored)
    for name in listing.ignored where !logged.contains(name) {
      log(.warning, "ignoring a spool entry that is not a regular file", ["spool": name])
    }
    spool.ignored = listing.ignored
    spool.arriving = listing.arriving
    let carriedOut = Set(cancellations.filter { $0.state == .carriedOut }.map(\.cancellation))
    cancellations = listing.cancellations.filter { spool.refused[.request($0)] == nil }.map {
      CancelRequest(cancellation: $0, state: carriedOut.contains($0) ? .carriedOut : .pending)
    }
  }

  private mutating func dismissed(_ cancellation: Cancellation, _ outcome: Dismissal) {
    switch outcome {
    case .deferred:
      for index in cancellations.indices where cancellations[index].cancellation == cancellation {
        cancellations[index].state = .deferred
      }
    case .ended:
      forget(cancellation)
      log(.notice, "nothing to cancel: the job has ended", ["job": cancellation.job])
    case .rejected(let name):
      forget(cancellation)
      log(
        .warning, "nothing to cancel: no such job", ["job": cancellation.job, "rejected": name])
    }
  }

  /// Notes that a job was cancelled, so that the request can be removed.
  mutating func carriedOut(_ name: String) {
    for index in cancellations.indices where cancellations[index].cancellation.job == name {
      cancellations[index].state = .carriedOut
    }
  }

  private mutating func forget(_ cancellation: Cancellation) {
    cancellations.removeAll { $0.cancellation == cancellation }
  }

  // MARK: - Failures

  private mutating func failed(_ request: SpoolRequest, _ failure: Failure) {
    if failure.kind == .box { return fail(failure.message) }
    if request == .list {
      let previous = spool.look
      spool.look = .failed(at: now, failure.message)
      if case .failed(_, failure.message) = previous { return }
      return log(.error, "cannot list the spool", ["reason": failure.message])
    }
    // A move that failed half-way may have left something in active/.
    switch request {
    case .claim, .rejectFile, .rejectUnusable, .cancelFile: recovery = .needed(inProcess: true)
    case .recover, .list, .remove, .dismiss: break
    }
    guard failure.kind == .entry else {
      return storageFailed(failure.message, isFull: failure.kind == .full)
    }
    switch request {
    case .claim(let file), .cancelFile(let file), .rejectFile(let file, _):
      spool.remove(file)
      refuse(.file(file), file.name, failure.message)
    case .rejectUnusable(let name):
      spool.unusable.removeAll { $0 == name }
      refuse(.name(name), name, failure.message)
    case .remove(let cancellation), .dismiss(let cancellation):
      forget(cancellation)
      refuse(.request(cancellation), cancellation.file, failure.message)
    case .recover: storageFailed(failure.message)
    case .list: break
    }
  }

  /// Leaves something alone from now on, because it keeps failing.
  mutating func refuse(_ entry: SpoolState.Refused, _ name: String, _ reason: String) {
    guard spool.refused.updateValue(reason, forKey: entry) == nil else { return }
    log(
      .error, "leaving an entry alone because it cannot be handled", ["entry": name, "reason": reason])
  }

  // MARK: - Checks

  /// Checks files as they arrive, so that operators hear of mistakes at once.
  mutating func requestCheck() {
    guard spool.checking == nil, storage == .works, recovery == .done else { return }
    while let file = spool.unchecked.popLast() {
      guard spool.files.contains(file), !isLeaving(file) else { continue }
      spool.checking = file
      emit(.check(file))
      return
    }
  }

  private func isLeaving(_ file: SpoolFile) -> Bool {
    switch request {
    case .claim(file), .cancelFile(file), .rejectFile(file, _): true
    default: false
    }
  }

  mutating func apply(_ answer: CheckAnswer, to file: SpoolFile) {
    guard spool.checking == file else { return }
    spool.checking = nil
    // It may have been claimed meanwhile. Then its preparation finds the mistakes.
    guard let index = spool.files.firstIndex(of: file) else { return }
    switch answer {
    case .valid: spool.checked.insert(file)
    case .invalid(let reason):
      spool.files.remove(at: index)
      spool.unfit.append((file, reason))
    case .failed(let failure):
      switch failure.kind {
      case .box: fail(failure.message)
      case .storage, .full: storageFailed(failure.message, isFull: failure.kind == .full)
      // The claim finds out whether the file can be scanned.
      case .entry, .link, .gateway: spool.checked.insert(file)
      }
    }
  }
}

/// The first line of a reason, for the log.
func firstLine(_ reason: String) -> String { String(reason.prefix { $0 != "\n" }) }
