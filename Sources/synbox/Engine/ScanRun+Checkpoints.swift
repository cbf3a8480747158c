// How a scan sees to it that another process can go on with it.
import Kernel
import Plan
import Scan
import Spool
import Wire

extension ScanRun {
  /// Writes what waits, has a checkpoint made when it is time, and pauses while the disk takes neither.
  mutating func flush(_ checkpoints: Checkpoints?) throws(Fault) {
    let now = Clock.monotonic
    if writer.failure == nil || now >= nextFlush {
      try writer.flush()
      nextFlush = now + 200_000_000
    }
    guard let checkpoints else { return }
    checkpoints.note(activeSenders, at: now)
    if writer.failure == nil {
      try checkpoints.write(at: now, takenUntil: takenUntil) { () throws(Fault) in try totals(at: now) }
    }
    let failure = writer.failure ?? checkpoints.failure
    pause.set(.storage, failure?.description)
  }

  /// Writes the checkpoint that another process will go on from. Where the disk takes none, the one before it
  /// serves as well.
  mutating func keep(_ checkpoints: Checkpoints) throws(Fault) {
    try writer.flush()
    guard writer.failure == nil else { return }
    do throws(Fault) {
      try checkpoints.writeLast(try totals(at: Clock.monotonic))
    } catch {
      guard error.isStorageFailure else { throw error }
    }
  }

  /// Those that have a share of the probes.
  private var activeSenders: [SenderCounters] { Array(senders.prefix(shares.count)) }

  /// The table as earlier processes left it.
  static func table(_ job: JobSettings, _ checkpoints: Checkpoints?) throws(Fault)
    -> DedupeTable
  {
    var table = DedupeTable(key: job.key, bytesMax: job.dedupeMemory.bytes)
    guard let checkpoints, job.dedupes else { return table }
    try checkpoints.files.journal.readJournal { _ = table.insert($0.reply) }
    return table
  }
}
