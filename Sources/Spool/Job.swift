// A job: one target file that was claimed, in its directory in active/.
import Kernel

public struct Job: Sendable {
  /// Its directory's name, in active/ and later in results/ or rejected/.
  public let name: String
  /// Its target file's name: the same, but for a file whose name an earlier job had.
  public let file: String
  /// The path of its directory.
  public let directory: String
  public var record: JobRecord

  /// Where results go while it runs.
  public var partial: String { "\(directory)/results.partial" }
  var recordPath: String { "\(directory)/job.json" }

  /// The bytes of its target file as it came. Throws a `Fault` when it is no regular file, may not be read,
  /// or is larger than `TargetContent.limit`.
  public func targets() throws(Fault) -> [UInt8] {
    try Files.readRegular(file, in: directory, limit: TargetContent.limit)
  }

  /// Writes job.json, so that a power cut leaves the old one or the new one. It holds the key, so it is for the
  /// box's user alone.
  public func save() throws(Fault) {
    try Files.replace(recordPath, with: try record.encoded(), durable: true, isSecret: true)
  }

  /// Counts a start, before anything is done that could crash.
  public mutating func begin() throws(Fault) {
    record.crashes += 1
    record.index = checkpointIndex ?? 0
    try save()
  }

  /// Notes that the process ends in good order: this start was no crash.
  public func saveEnd() throws(Fault) {
    var job = self
    job.record.crashes = 0
    try job.save()
  }
}
