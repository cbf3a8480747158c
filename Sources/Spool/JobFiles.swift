// The files of a running job, opened at its last intact checkpoint.
import Kernel

/// The results and the journal of a job, truncated to its checkpoint.
public struct JobFiles: Sendable {
  public let results: RecordFile
  public let journal: RecordFile
  /// The checkpoint the job resumes from; nil if it starts over.
  public let checkpoint: Checkpoint?
  /// Problems found on the way, for the log.
  public let notes: [String]
}

extension Job {
  var journalPath: String { "\(directory)/answers" }
  var checkpointPath: String { "\(directory)/checkpoint" }
  var previousCheckpointPath: String { "\(directory)/checkpoint.previous" }

  /// Opens the job's files as of its last intact checkpoint, or empty if there is none. Renames damaged files to
  /// `*.damaged`.
  public func openFiles(for identity: JobIdentity) throws(Fault) -> JobFiles {
    var notes: [String] = []
    for path in [checkpointPath, previousCheckpointPath] {
      guard var checkpoint = try readCheckpoint(path, &notes) else { continue }
      guard checkpoint.identity.output == identity.output else {
        notes.append("the result format has changed: the job starts over")
        break
      }
      guard let results = try RecordFile(partialResultsPath, at: checkpoint.results),
        let journal = try RecordFile(journalPath, at: checkpoint.journal)
      else {
        notes.append("\(path): results or journal do not match its lengths and checksums")
        continue
      }
      if checkpoint.identity.order != identity.order {
        notes.append(
          "targets, scope or sources have changed: all targets are probed again; existing results are kept"
        )
        checkpoint.identity = identity
        checkpoint.index = 0
      }
      return JobFiles(results: results, journal: journal, checkpoint: checkpoint, notes: notes)
    }
    // Without a checkpoint, nothing tells which part of these files is intact.
    if !notes.isEmpty { for path in [partialResultsPath, journalPath] { try renameDamaged(path) } }
    guard let results = try RecordFile(partialResultsPath, at: RecordFile.Mark()),
      let journal = try RecordFile(journalPath, at: RecordFile.Mark())
    else { throw Fault("cannot create the results of the job \(name)") }
    try Files.syncDirectory(directory)
    return JobFiles(results: results, journal: journal, checkpoint: nil, notes: notes)
  }

  /// Truncates the results to the last intact checkpoint and returns it; nil if there is none. For a job that will
  /// not be resumed.
  public func truncateResultsToCheckpoint() throws(Fault) -> Checkpoint? {
    var notes: [String] = []
    for path in [checkpointPath, previousCheckpointPath] {
      guard let checkpoint = try readCheckpoint(path, &notes) else { continue }
      if try RecordFile(partialResultsPath, at: checkpoint.results) != nil { return checkpoint }
    }
    return nil
  }

  /// The index of the last intact checkpoint; nil if there is none. Changes no file.
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
    notes.append("\(path) is truncated or damaged")
    try renameDamaged(path)
    return nil
  }

  /// Renames a file to `PATH.damaged`, replacing an earlier one.
  func renameDamaged(_ path: String) throws(Fault) {
    guard Files.kind(of: path) != nil else { return }
    try Files.rename(path, to: path + ".damaged")
  }

  /// Saves a checkpoint and keeps the previous one. The caller must have flushed the files to the checkpoint's
  /// lengths.
  public func save(_ checkpoint: Checkpoint) throws(Fault) {
    let new = checkpointPath + ".new"
    try Files.write(new, checkpoint.encoded, durable: true)
    if Files.kind(of: checkpointPath) != nil {
      try Files.rename(checkpointPath, to: previousCheckpointPath)
    }
    try Files.rename(new, to: checkpointPath)
    try Files.syncDirectory(directory)
  }
}
