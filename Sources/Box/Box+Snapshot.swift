// What the box shows of itself.
import BoxAPI
import Plan

extension Box {
  /// Returns `facts` with everything that the box knows filled in: its state, problems, jobs, queue, counters and scope.
  ///
  /// - Parameter facts: the time, the process, the station, the NIC with its counters, and the disk.
  public func snapshot(over facts: BoxSnapshot) -> BoxSnapshot {
    var snapshot = facts
    snapshot.state = state
    snapshot.problems = problems
    snapshot.job = front.job.map { job in
      if case .sending(let scan) = front { Self.status(of: scan) } else { Self.status(of: job) }
    }
    snapshot.cooling = cooling.map(Self.status(of:))
    snapshot.queue = shownQueue
    snapshot.jobsQueued = UInt64(queue.count + settling.count(where: \.returns) + spool.files.count)
    snapshot.filesArriving = UInt64(spool.arriving)
    snapshot.filesIgnored = shownIgnored
    for counter in Counter.allCases where counter.definition.source != .nic {
      snapshot.counters[counter] = counters[counter]
    }
    for scan in cooling + front.scans {
      if let progress = scan.progress { snapshot.counters += progress.counters }
    }
    snapshot.scopeSHA256 = scope.sha256
    return snapshot
  }

  package var state: BoxState {
    switch phase {
    case .ended(.signal): return .stopped
    case .ended(.fault): return .failed
    case .serving, .stopping: break
    }
    if isPaused { return .paused }
    switch front {
    case .preparing, .ready: return .preparing
    case .sending: return .scanning
    case .free: return cooling.isEmpty ? .idle : .cooldown
    }
  }

  /// A link, a gateway or a licence keeps nothing from happening while no job waits.
  private var isPaused: Bool {
    if storage != .works || isWriterSlow { return true }
    if case .full = disk.space { return true }
    if case .invalid = scope { return true }
    if case .free = front {
      if case .settling = scope { return true }
      if case .failed = spool.look { return true }
    }
    guard link != .up || gateway != .replies || licence != .valid else { return false }
    return hasWork
  }

  private var hasWork: Bool {
    front != .free || !queue.isEmpty || !spool.files.isEmpty || !settling.isEmpty
  }

  /// The sentences for the status, in the order of their kinds.
  package var problems: [String] {
    ProblemKind.allCases.compactMap(problem)
  }

  private func problem(_ kind: ProblemKind) -> String? {
    switch kind {
    case .fault:
      switch phase {
      case .stopping(.fault(let message), _), .ended(.fault(let message)): message
      default: nil
      }
    case .pause: pauseProblem
    case .scope:
      switch scope {
      case .invalid(_, let reason): reason
      case .settling where front == .free:
        "the scope lists have just changed; waiting for them to be complete"
      case .settling, .stable: nil
      }
    case .licence:
      switch licence {
      case .valid: nil
      case .withoutRate(let reason): hasWork ? reason : nil
      case .invalid(let reason): reason
      }
    case .disk:
      if case .full(let reason) = disk.space {
        reason
      } else if case .unmet(let reason) = disk.shortage {
        reason
      } else {
        nil
      }
    case .slowDisk: isWriterSlow ? Self.slowDisk : nil
    case .spool: spoolProblem
    case .link: if case .down(let message) = link { message } else { nil }
    case .configuration: configurationProblem
    // PID 1's.
    case .namespace, .management, .watchdog, .kernel, .image: nil
    }
  }

  private var pauseProblem: String? {
    var reasons: [String] = []
    if let failure = storage.failure { reasons.append(failure) }
    if case .failed(let message) = link { reasons.append(message) }
    if case .silent(let message, _) = gateway { reasons.append(message) }
    return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
  }

  private var spoolProblem: String? {
    if case .failed(_, let message) = spool.look { return message }
    let jobs = spool.refused.compactMap { key, reason -> String? in
      guard case .job(let name) = key else { return nil }
      return "\(name) stays in active/: \(reason)"
    }
    return jobs.isEmpty ? nil : jobs.sorted().joined(separator: "; ")
  }

  // MARK: - Lists

  /// The jobs in active/, before files of the same priority.
  private var shownQueue: [QueuedJob] {
    var jobs = queue
    for entry in settling where entry.returns {
      var job = entry.job
      job.state = entry.step == .suspend(.preempted) ? .preempted : .paused
      jobs.append(job)
    }
    if !settling.isEmpty { jobs.sort { $0.precedes($1) } }
    var shown: [QueuedJob] = []
    var files = spool.files[...]
    for job in jobs.prefix(BoxSnapshot.maximumNames) {
      while let file = files.first, file.priority > job.priority {
        shown.append(Self.entry(files.removeFirst()))
      }
      shown.append(
        QueuedJob(name: job.name, priority: UInt64(job.priority.value), state: job.state.rawValue))
    }
    shown += files.prefix(max(0, BoxSnapshot.maximumNames - shown.count)).map(Self.entry)
    return Array(shown.prefix(BoxSnapshot.maximumNames))
  }

  private static func entry(_ file: SpoolFile) -> QueuedJob {
    QueuedJob(name: file.name, priority: UInt64(file.priority.value), state: "queued")
  }

  private var shownIgnored: [String] {
    let refused = spool.refused.compactMap { key, reason -> String? in
      switch key {
      case .file(let file): "\(file.name): \(reason)"
      case .name(let name): "\(name): \(reason)"
      case .request(let cancellation): "\(cancellation.file): \(reason)"
      case .job, .results: nil
      }
    }
    return Array((spool.ignored + refused.sorted()).prefix(BoxSnapshot.maximumNames))
  }

  private static func status(of job: WaitingJob) -> JobStatus {
    JobStatus(name: job.name, priority: UInt64(job.priority.value), resumed: UInt64(job.starts))
  }

  private static func status(of scan: Scan) -> JobStatus {
    var status = status(of: scan.job)
    // The start that runs is no resumption.
    status.resumed = UInt64(max(0, scan.job.starts - 1))
    status.progress = scan.progress.map { JobProgress($0, rate: scan.rate) }
    return status
  }
}

extension Front {
  var scans: [Scan] {
    if case .sending(let scan) = self { [scan] } else { [] }
  }
}

extension Settling {
  /// Whether the job waits for another turn afterwards.
  var returns: Bool {
    if case .suspend = step { true } else { false }
  }
}
