// How an operator ends a job before its time: by a file NAME.cancel in the spool.
import Kernel

/// The wish that the job `job` end; the file stands for it as long as it is there.
public struct Cancellation: Hashable, Sendable {
  static let suffix = ".cancel"

  /// The file's name in the spool.
  public let file: String
  /// The name of the job: of its directory in active/, or of its file in the spool.
  public let job: String

  /// nil for a name that means no cancellation.
  init?(_ name: FileName) {
    guard JobName.objection(to: name) == nil, let text = name.text, text.hasSuffix(Self.suffix),
      text.utf8.count > Self.suffix.utf8.count
    else { return nil }
    file = text
    job = String(text.dropLast(Self.suffix.count))
  }
}

extension Spool {
  /// Cancels a file that waits: moves it to rejected/ with the reason; the name it has there, nil when it is
  /// not there any more, or still being written.
  public func cancel(_ candidate: Candidate, now: UInt64 = Clock.monotonic) throws(Fault) -> String? {
    guard let job = try claim(candidate, now: now) else { return nil }
    return try reject(
      job, reason: "\(job.file): cancelled by \(job.file)\(Cancellation.suffix) before it was begun")
  }

  /// Removes the file: the wish was met. Call it after what was wished has lasted, so that a crash in between
  /// only makes it be met twice.
  public func remove(_ cancellation: Cancellation) throws(Fault) {
    let path = "\(data.spool)/\(cancellation.file)"
    guard Files.kind(of: path) != nil else { return }
    try Files.remove(path)
    try Files.syncDirectory(data.spool)
  }

  /// Rejects one that no job answers to; the name it was rejected under, nil when it is gone.
  public func reject(_ cancellation: Cancellation) throws(Fault) -> String? {
    try reject(
      FileName(cancellation.file), as: data.freeName(for: cancellation.file),
      reason: "found no job \(cancellation.job) waiting or in work, expected its name before .cancel")
  }

  /// Whether the spool holds this name, complete or not.
  public func holds(_ name: String) -> Bool { Files.kind(of: "\(data.spool)/\(name)") != nil }

  /// Whether a job of this name came to its end, one way or the other.
  public func hasEnded(_ name: String) -> Bool {
    [data.results, data.rejected].contains { Files.kind(of: "\($0)/\(name)") != nil }
  }
}
