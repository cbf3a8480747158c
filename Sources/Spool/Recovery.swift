// What a process that ended in the middle of something has left in active/.
import Kernel
import Scan

/// A job that was found in active/.
public struct InterruptedJob: Sendable {
  public var job: Job
  /// What became of it in words, for the log; nil where there is nothing to say but that it goes on.
  public var note: String?
}

/// All that was found.
public struct Leftovers: Sendable {
  /// To be gone on with, the oldest first.
  public var jobs: [InterruptedJob] = []
  /// Jobs that crash whoever works at them: their names in rejected/.
  public var quarantined: [String] = []
  /// Jobs that had ended, and were only to be moved: their names in results/.
  public var finished: [String] = []
  /// What else there was, and what was done about it.
  public var notes: [String] = []
}

extension Spool {
  /// Puts active/ in order; call it before anything is claimed, and after a fault. Jobs are to be gone on with
  /// from their last checkpoints, with the key and seed they have.
  public func interrupted() throws(Fault) -> Leftovers {
    var leftovers = Leftovers()
    var found: [(changed: UInt64, job: InterruptedJob)] = []
    for name in try Files.entries(of: data.active) {
      guard let text = name.text, let status = Files.status(of: name, in: data.active),
        status.kind == .directory
      else {
        leftovers.notes.append("active/\(name) is no job and is left alone")
        continue
      }
      if let interrupted = try recover(text, into: &leftovers) {
        found.append((status.changed, interrupted))
      }
    }
    leftovers.jobs = found.sorted { $0.changed < $1.changed }.map(\.job)
    return leftovers
  }

  private func recover(_ name: String, into leftovers: inout Leftovers) throws(Fault)
    -> InterruptedJob?
  {
    let directory = "\(data.active)/\(name)"
    let recordPath = "\(directory)/job.json"
    let hadRecord = Files.kind(of: recordPath) == .file
    let record = hadRecord ? JobRecord(try Files.readRegular("job.json", in: directory)) : nil
    let entries = try Files.entries(of: directory).compactMap(\.text)
    let targets = entries.filter { !JobName.own.contains($0) }
    guard let file = record.map(\.file).flatMap({ targets.contains($0) ? $0 : nil }) ?? targets.first
    else {
      // Its directory was made, and the power went before its file was moved.
      for entry in entries { try Files.remove("\(directory)/\(entry)") }
      try Files.removeDirectory(directory)
      leftovers.notes.append("active/\(name) had no target file and is removed")
      return nil
    }
    var job = Job(
      name: name, file: file, directory: directory,
      record: record ?? JobRecord(file: file, now: Clock.realtime))
    // Partial results are none: a summary beside them alone is not the end.
    if entries.contains("summary.json"), entries.contains(where: OutputFormat.fileNames.contains) {
      leftovers.finished.append(try moveFinished(job))
      return nil
    }
    if entries.contains("reason.txt") {
      let reason = try Files.readRegular("reason.txt", in: directory)
      let rejected = try reject(job, reason: String(decoding: reason.dropLast(), as: UTF8.self))
      leftovers.notes.append("active/\(name) was being rejected and is in rejected/\(rejected) now")
      return nil
    }
    if let reason = objection(to: &job) {
      leftovers.quarantined.append(try reject(job, reason: reason))
      return nil
    }
    var note: String?
    if record == nil {
      // Without job.json it was not begun; a damaged one says nothing about how often it was.
      job.record.starts = hadRecord ? 1 : 0
      note = "its job.json is \(hadRecord ? "damaged" : "missing"): it gets a new key and seed"
      if hadRecord { try job.setAside(recordPath) }
    }
    try removeOwn(of: job, keeping: Self.keptForResumption)
    if record == nil { try job.save() }
    return InterruptedJob(job: job, note: note)
  }

  /// What a job that goes on needs, and what was set aside of it.
  private static let keptForResumption = Set(
    ["job.json", "checkpoint", "checkpoint.previous", "answers", "results.partial"].flatMap {
      [$0, $0 + ".damaged"]
    })

  /// How often in a row a job may be begun without getting on and without an orderly end.
  static let crashesMax = 5

  /// Why a job is not begun once more; nil when it is. Forgets its crashes when it has got on meanwhile.
  private func objection(to job: inout Job) -> String? {
    guard job.record.crashes > 0 else { return nil }
    if let index = job.checkpointIndex, index > job.record.index { job.record.crashes = 0 }
    guard job.record.crashes >= Self.crashesMax else { return nil }
    return
      "\(job.file): found \(job.record.crashes) starts in a row at which the box ended without a word and "
      + "the job did not get on (place \(job.record.index) of its probes), expected fewer than "
      + "\(Self.crashesMax). Put it into the spool again to have it tried again"
  }
}
