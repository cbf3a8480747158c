// What a scan's receive thread has counted.
import Synchronization

/// What became of the replies of one scan, in this process.
struct ReceiveCounts: Sendable {
  /// Replies that answer no probe of the scan: none leaves from the source that they came to, or none goes to the target.
  var unprobedSources: UInt64 = 0
  var unprobedTargets: UInt64 = 0
  /// The other replies taken. Each became a result, was a duplicate, or was discarded.
  var reported: UInt64 = 0
  var duplicates: UInt64 = 0
  /// Replies beyond `--max-results`.
  var discarded: UInt64 = 0
  /// Pairs that the dedupe table evicted.
  var evictions: UInt64 = 0
  /// Results passed to the writer thread.
  var results: UInt64 = 0
  /// RSTs passed to the first sender.
  var resets: UInt64 = 0
  /// RSTs beyond the limit (`ResetLimiter`).
  var resetsWithheld: UInt64 = 0
  /// All replies that arrived before this time were taken: CLOCK_MONOTONIC, nanoseconds.
  var drainedUntil: UInt64 = 0
}

/// The same counts where other threads read them. Only the receive thread writes.
final class SharedReceiveCounts: Sendable {
  private let unprobedSources = Atomic<UInt64>(0)
  private let unprobedTargets = Atomic<UInt64>(0)
  private let reported = Atomic<UInt64>(0)
  private let duplicates = Atomic<UInt64>(0)
  private let discarded = Atomic<UInt64>(0)
  private let evictions = Atomic<UInt64>(0)
  private let results = Atomic<UInt64>(0)
  private let resets = Atomic<UInt64>(0)
  private let resetsWithheld = Atomic<UInt64>(0)
  private let drainedUntil = Atomic<UInt64>(0)

  /// Each count is of its own moment, but no older than `drainedUntil`.
  var value: ReceiveCounts {
    // Read first: the others are stored before it.
    let drainedUntil = drainedUntil.load(ordering: .acquiring)
    return ReceiveCounts(
      unprobedSources: unprobedSources.load(ordering: .relaxed),
      unprobedTargets: unprobedTargets.load(ordering: .relaxed),
      reported: reported.load(ordering: .relaxed), duplicates: duplicates.load(ordering: .relaxed),
      discarded: discarded.load(ordering: .relaxed), evictions: evictions.load(ordering: .relaxed),
      results: results.load(ordering: .relaxed), resets: resets.load(ordering: .relaxed),
      resetsWithheld: resetsWithheld.load(ordering: .relaxed), drainedUntil: drainedUntil)
  }

  func store(_ counts: ReceiveCounts) {
    unprobedSources.store(counts.unprobedSources, ordering: .relaxed)
    unprobedTargets.store(counts.unprobedTargets, ordering: .relaxed)
    reported.store(counts.reported, ordering: .relaxed)
    duplicates.store(counts.duplicates, ordering: .relaxed)
    discarded.store(counts.discarded, ordering: .relaxed)
    evictions.store(counts.evictions, ordering: .relaxed)
    results.store(counts.results, ordering: .relaxed)
    resets.store(counts.resets, ordering: .relaxed)
    resetsWithheld.store(counts.resetsWithheld, ordering: .relaxed)
    drainedUntil.store(counts.drainedUntil, ordering: .releasing)
  }
}
