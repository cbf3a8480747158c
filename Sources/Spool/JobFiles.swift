// The files of a running job, opened at its last intact checkpoint.
import Kernel
import Scan

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

  /// Opens the job's files as of its furthest intact checkpoint, or empty if there is none. Renames damaged files to
  /// `*.damaged`.
  public func openFiles(for identity: JobIdentity) throws(Fault) -> JobFiles {
    var notes: [String] = []
    let found = try readCheckpoints(&notes)
    let usable = found.filter { $0.identity.output == identity.output }
    if usable.isEmpty, !found.isEmpty {
      notes.append("the result format has changed: the job starts over")
    }
    for var checkpoint in Self.furthestFirst(usable, order: identity.order) {
      guard let (results, journal) = try files(at: checkpoint, &notes) else { continue }
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
    try journal.beginJournal()
    try Files.syncDirectory(directory)
    return JobFiles(results: results, journal: journal, checkpoint: nil, notes: notes)
  }

  /// Truncates results and journal to a checkpoint; returns nil if they do not match it.
  private func files(at checkpoint: Checkpoint, _ notes: inout [String]) throws(Fault)
    -> (results: RecordFile, journal: RecordFile)?
  {
    guard let results = try RecordFile(partialResultsPath, at: checkpoint.results),
      let journal = try RecordFile(journalPath, at: checkpoint.journal)
    else {
      notes.append(
        "results or journal do not match the lengths and checksums of the checkpoint at position "
          + "\(checkpoint.index) in \(directory)")
      return nil
    }
    if let format = try journal.journalFormat(), format > FileFormat.current {
      notes.append("\(journalPath) is \(Unreadable.newer(format)): the job starts over")
      return nil
    }
    try journal.beginJournal()
    // An invalid record is reported by whoever reads the records.
    if let count = try? journal.readJournal({ _ in }), count > 0 {
      notes.append("\(journalPath) has \(count) records of an unknown address family: ignored")
    }
    return (results, journal)
  }

  /// Truncates the results to the last intact checkpoint and returns it; nil if there is none. For a job that will
  /// not be resumed.
  public func truncateResultsToCheckpoint() throws(Fault) -> Checkpoint? {
    var notes: [String] = []
    for checkpoint in Self.furthestFirst(try readCheckpoints(&notes)) {
      if try RecordFile(partialResultsPath, at: checkpoint.results) != nil { return checkpoint }
    }
    return nil
  }

  // MARK: - Checkpoints

  private static let checkpointLimit = 1 << 16

  /// The index of the furthest intact checkpoint; nil if there is none. Changes no file.
  var checkpointIndex: UInt64? {
    let found = ["checkpoint", "checkpoint.previous"].flatMap(storedCheckpoints)
    return Self.furthestFirst(found).first?.index
  }

  /// Returns the intact checkpoints of a file. Changes nothing.
  private func storedCheckpoints(_ name: String) -> [Checkpoint] {
    let bytes = try? Files.readRegular(name, in: directory, limit: Self.checkpointLimit)
    return bytes.map { StoredCheckpoints($0).checkpoints } ?? []
  }

  /// Sorts checkpoints by what they would keep: first the results, which only grow, then the position, which means
  /// something only in the same order of probes.
  private static func furthestFirst(_ checkpoints: [Checkpoint], order: String? = nil)
    -> [Checkpoint]
  {
    func rank(_ checkpoint: Checkpoint) -> (UInt64, Int, UInt64) {
      let isOfOrder = order == nil || checkpoint.identity.order == order
      return (checkpoint.results.length, isOfOrder ? 1 : 0, checkpoint.index)
    }
    return checkpoints.sorted { rank($0) > rank($1) }
  }

  /// Returns the intact checkpoints, each once.
  private func readCheckpoints(_ notes: inout [String]) throws(Fault) -> [Checkpoint] {
    var found: [Checkpoint] = []
    for path in [checkpointPath, previousCheckpointPath] {
      guard let status = Files.status(of: path) else { continue }
      let isPlausible = status.kind == .file && status.size <= Self.checkpointLimit
      let stored = StoredCheckpoints(try isPlausible ? Files.read(path) : [])
      for checkpoint in stored.checkpoints where !found.contains(checkpoint) {
        found.append(checkpoint)
      }
      if let problem = stored.problem {
        notes.append("\(path) is \(problem)")
        try renameDamaged(path)
      }
    }
    return found
  }

  /// Renames a file to `PATH.damaged`, replacing an earlier one.
  func renameDamaged(_ path: String) throws(Fault) {
    guard Files.kind(of: path) != nil else { return }
    try Files.rename(path, to: path + ".damaged")
  }

  /// Saves a checkpoint in both formats. The caller must have flushed the files to the checkpoint's lengths.
  ///
  /// `checkpoint.previous` has the format of version 0.1.0, which reads it when it does not understand `checkpoint`.
  /// `checkpoint` also keeps an earlier checkpoint, for the case that the files do not match the new one. Each file is
  /// replaced when the other one holds an intact checkpoint, so a power cut leaves one for each version.
  public func save(_ checkpoint: Checkpoint) throws(Fault) {
    let new = checkpointPath + ".new"
    let earlier = earlierCheckpoint(than: checkpoint)
    if let bytes = checkpoint.encodedFormat1 {
      try Files.writeNew(new, bytes, durable: true)
      try Files.rename(new, to: previousCheckpointPath)
    }
    var bytes = try checkpoint.encoded()
    if let earlier { bytes += try earlier.encoded() }
    try Files.writeNew(new, bytes, durable: true)
    try Files.rename(new, to: checkpointPath)
    try Files.syncDirectory(directory)
  }

  /// Returns the checkpoint saved last that vouches for a smaller part of the files.
  private func earlierCheckpoint(than checkpoint: Checkpoint) -> Checkpoint? {
    storedCheckpoints("checkpoint").first { checkpoint.canFallBack(to: $0) }
  }
}
