// Recovery of active/ after a process ended in the middle of its work.
import Kernel
import Scan

/// A job that was found in active/.
public struct InterruptedJob: Sendable {
  public var job: Job
  /// What was repaired, for the log; nil if nothing was.
  public var note: String?
}

/// The result of a recovery.
public struct RecoveryReport: Sendable {
  /// Jobs to resume, oldest first.
  public var jobs: [InterruptedJob] = []
  /// Jobs rejected because every process that ran them crashed: their names in rejected/.
  public var quarantined: [String] = []
  /// Jobs that had finished and only had to be moved: their names in results/.
  public var finished: [String] = []
  /// Anything else that was found, and what was done about it.
  public var notes: [String] = []
}

extension Spool {
  /// Repairs active/ and returns the jobs to resume from their last checkpoints, with their keys and seeds. Call this
  /// before the first claim, and after a fault.
  ///
  /// - Parameter known: jobs to leave alone.
  public func recoverJobs(except known: Set<String> = []) throws(Fault) -> RecoveryReport {
    try data.complete()
    var report = RecoveryReport()
    var found: [(changed: UInt64, job: InterruptedJob)] = []
    for name in try Files.entries(of: data.active) {
      guard let text = name.text, let status = Files.status(of: name, in: data.active),
        status.kind == .directory
      else {
        report.notes.append("active/\(name) is not a job: ignored")
        continue
      }
      if known.contains(text) { continue }
      do throws(Fault) {
        if let interrupted = try recover(text, into: &report) {
          found.append((status.changed, interrupted))
        }
      } catch {
        // One job that cannot be repaired must not keep the others from running.
        guard case .entry = EntryError(changing: name, in: data.active, error) else { throw error }
        report.notes.append("active/\(name) cannot be recovered: left alone: \(error)")
      }
    }
    report.jobs = found.sorted { $0.changed < $1.changed }.map(\.job)
    return report
  }

  private func recover(_ name: String, into report: inout RecoveryReport) throws(Fault)
    -> InterruptedJob?
  {
    let directory = "\(data.active)/\(name)"
    let recordPath = "\(directory)/job.json"
    let hadRecord = Files.kind(of: recordPath) == .file
    let (record, problem) = try storedRecord(of: name, exists: hadRecord)
    let entries = try Files.entries(of: directory).compactMap(\.text)
    let targets = entries.filter { !JobName.reserved.contains($0) }
    guard let file = record.map(\.file).flatMap({ targets.contains($0) ? $0 : nil }) ?? targets.first
    else {
      // The power failed after its directory was created and before its file was moved.
      for entry in entries { try Files.remove("\(directory)/\(entry)") }
      try Files.removeDirectory(directory)
      report.notes.append("active/\(name) had no target file: removed")
      return nil
    }
    var job = Job(
      name: name, file: file, directory: directory,
      record: record ?? JobRecord(file: file, now: Clock.realtime))
    // A summary alone does not end a job: `finish` renames the results after it writes the summary.
    if entries.contains("summary.json"), entries.contains(where: OutputFormat.fileNames.contains) {
      report.finished.append(try moveFinished(job))
      return nil
    }
    if entries.contains("reason.txt") {
      let stored = try? Files.readRegular("reason.txt", in: directory, limit: 1 << 20)
      let reason = stored.map { String(decoding: $0.dropLast(), as: UTF8.self) }
      let rejected = try reject(job, reason: reason ?? "\(file): the reason cannot be read any more")
      report.notes.append("active/\(name) was being rejected: moved to rejected/\(rejected)")
      return nil
    }
    if let reason = crashReason(of: &job) {
      report.quarantined.append(try reject(job, reason: reason))
      return nil
    }
    var note: String?
    if record == nil {
      // Every start writes job.json. A missing one means no start; a damaged one, at least one.
      job.record.starts = hadRecord ? 1 : 0
      note = "its job.json is \(problem.map { "\($0)" } ?? "missing"): it gets a new key and seed"
      if hadRecord { try job.renameDamaged(recordPath) }
    }
    try removeInternalFiles(of: job, keeping: Self.keptForResuming)
    if record == nil { try job.save() }
    return InterruptedJob(job: job, note: note)
  }

  /// Returns a job's record, or why there is none.
  private func storedRecord(of name: String, exists: Bool) throws(Fault) -> (
    JobRecord?, Unreadable?
  ) {
    guard exists else { return (nil, nil) }
    let bytes: [UInt8]
    do throws(EntryError) {
      bytes = try Files.readRegular("job.json", in: "\(data.active)/\(name)", limit: 1 << 20)
    } catch {
      guard case .box(let fault) = error else { return (nil, .damaged) }
      throw fault
    }
    do throws(Unreadable) {
      return (try JobRecord(stored: bytes), nil)
    } catch {
      return (nil, error)
    }
  }

  /// The files that a resumed job needs, and their damaged predecessors.
  private static let keptForResuming = Set(
    ["job.json", "checkpoint", "checkpoint.previous", "answers", "results.partial"].flatMap {
      [$0, $0 + ".damaged"]
    })

  /// The number of consecutive crashes without progress after which a job is rejected.
  static let maximumCrashes = 5

  /// Returns why the job must not be started again; nil if it may. Resets its crash count if it has made progress.
  private func crashReason(of job: inout Job) -> String? {
    guard job.record.crashes > 0 else { return nil }
    if let index = job.checkpointIndex, index > job.record.index { job.record.crashes = 0 }
    guard job.record.crashes >= Self.maximumCrashes else { return nil }
    return
      "\(job.file): found \(job.record.crashes) crashes in a row without progress (at probe "
      + "\(job.record.index)), expected fewer than \(Self.maximumCrashes). "
      + "To try again, put the file into the spool again"
  }
}
