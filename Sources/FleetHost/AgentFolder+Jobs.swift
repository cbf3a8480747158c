// The fleet's jobs as the data directory shows them, and what the agent does with them.
import BoxAPI
import Fleet
import Kernel
import Spool
import Synchronization

// A shard's job has the shard's name, `fleet-ID-K`. If the box had the shard before, and lost it, the results of that time are
// still there under this name, until the box needs room; the next jobs are `fleet-ID-K.2` and so on.

/// A shard's job, by its name in the data directory.
private struct JobAttempt {
  /// `fleet-ID-K`.
  let shard: String
  /// From 1.
  let number: Int
  let name: String

  /// nil for the name of another job, or of a request to cancel one.
  init?(_ name: FileName) {
    guard let text = name.text else { return nil }
    self.init(text)
  }

  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard FleetJobName(String(parts[0])) != nil, parts.count <= 2 else { return nil }
    if parts.count == 2 {
      guard let number = Int(parts[1]), number > 1, "\(number)" == parts[1] else { return nil }
      self.number = number
    } else {
      number = 1
    }
    shard = String(parts[0])
    name = text
  }
}

/// What a look at the data directory has found.
private struct FoundJobs {
  private(set) var jobs: [String: (attempt: Int, job: BoxMachine.JobOnDisk)] = [:]
  private(set) var names: [String: String] = [:]

  /// Takes what is found in a later place, unless it is of an earlier attempt.
  mutating func add(_ job: JobAttempt, _ stage: BoxMachine.JobOnDisk.Stage) {
    if let known = jobs[job.shard], known.attempt > job.number { return }
    jobs[job.shard] = (job.number, .init(name: job.shard, stage: stage))
    names[job.shard] = job.name
  }
}

extension AgentFolder {
  private static let summaryLimit = 1 << 20

  /// Returns the fleet's jobs, sorted by name, each under its shard's name, without those whose results were fetched or
  /// discarded. A job that moves meanwhile may be missing, or be in its old place.
  ///
  /// - Parameter status: the scanner's.
  public func jobs(_ status: BoxSnapshot?) throws(Fault) -> [BoxMachine.JobOnDisk] {
    var found = FoundJobs()
    do throws(Errno) {
      // A job goes from the spool to the status, and from there to rejected or results: whoever looks in this order finds it.
      for name in try spool.entries() {
        if let job = JobAttempt(name) { found.add(job, .queued) }
      }
      for queued in status?.queue ?? [] {
        if let job = JobAttempt(queued.name) { found.add(job, .queued) }
      }
      for running in (status?.cooling ?? []) + [status?.job].compactMap(\.self) {
        if let job = JobAttempt(running.name) { found.add(job, Self.stage(running.progress)) }
      }
      for name in try rejected.entries() {
        guard let job = JobAttempt(name) else { continue }
        let reason = try? rejected.read(name, FileName("reason.txt"), limit: Self.summaryLimit)
        found.add(job, .rejected(reason.map { String(decoding: $0, as: UTF8.self) } ?? "no reason"))
      }
      try addResults(to: &found)
    } catch {
      throw Fault("cannot list the jobs in \(path)", cause: error)
    }
    let listed = found.names
    names.withLock { $0 = listed }
    return found.jobs.values.map(\.job).sorted { $0.name < $1.name }.map { job in
      var job = job
      job.hasManifest = manifests.status(FileName(actual(job.name))) != nil
      return job
    }
  }

  private func addResults(to found: inout FoundJobs) throws(Errno) {
    let listed = try results.entries()
    let known = settled.withLock {
      $0.formIntersection(listed)
      return $0
    }
    for name in listed where !known.contains(name) {
      guard let job = JobAttempt(name) else { continue }
      if results.status(name, FileName(Spool.fetchedMarker)) != nil {
        settled.withLock { _ = $0.insert(name) }
      } else if let outcome = outcome(name) {
        found.add(job, .finished(outcome))
      }
    }
  }

  private func outcome(_ job: FileName) -> BoxMachine.Outcome? {
    (try? results.read(job, FileName("summary.json"), limit: Self.summaryLimit))
      .flatMap { JobSummary.read($0) }
  }

  private static func stage(_ progress: JobProgress?) -> BoxMachine.JobOnDisk.Stage {
    guard let progress else { return .active(done: 0, size: 0) }
    let done = UInt64(max(0, min(1, progress.fraction)) * Double(progress.probesTotal))
    return .active(done: done, size: progress.probesTotal)
  }

  /// The name in the data directory of a shard's job.
  func actual(_ shard: String) -> String { names.withLock { $0[shard] } ?? shard }

  /// Puts a shard's target file into the spool: `head`, and then the blobs in order, each ended by a line feed.
  public func submit(_ shard: String, head: [UInt8], blobs: [Digest]) throws(Fault) {
    let name = freeName(shard)
    let file = FileName(name)
    do throws(Errno) {
      try staging.remove(file)
      try write(head, blobs, to: try staging.create(file))
      try staging.move(file, to: spool, as: file)
      try spool.sync()
      settled.withLock { _ = $0.remove(file) }
    } catch {
      _ = try? staging.remove(file)
      throw Fault("cannot put \(name) into \(path)/spool", cause: error)
    }
    names.withLock { $0[shard] = name }
  }

  private func freeName(_ shard: String) -> String {
    func isUsed(_ name: String) -> Bool {
      let file = FileName(name)
      return results.status(file) != nil || rejected.status(file) != nil || spool.status(file) != nil
    }
    var (name, number) = (shard, 1)
    while isUsed(name) {
      number += 1
      name = "\(shard).\(number)"
    }
    return name
  }

  private func write(_ head: [UInt8], _ blobs: [Digest], to file: consuming Descriptor)
    throws(Errno)
  {
    try file.writeAll(head)
    for digest in blobs {
      let blob = try self.blobs.open(digest)
      var (offset, last) = (UInt64(0), UInt8(ascii: "\n"))
      while case let piece = try blob.read(at: offset, count: 1 << 20), let end = piece.last {
        try file.writeAll(piece)
        offset += UInt64(piece.count)
        last = end
      }
      if last != UInt8(ascii: "\n") { try file.writeAll([UInt8(ascii: "\n")]) }
    }
    try file.sync()
  }

  /// Asks the box to end a shard's job.
  public func cancel(_ shard: String) throws(Fault) {
    let name = actual(shard)
    do throws(Errno) { try spool.mark(FileName(name + ".cancel")) } catch {
      throw Fault("cannot cancel \(name)", cause: error)
    }
  }

  /// Marks a shard's results as fetched, so that the box may remove them.
  public func markFetched(_ shard: String) throws(Fault) {
    let name = actual(shard)
    do throws(Errno) {
      try results.mark(FileName(name), FileName(Spool.fetchedMarker))
      try results.directory(FileName(name)).sync()
      // Nobody asks for it any more.
      if manifests.status(FileName(name)) != nil { try manifests.remove(FileName(name)) }
    } catch {
      if error == .noSuchFile { return }
      throw Fault(
        "cannot mark \(path)/results/\(name) as fetched", cause: error,
        remedy:
          "The scanner must run with umask 002, and active/ have the group of the agent and mode 2700")
    }
  }
}
