// Who submitted which job. The record stands beside the target file, not in it, so that the file stays as it came; the
// scanner and its operators need not know of it.
import BoxAPI
import Kernel
import Manage

extension DataFolder {
  private static let recordLimit = 4096
  /// Nanoseconds after a submission in which the status may not yet name a job that the scanner has claimed.
  private static let statusDelay: UInt64 = 10_000_000_000

  /// Returns who submitted a job; nil if it did not come through the service.
  func owner(of name: String) -> JobOwner? {
    guard let text = try? owners.read(FileName(name), limit: Self.recordLimit),
      let owner = JSONText.read(JobOwner.self, text), owner.format == JobOwner.currentFormat
    else { return nil }
    return owner
  }

  /// Writes the record of a job that is about to be submitted. An earlier job's record is replaced only if nothing is
  /// left of that job.
  ///
  /// - Throws: a `Problem` with status 409 if another submission has the name.
  func record(_ owner: JobOwner, of name: String) throws(Problem) {
    do throws(Errno) {
      if owners.status(FileName(name)) != nil, !isInUse(name) { try owners.remove(FileName(name)) }
      let file = try owners.create(FileName(name), mode: 0o600)
      try file.writeAll(JSONText.line(owner) + [UInt8(ascii: "\n")])
      try file.sync()
      try owners.sync()
    } catch {
      if error == .fileExists { throw Self.inUse(name) }
      throw Self.problem(writing: "whose job it is", error)
    }
  }

  func removeRecord(of name: String) { _ = try? owners.remove(FileName(name)) }

  static func inUse(_ name: String) -> Problem {
    Problem.conflict("the name \"\(FileName(name))\" is in use; choose another one")
  }

  /// Returns whether a job of this name is anywhere. `active/` is closed to the service: the status tells what is there.
  func isInUse(_ name: String) -> Bool {
    let file = FileName(name)
    if spool.status(file) != nil || results.status(file) != nil || rejected.status(file) != nil {
      return true
    }
    let record = owners.status(file)
    if let record, Clock.realtime < record.modified + Self.statusDelay { return true }
    guard let status = status() else { return false }
    let running = (status.job.map { [$0] } ?? []) + status.cooling
    if running.contains(where: { $0.name == name }) { return true }
    if status.queue.contains(where: { $0.name == name && $0.state != "queued" }) { return true }
    // A status names only so many jobs.
    return record != nil && UInt64(status.queue.count) < status.jobsQueued
  }

  /// Removes the records of jobs of which nothing is left.
  public func sweepOwners() {
    for name in (try? owners.entries()) ?? [] {
      if let text = name.text, !isInUse(text) { _ = try? owners.remove(name) }
    }
  }
}
