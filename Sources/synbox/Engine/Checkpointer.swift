// Saves the running job's checkpoints about once a second.
import Kernel
import Plan
import Scan
import Spool
import Synchronization

/// Keeps a job's checkpoint up to date.
///
/// The receiving thread calls it. A thread of its own flushes to the device, because that can take long.
final class Checkpointer {
  let files: JobFiles
  private let writer: CheckpointWriter
  private let identity: JobIdentity
  private var positions: SettledPositions
  /// Positions in the whole sequence.
  private let count: UInt64
  private var isAwaitingPositions = false
  private var nextPositionRequest: UInt64 = 0
  private var nextCheckpoint: UInt64 = 0
  private var thread: KernelThread?
  private var link: LinkMonitor
  /// Why the last checkpoint could not be written. The next attempt follows a second later.
  private(set) var failure: Fault?

  /// Nanoseconds between two requests for the senders' positions, and between two checkpoints.
  private static let positionInterval: UInt64 = 250_000_000
  private static let checkpointInterval: UInt64 = 1_000_000_000

  init(
    _ job: Job, files: JobFiles, identity: JobIdentity, settings: JobSettings,
    link: consuming LinkMonitor
  ) {
    self.link = consume link
    self.files = files
    writer = CheckpointWriter(job, files)
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

  /// Starts to write a checkpoint if one is due. Every reply received so far must be in the files.
  ///
  /// - Parameter drainedUntil: CLOCK_MONOTONIC in nanoseconds; all replies that arrived earlier were received.
  /// - Throws: The faults that make everything after the previous checkpoint worthless: a link that was down,
  ///   a disk that lost data.
  func saveIfDue(
    at now: UInt64, drainedUntil: UInt64, _ totals: () throws(Fault) -> ScanTotals
  ) throws(Fault) {
    guard try finishWrite(), now >= nextCheckpoint else { return }
    nextCheckpoint = now + Self.checkpointInterval
    if try link.isIntact() { positions.advance(to: drainedUntil) }
    let next = checkpoint(try totals())
    let writer = self.writer
    writer.begin()
    let thread = try KernelThread(name: "checkpoint", processor: nil) { writer.write(next) }
    self.thread = consume thread
  }

  /// Returns whether the link has been up since the scan began, so that the probes sent did leave.
  /// Throws as `saveIfDue` does.
  func isLinkIntact() throws(Fault) -> Bool { try link.isIntact() }

  /// Writes this process's last checkpoint, and returns when it is on the device.
  func saveFinal(_ totals: ScanTotals) throws(Fault) {
    join()
    writer.write(checkpoint(totals))
    _ = try finishWrite()
  }

  /// Waits until no checkpoint is being written.
  func join() {
    if let thread = thread.take() { thread.join() }
  }

  private func checkpoint(_ totals: ScanTotals) -> Checkpoint {
    Checkpoint(
      identity: identity, index: positions.index, results: files.results.mark,
      journal: files.journal.mark, totals: totals)
  }

  /// Takes over the outcome of the last write; false while the write is still running.
  private func finishWrite() throws(Fault) -> Bool {
    switch writer.outcome {
    case .running: return false
    case .saved: failure = nil
    case .dataLost(let fault): throw fault
    case .notSaved(let fault): failure = fault
    }
    join()
    return true
  }
}

/// Flushes a job's files, then writes the checkpoint that vouches for them. Any thread may call it.
private final class CheckpointWriter: Sendable {
  enum Outcome {
    case running, saved
    /// Flushing the files failed. The kernel may have discarded data that it had accepted (fsync(2), EIO).
    case dataLost(Fault)
    /// The previous checkpoint is still the last one.
    case notSaved(Fault)
  }

  private let job: Job
  private let files: JobFiles
  private let lastOutcome = Mutex(Outcome.saved)

  init(_ job: Job, _ files: JobFiles) { (self.job, self.files) = (job, files) }

  var outcome: Outcome { lastOutcome.withLock(\.self) }

  func begin() { lastOutcome.withLock { $0 = .running } }

  func write(_ checkpoint: Checkpoint) {
    let outcome = save(checkpoint)
    lastOutcome.withLock { $0 = outcome }
  }

  private func save(_ checkpoint: Checkpoint) -> Outcome {
    do throws(Fault) {
      try files.results.sync()
      try files.journal.sync()
    } catch {
      return .dataLost(error)
    }
    do throws(Fault) {
      try job.save(checkpoint)
    } catch {
      return .notSaved(error)
    }
    return .saved
  }
}
