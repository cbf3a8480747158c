// The files of a job in work, opened where the last good checkpoint left them.
import Kernel

/// Results and answers of a job, and the checkpoint that vouches for them.
public struct JobFiles: Sendable {
  public let results: RecordFile
  public let answers: RecordFile
  /// What the job goes on from; nil at its beginning.
  public let checkpoint: Checkpoint?
  /// What was wrong with what was found, for the log.
  public let notes: [String]
}

extension Job {
  public var answers: String { "\(directory)/answers" }
  var checkpointPath: String { "\(directory)/checkpoint" }
  var previousPath: String { "\(directory)/checkpoint.previous" }

  /// Opens the job's files as of its last good checkpoint, or empty. What is damaged is set aside as
  /// `*.damaged`.
  public func open(_ identity: JobIdentity) throws(Fault) -> JobFiles {
    var notes: [String] = []
    for path in [checkpointPath, previousPath] {
      guard var checkpoint = try readCheckpoint(path, &notes) else { continue }
      guard checkpoint.identity.output == identity.output else {
        notes.append("the results are to look otherwise now: it starts again from its beginning")
        break
      }
      guard let results = try RecordFile(partial, at: checkpoint.results),
        let answers = try RecordFile(answers, at: checkpoint.answers)
      else {
        notes.append("\(path): results or answers are not as it says")
        continue
      }
      if checkpoint.identity.order != identity.order {
        notes.append(
          "targets, scope or sources have changed: all is probed again, what was found is kept")
        checkpoint.identity = identity
        checkpoint.index = 0
      }
      return JobFiles(results: results, answers: answers, checkpoint: checkpoint, notes: notes)
    }
    // Without a checkpoint nothing says which part of these is whole.
    if !notes.isEmpty { for path in [partial, answers] { try setAside(path) } }
    guard let results = try RecordFile(partial, at: RecordFile.Mark()),
      let answers = try RecordFile(answers, at: RecordFile.Mark())
    else { throw Fault("cannot begin the results of the job \(name)") }
    try Files.syncDirectory(directory)
    return JobFiles(results: results, answers: answers, checkpoint: nil, notes: notes)
  }

  /// Cuts the results back to what the last good checkpoint vouches for, and returns it; nil without one. For a
  /// job that is not gone on with.
  public func resultsOfCheckpoint() throws(Fault) -> Checkpoint? {
    var notes: [String] = []
    for path in [checkpointPath, previousPath] {
      guard let checkpoint = try readCheckpoint(path, &notes) else { continue }
      if try RecordFile(partial, at: checkpoint.results) != nil { return checkpoint }
    }
    return nil
  }

  /// The last good checkpoint's index; nil without one. Changes nothing.
  var checkpointIndex: UInt64? {
    for path in ["checkpoint", "checkpoint.previous"] {
      if let bytes = try? Files.readRegular(path, in: directory, limit: 1 << 16),
        let checkpoint = Checkpoint(bytes)
      {
        return checkpoint.index
      }
    }
    return nil
  }

  private func readCheckpoint(_ path: String, _ notes: inout [String]) throws(Fault) -> Checkpoint? {
    guard let status = Files.status(of: path) else { return nil }
    if status.kind == .file, status.size <= 1 << 16,
      let checkpoint = Checkpoint(try Files.read(path))
    {
      return checkpoint
    }
    notes.append("\(path) is cut off or damaged")
    try setAside(path)
    return nil
  }

  /// Renames to `PATH.damaged`, in place of what was there under that name before.
  func setAside(_ path: String) throws(Fault) {
    guard Files.kind(of: path) != nil else { return }
    try Files.rename(path, to: path + ".damaged")
  }

  /// Makes a checkpoint the last one, and keeps the one before it. What it vouches for must have been flushed.
  public func save(_ checkpoint: Checkpoint) throws(Fault) {
    let fresh = checkpointPath + ".new"
    try Files.write(fresh, checkpoint.encoded, durable: true)
    if Files.kind(of: checkpointPath) != nil { try Files.rename(checkpointPath, to: previousPath) }
    try Files.rename(fresh, to: checkpointPath)
    try Files.syncDirectory(directory)
  }
}
