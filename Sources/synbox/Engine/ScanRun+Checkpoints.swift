// Saves what another process needs to resume the scan.
import Kernel
import Plan
import Scan
import Spool
import Wire

extension ScanRun {
  /// Writes buffered results and saves a checkpoint if one is due. Pauses the scan while the disk accepts neither.
  mutating func flush(_ checkpointer: Checkpointer?) throws(Fault) {
    let now = Clock.monotonic
    if writer.failure == nil || now >= nextFlush {
      try writer.flush()
      nextFlush = now + 200_000_000
    }
    guard let checkpointer else { return }
    checkpointer.collectPositions(from: activeSenders, at: now)
    if writer.failure == nil {
      try checkpointer.saveIfDue(at: now, drainedUntil: drainedUntil) { () throws(Fault) in
        try totals(at: now)
      }
    }
    let failure = writer.failure ?? checkpointer.failure
    pause.set(.storage, failure?.description)
  }

  /// Saves the checkpoint from which another process resumes. If the disk is full or failing, the previous
  /// checkpoint stands.
  mutating func saveFinalCheckpoint(_ checkpointer: Checkpointer) throws(Fault) {
    try writer.flush()
    guard writer.failure == nil else { return }
    do throws(Fault) {
      try checkpointer.saveFinal(try totals(at: Clock.monotonic))
    } catch {
      guard error.isStorageFailure else { throw error }
    }
  }

  /// The senders that have a share of the probes.
  private var activeSenders: [SenderCounters] { Array(senders.prefix(shares.count)) }

  /// Rebuilds the dedupe table of earlier processes from the job's journal.
  static func table(_ job: JobSettings, _ checkpointer: Checkpointer?) throws(Fault)
    -> DedupeTable
  {
    var table = DedupeTable(key: job.key, bytesMax: job.dedupeMemory.bytes)
    guard let checkpointer, job.dedupes else { return table }
    try checkpointer.files.journal.readJournal { _ = table.insert($0.reply) }
    return table
  }
}
