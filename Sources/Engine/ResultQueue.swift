// Passes results from the receive thread to the writer thread.
import Kernel
import Scan
import Synchronization

/// A bounded ring of chunks of results, for one producer and one consumer. Neither waits for the other, and neither
/// allocates: chunks change hands by swapping.
///
/// Each side uses only the chunks that the other has left to it, so the chunks' locks are never contended.
final class ResultQueue: Sendable {
  /// The results that a chunk is published with, unless the writer thread has nothing to do.
  static let chunkSize = 256
  /// Chunks: room for 65,536 results, about 7 MB.
  private static let chunkCount = 256

  private struct Content {
    var results: [ScanResult] = []
    var sink: ResultSink?
    /// The counts of the scan including these results.
    var counts = ReceiveCounts()
  }

  private final class Chunk: Sendable {
    let content = Mutex(Content())
  }

  private let chunks: [Chunk]
  private let published = Atomic<Int>(0)
  private let consumed = Atomic<Int>(0)
  private let isConsumerWaiting = Atomic<Bool>(false)
  private let wakeup: Wakeup

  init() throws(Fault) {
    wakeup = try Wakeup()
    chunks = (0..<Self.chunkCount).map { _ in Chunk() }
    for chunk in chunks {
      // Twice the size: a batch of replies may follow a chunk that is one short of full.
      chunk.content.withLock { $0.results.reserveCapacity(2 * Self.chunkSize) }
    }
  }

  /// Returns an empty array for the producer to fill.
  static func emptyChunk() -> [ScanResult] {
    var results: [ScanResult] = []
    results.reserveCapacity(2 * chunkSize)
    return results
  }

  private var used: Int {
    published.load(ordering: .acquiring) - consumed.load(ordering: .acquiring)
  }

  /// Whether the consumer has taken everything.
  var isEmpty: Bool { used == 0 }
  /// Whether half of the room is used: it is time to stop what causes results.
  var isHalfFull: Bool { used >= Self.chunkCount / 2 }
  /// Whether there is so much room again that it may go on.
  var isNearlyEmpty: Bool { used <= Self.chunkCount / 8 }

  // MARK: Producer

  /// Passes results on, and leaves an empty array in their place. Returns false, and changes nothing, if there is no room.
  func publish(_ results: inout [ScanResult], to sink: ResultSink, _ counts: ReceiveCounts) -> Bool {
    let position = published.load(ordering: .relaxed)
    guard position - consumed.load(ordering: .acquiring) < Self.chunkCount else { return false }
    chunks[position % Self.chunkCount].content.withLock { content in
      swap(&content.results, &results)
      content.sink = sink
      content.counts = counts
    }
    published.store(position + 1, ordering: .sequentiallyConsistent)
    if isConsumerWaiting.exchange(false, ordering: .sequentiallyConsistent) { wakeup.signal() }
    return true
  }

  // MARK: Consumer

  /// Passes the oldest chunk to `body`; returns false if there is none.
  func take(_ body: (ResultSink, [ScanResult], ReceiveCounts) -> Void) -> Bool {
    let position = consumed.load(ordering: .relaxed)
    guard position < published.load(ordering: .acquiring) else { return false }
    chunks[position % Self.chunkCount].content.withLock { content in
      if let sink = content.sink { body(sink, content.results, content.counts) }
      content.results.removeAll(keepingCapacity: true)
      content.sink = nil
    }
    consumed.store(position + 1, ordering: .releasing)
    return true
  }

  /// Waits until something is published, for at most `milliseconds`.
  func wait(milliseconds: Int) {
    isConsumerWaiting.store(true, ordering: .sequentiallyConsistent)
    guard published.load(ordering: .sequentiallyConsistent) == consumed.load(ordering: .relaxed) else {
      isConsumerWaiting.store(false, ordering: .relaxed)
      return
    }
    wakeup.wait(milliseconds: milliseconds)
    isConsumerWaiting.store(false, ordering: .relaxed)
  }

  /// Ends the consumer's wait.
  func wake() { wakeup.signal() }
}
