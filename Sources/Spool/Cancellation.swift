// Cancelling a job: an operator puts a file NAME.cancel into the spool.
import Kernel

/// A request to cancel the job `job`, in force as long as its file exists.
public struct Cancellation: Hashable, Sendable {
  static let suffix = ".cancel"

  /// The name of the request's file in the spool.
  public let file: String
  /// The name of the job: of its directory in active/, or of its target file in the spool.
  public let job: String

  /// Returns nil if the name is not one of a cancellation.
  init?(_ name: FileName) {
    let suffix = Self.suffix.utf8
    guard name.bytes.count > suffix.count, name.bytes.suffix(suffix.count).elementsEqual(suffix) else {
      return nil
    }
    // The longest name of a job can be cancelled, too.
    let job = FileName(bytes: Array(name.bytes.dropLast(suffix.count)))
    guard JobName.rejectionReason(for: job) == nil, let text = job.text else { return nil }
    file = text + Self.suffix
    self.job = text
  }
}

extension Spool {
  /// Cancels a queued file: moves it to rejected/ with the reason.
  ///
  /// Returns its name there; nil if the file is gone or open for writing.
  public func cancel(_ candidate: Candidate, now: UInt64 = Clock.monotonic) throws(EntryError)
    -> String?
  {
    let reason =
      "\(candidate.name): cancelled by \(candidate.name)\(Cancellation.suffix) before it started"
    return try reject(candidate, reason: reason, now: now)
  }

  /// Moves a file to rejected/ with the reason. Returns its name there; nil if the file is gone or open for writing.
  public func reject(
    _ candidate: Candidate, reason: String, now: UInt64 = Clock.monotonic
  ) throws(EntryError) -> String? {
    guard let job = try claim(candidate, now: now) else { return nil }
    return try EntryError.box { () throws(Fault) in try reject(job, reason: reason) }
  }

  /// Removes the request's file. Call this only after the cancellation has reached the disk: after a crash in
  /// between, the request is carried out again, which is harmless.
  public func remove(_ cancellation: Cancellation) throws(EntryError) {
    let path = "\(data.spool)/\(cancellation.file)"
    guard Files.kind(of: path) != nil else { return }
    try EntryError.changing(FileName(cancellation.file), in: data.spool) { () throws(Fault) in
      try Files.remove(path)
    }
    try EntryError.box { () throws(Fault) in try Files.syncDirectory(data.spool) }
  }

  /// Rejects a request that names no job. Returns the name of its directory in rejected/; nil if the file is gone.
  public func reject(_ cancellation: Cancellation) throws(EntryError) -> String? {
    try reject(
      FileName(cancellation.file), as: data.uniqueName(for: cancellation.file),
      reason:
        "found no queued or running job \(cancellation.job), expected its name before .cancel")
  }

  /// Returns whether the spool contains a file of this name, complete or not.
  public func contains(_ name: String) -> Bool { Files.kind(of: "\(data.spool)/\(name)") != nil }

  /// Returns whether a job of this name is in results/ or rejected/.
  public func hasEnded(_ name: String) -> Bool {
    [data.results, data.rejected].contains { Files.kind(of: "\($0)/\(name)") != nil }
  }
}
