// Passes RSTs from the receive thread to the first sending thread.
import Kernel
import Wire

/// A bounded queue of chunks of RSTs.
final class ResetQueue: Sendable {
  /// The most RSTs in a chunk.
  static let chunkSize = 256
  private static let chunkCount = 16
  /// The most RSTs in the queue.
  static let capacity = chunkSize * chunkCount

  private let chunks = SwapRing(places: chunkCount) { ResetQueue.emptyChunk() }
  private let wakeup: ConsumerWakeup

  /// Call it before the drop.
  init() throws(Fault) { wakeup = try ConsumerWakeup() }

  /// Returns an empty array for the producer to fill.
  static func emptyChunk() -> [TransmitEntry] {
    var entries: [TransmitEntry] = []
    entries.reserveCapacity(chunkSize)
    return entries
  }

  var isEmpty: Bool { chunks.isEmpty }

  /// Passes RSTs on, and leaves an empty array in their place. While much waits, only full chunks are passed on, so that
  /// few RSTs do not use up the chunks.
  func publish(_ entries: inout [TransmitEntry]) {
    let isDue = entries.count >= Self.chunkSize || chunks.used < Self.chunkCount / 2
    guard isDue, !entries.isEmpty else { return }
    if chunks.put({ swap(&$0, &entries) }) { wakeup.notify() }
  }

  /// Waits for RSTs or `wake`, for at most `milliseconds`. Returns at once if there are any.
  func wait(milliseconds: Int) { wakeup.wait(milliseconds: milliseconds) { !isEmpty } }

  /// Ends the consumer's wait, or its next one.
  func wake() { wakeup.wake() }

  /// Moves all RSTs to `batch`, which must be empty and have the queue's capacity reserved.
  func takeAll(into batch: inout [TransmitEntry]) {
    // Bounded, because the producer may be as fast.
    for _ in 0..<Self.chunkCount {
      let isTaken = chunks.take { entries in
        batch += entries
        entries.removeAll(keepingCapacity: true)
      }
      guard isTaken else { return }
    }
  }
}
