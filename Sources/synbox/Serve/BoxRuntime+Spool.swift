// The spool and the disk: the box's requests, performed at once.
import Box
import Kernel
import Plan
import Scan
import Spool

extension BoxRuntime {
  func answer(_ request: SpoolRequest) -> SpoolAnswer {
    do throws(EntryError) {
      return try perform(request)
    } catch {
      // A spool that cannot be listed is shown as a problem until it can.
      if request == .list { return .failed(Failure(.storage, "\(error)")) }
      return .failed(Failure(error))
    }
  }

  private func perform(_ request: SpoolRequest) throws(EntryError) -> SpoolAnswer {
    switch request {
    case .recover(let known, let inProcess):
      return try EntryError.box { () throws(Fault) in
        .recovered(try recover(except: Set(known), inProcess))
      }
    case .list:
      let found = try EntryError.box { () throws(Fault) in
        spool.limits.bytes = try configuration.spoolBytes(on: DiskSpace(of: spool.data.path))
        return try spool.list()
      }
      if found.number != listing.number {
        (listing, shownListing) = (found, SpoolListing(found, limit: spool.limits.bytes))
      }
      return .listed(shownListing)
    case .claim(let file):
      guard let candidate = listing.candidate(file.name), let job = try spool.claim(candidate) else {
        return .absent
      }
      return .claimed(adopt(job, file.priority))
    case .rejectFile(let file, let reason):
      guard let candidate = listing.candidate(file.name),
        let name = try spool.reject(candidate, reason: reason)
      else { return .absent }
      return .rejected(as: name)
    case .rejectUnusable(let name):
      guard let file = listing.unusable(name), let rejected = try spool.rejectUnusable(file) else {
        return .absent
      }
      return .rejected(as: rejected)
    case .cancelFile(let file):
      guard let candidate = listing.candidate(file.name), let name = try spool.cancel(candidate) else {
        return .absent
      }
      return .cancelled(as: name)
    case .remove(let request):
      try spool.removeCancellation(request.file, in: listing)
      return .removed
    case .dismiss(let request):
      return .dismissed(try spool.dismiss(request.file, of: request.job, in: listing))
    }
  }

  private func recover(except known: Set<String>, _ inProcess: Bool) throws(Fault) -> Recovery {
    let report = try spool.recoverJobs(except: known)
    var recovery = Recovery()
    recovery.finished = report.finished
    recovery.quarantined = report.quarantined
    recovery.notes = report.notes
    for interrupted in report.jobs {
      var job = interrupted.job
      // This process left it there, so it has not crashed it.
      if inProcess { job.record.crashes = 0 }
      recovery.repairs[job.name] = interrupted.note
      recovery.jobs.append(adopt(job, spool.priority(of: job)))
    }
    try spool.finishRemovals()
    return recovery
  }

  private func adopt(_ job: Job, _ priority: Priority) -> JobInfo {
    jobs[job.name] = BoxJob(job, format: configuration.format)
    return JobInfo(
      name: job.name, priority: priority, created: job.record.created, starts: job.record.starts)
  }

  // MARK: - Checks

  /// Looks for mistakes in a file that waits for its turn.
  func startCheck(_ file: SpoolFile) {
    let (name, directory, memory) = (file.name, spool.data.spool, configuration.planMemory)
    do throws(Fault) {
      check = try Background("check") { Self.mistakes(in: name, directory, memory) }
      checkedFile = file
    } catch {
      // Whoever claims it checks it again.
      tell(.checked(file, .failed(Failure(.entry, "\(error)"))))
    }
  }

  static func mistakes(in name: String, _ directory: String, _ memory: Int)
    -> CheckAnswer
  {
    do throws(TargetStream.Failure) {
      let read = try TargetStream.read(
        name, in: directory, keepsEntries: false, budget: PlanWatch().budget(memory: memory))
      return read.mistakes.isEmpty
        ? .valid : .invalid(read.mistakes.map(\.description).joined(separator: "\n"))
    } catch {
      // It may be gone. Whoever claims it finds out.
      return .failed(Failure(.entry, "\(error)"))
    }
  }

  // MARK: - Disk

  func answer(_ request: DiskRequest) -> DiskAnswer {
    do {
      switch request {
      case .measure:
        return .used(percent: try DiskSpace(of: spool.data.path).fullestPercent)
      case .listFetched: return .fetched(try spool.removable())
      case .remove(let name):
        try spool.remove(removable: name)
        return .removed
      }
    } catch {
      return .failed(Failure(error))
    }
  }

  /// Writes about as much as a checkpoint, a job record and a page of results.
  func probeStorage() -> StorageReport {
    do throws(Fault) {
      try spool.data.complete()
    } catch {
      // The disk is writable, but not for this user. Only a new start, as root, can give it the directories.
      if !error.isStorageFailure { tell(.fault("\(error)")) }
      return StorageReport(error)
    }
    let probe = "\(spool.data.path)/.writable"
    do throws(Fault) {
      try Files.writeNew(probe, [UInt8](repeating: 0, count: 1 << 16), durable: true)
      try Files.remove(probe)
      return .works
    } catch {
      try? Files.remove(probe)
      return StorageReport(error)
    }
  }
}

extension StorageReport {
  init(_ failure: Fault) {
    self = failure.isOutOfSpace ? .full("\(failure)") : .failed("\(failure)")
  }
}

extension SpoolListing {
  /// - Parameter limit: the most bytes that the files may have together.
  init(_ listing: Spool.Listing, limit: UInt64) {
    self.init()
    func file(_ candidate: Spool.Candidate) -> SpoolFile {
      SpoolFile(name: candidate.name, priority: candidate.priority, arrived: candidate.arrived)
    }
    queue = listing.queue.map(file)
    for candidate in listing.excess {
      refused[file(candidate)] =
        "\(candidate.name): with this file, those in the spool have more than \(limit) bytes (max-spool); submit it "
        + "again when there is room"
    }
    unusable = listing.unusable.map(\.description)
    ignored = listing.ignored.map(\.description)
    arriving = listing.arriving
    cancellations = listing.cancellations.map { .init(file: $0.file, job: $0.job) }
  }
}
