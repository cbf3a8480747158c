// A job: a claimed target file in its own directory in active/.
import Kernel
import Plan

/// A claimed target file, its directory and its record.
public struct Job: Sendable {
  /// The name of its directory in active/, and later in results/ or rejected/.
  public let name: String
  /// The name of its target file. Differs from `name` if an earlier job had the same name.
  public let file: String
  /// The path of its directory.
  public let directory: String
  public var record: JobRecord

  /// The file that receives results while the job runs.
  public var partialResultsPath: String { "\(directory)/results.partial" }
  var recordPath: String { "\(directory)/job.json" }

  /// Returns the bytes of its target file, unexpanded.
  ///
  /// Throws the entry's fault if it is not a regular file, cannot be read, or is larger than `TargetContent.limit`.
  public func readTargets() throws(EntryError) -> [UInt8] {
    try Files.readRegular(file, in: directory, limit: TargetContent.limit)
  }

  /// Reads its target file within a budget. Finds up to 100 mistakes.
  public func readTargets(_ budget: PlanBudget) throws(TargetStream.Failure) -> TargetStream {
    try TargetStream.read(file, in: directory, budget: budget)
  }

  /// Replaces job.json atomically. Only the box's user can read it, because it contains the key.
  public func save() throws(Fault) {
    try Files.replace(recordPath, with: try record.encoded(), durable: true, isSecret: true)
  }

  /// Counts a crash in advance. Call this before anything that could crash; `recordCleanExit` undoes it.
  public mutating func recordStart() throws(Fault) {
    record.crashes += 1
    record.index = checkpointIndex ?? 0
    try save()
  }

  /// Records that the process is about to exit in good order, so this start was not a crash.
  public func recordCleanExit() throws(Fault) {
    var job = self
    job.record.crashes = 0
    try job.save()
  }
}
