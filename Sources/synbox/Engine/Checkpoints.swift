// A running job's checkpoints: when there is one, what it says, and who writes it.
import Kernel
import Plan
import Scan
import Spool
import Synchronization

/// Keeps a job's checkpoint up to date. Used by the thread that takes replies; flushing to the device, which may
/// take long, is another one's work.
final class Checkpoints {
  let files: JobFiles
  private let keeper: CheckpointKeeper
  private let identity: JobIdentity
  private var positions: SettledPositions
  /// Places of the whole sequence.
  private let count: UInt64
  private var isSettling = false
  private var nextSettlement: UInt64 = 0
  private var nextCheckpoint: UInt64 = 0
  private var thread: KernelThread?
  private var watch: LinkWatch
  /// Why the last checkpoint could not be written; another is tried a second later.
  private(set) var failure: Fault?

  /// How often the senders are asked how far they are, and how often that is written: nanoseconds.
  private static let settlementInterval: UInt64 = 250_000_000
  private static let checkpointInterval: UInt64 = 1_000_000_000

  init(
    _ job: Job, files: JobFiles, identity: JobIdentity, settings: JobSettings,
    watch: consuming LinkWatch
  ) {
    self.watch = consume watch
    self.files = files
    keeper = CheckpointKeeper(job, files)
    self.identity = identity
    count = settings.sequence.count
    positions = SettledPositions(
      from: min(files.checkpoint?.index ?? 0, count), cooldown: settings.cooldown.nanoseconds)
  }

  /// From here on probes have still to be sent, or their replies to be awaited.
  var index: UInt64 { positions.index }

  /// Asks the senders how far they are, and takes their answers.
  func note(_ senders: [SenderCounters], at now: UInt64) {
    if isSettling {
      let places = senders.compactMap(\.settled)
      if places.count == senders.count {
        isSettling = false
        positions.note(min(places.min() ?? 0, count), at: now)
      }
    } else if now >= nextSettlement {
      nextSettlement = now + Self.settlementInterval
      isSettling = true
      for sender in senders { sender.wantSettlement() }
    }
  }

  /// Once a second has a checkpoint written; everything taken so far must have been appended to the files.
  /// Throws what makes worthless all that came after the checkpoint before: a dead link, a disk that fails.
  ///
  /// - Parameter takenUntil: every reply that had come by then has been taken.
  func write(at now: UInt64, takenUntil: UInt64, _ totals: () throws(Fault) -> ScanTotals) throws(Fault)
  {
    guard try isIdle(), now >= nextCheckpoint else { return }
    nextCheckpoint = now + Self.checkpointInterval
    if try watch.look() { positions.advance(to: takenUntil) }
    let next = checkpoint(try totals())
    let keeper = self.keeper
    keeper.begin()
    let thread = try KernelThread(name: "checkpoint", processor: nil) { keeper.keep(next) }
    self.thread = consume thread
  }

  /// Whether all probes have left on a link that still stands. Throws as `write` does.
  func isConfirmed() throws(Fault) -> Bool { try watch.look() }

  /// The last one of this process, written at once.
  func writeLast(_ totals: ScanTotals) throws(Fault) {
    join()
    keeper.keep(checkpoint(totals))
    _ = try isIdle()
  }

  /// Waits until nothing is being written any more.
  func join() {
    if let thread = thread.take() { thread.join() }
  }

  private func checkpoint(_ totals: ScanTotals) -> Checkpoint {
    Checkpoint(
      identity: identity, index: positions.index, results: files.results.mark,
      journal: files.journal.mark, totals: totals)
  }

  private func isIdle() throws(Fault) -> Bool {
    switch keeper.outcome {
    case .running: return false
    case .saved: failure = nil
    case .lost(let fault): throw fault
    case .notSaved(let fault): failure = fault
    }
    join()
    return true
  }
}

/// Flushes a job's files and then writes the checkpoint that vouches for them, on whichever thread.
private final class CheckpointKeeper: Sendable {
  enum Outcome {
    case running, saved
    /// Results or answers may not be on the device, and the kernel may have forgotten them.
    case lost(Fault)
    /// The checkpoint before it is still the last one.
    case notSaved(Fault)
  }

  private let job: Job
  private let files: JobFiles
  private let last = Mutex(Outcome.saved)

  init(_ job: Job, _ files: JobFiles) { (self.job, self.files) = (job, files) }

  var outcome: Outcome { last.withLock(\.self) }

  func begin() { last.withLock { $0 = .running } }

  func keep(_ checkpoint: Checkpoint) {
    let outcome = save(checkpoint)
    last.withLock { $0 = outcome }
  }

  private func save(_ checkpoint: Checkpoint) -> Outcome {
    do throws(Fault) {
      try files.results.sync()
      try files.journal.sync()
    } catch {
      return .lost(error)
    }
    do throws(Fault) {
      try job.save(checkpoint)
    } catch {
      return .notSaved(error)
    }
    return .saved
  }
}
