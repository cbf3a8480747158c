// Saves a running job's checkpoints about once a second. On the control thread, because flushing to the device can
// take long.
import Kernel
import Plan
import Scan
import Spool

/// Keeps a job's checkpoint up to date.
package final class Checkpointer {
  let files: JobFiles
  private let job: Job
  private let identity: JobIdentity
  private var positions: SettledPositions
  /// Positions in the whole sequence.
  private let count: UInt64
  private var isAwaitingPositions = false
  private var hasNotedEnd = false
  private var nextPositionRequest: UInt64 = 0
  private var nextCheckpoint: UInt64 = 0
  private var link: LinkMonitor
  /// Why the last checkpoint could not be written. The next attempt follows a second later.
  private(set) var failure: Fault?

  /// What the last checkpoint says. The next one is written only if it says more.
  private struct Saved: Equatable {
    let index: UInt64
    let written: UInt64
    let reported: UInt64
    let probes: UInt64
  }
  private var saved: Saved?

  /// Nanoseconds between two requests for the senders' positions, and between two checkpoints.
  private static let positionInterval: UInt64 = 250_000_000
  private static let checkpointInterval: UInt64 = 1_000_000_000

  package init(
    _ job: Job, files: JobFiles, identity: JobIdentity, settings: JobSettings,
    link: consuming LinkMonitor
  ) {
    self.link = consume link
    self.files = files
    self.job = job
    self.identity = identity
    count = settings.sequence.count
    positions = SettledPositions(
      from: min(files.checkpoint?.index ?? 0, count), cooldown: settings.cooldown.nanoseconds)
  }

  /// The position to resume from: every earlier probe was sent, and its replies had time to arrive.
  var index: UInt64 { positions.index }

  /// Requests the senders' positions, or collects them once all senders have reported.
  func collectPositions(from senders: [SenderCounters], at now: UInt64) {
    if isAwaitingPositions {
      let reported = senders.compactMap(\.reportedPosition)
      if reported.count == senders.count {
        isAwaitingPositions = false
        positions.note(min(reported.min() ?? 0, count), at: now)
      }
    } else if now >= nextPositionRequest {
      nextPositionRequest = now + Self.positionInterval
      isAwaitingPositions = true
      for sender in senders { sender.requestPosition() }
    }
  }

  /// Notes that all probes were sent.
  func noteEnd(at now: UInt64) {
    guard !hasNotedEnd else { return }
    hasNotedEnd = true
    positions.note(count, at: now)
  }

  /// Writes a checkpoint if one is due and there is anything new to save.
  ///
  /// - Parameters:
  ///   - mark: How far the results are written.
  ///   - drainedUntil: CLOCK_MONOTONIC in nanoseconds; the results of all replies that arrived earlier are within `mark`.
  /// - Throws: The faults that make everything after the previous checkpoint worthless: a link that was down,
  ///   a disk that lost data.
  func saveIfDue(
    at now: UInt64, _ mark: SinkMark, drainedUntil: UInt64, _ totals: () throws(Fault) -> ScanTotals
  ) throws(Fault) {
    guard now >= nextCheckpoint else { return }
    nextCheckpoint = now + Self.checkpointInterval
    if try link.isIntact() { positions.advance(to: drainedUntil) }
    let totals = try totals()
    let next = Saved(
      index: positions.index, written: mark.written, reported: totals[.reported],
      probes: totals[.probesCompleted])
    // Many jobs that cool down would keep the disk busy with checkpoints that differ in their time alone.
    guard next != saved else { return }
    try save(mark, totals)
    saved = failure == nil ? next : nil
  }

  /// Returns whether the link has been up since the scan began, so that the probes sent did leave.
  /// Throws as `saveIfDue` does.
  func isLinkIntact() throws(Fault) -> Bool { try link.isIntact() }

  /// Flushes the job's files, then writes the checkpoint that vouches for them.
  ///
  /// - Throws: The fault of flushing: the kernel may have discarded data that it had accepted (fsync(2), EIO). If only
  ///   the checkpoint cannot be written, the previous one stands, and `failure` says why.
  func save(_ mark: SinkMark, _ totals: ScanTotals) throws(Fault) {
    try files.results.sync()
    try files.journal.sync()
    do throws(Fault) {
      try job.save(
        Checkpoint(
          identity: identity, index: positions.index, results: mark.results, journal: mark.journal,
          totals: totals))
      failure = nil
    } catch {
      failure = error
    }
  }
}
