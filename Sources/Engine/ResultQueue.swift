// Passes results from the receive thread to the writer thread.
import Kernel
import Scan
import Synchronization

/// A bounded queue of chunks of results.
final class ResultQueue: Sendable {
  /// The results that a chunk is published with, unless the writer thread has nothing to do.
  static let chunkSize = 256
  /// Chunks: room for 65,536 results, about 7 MB.
  static let chunkCount = 256
  /// Arrays that are made ahead of need. Few, because each takes a page even if it is never filled.
  private static let stock = 6

  private struct Chunk: Sendable {
    var results: [ScanResult] = []
    var sink: ResultSink?
    /// The counts of the scan including these results.
    var counts = ReceiveCounts()
  }

  private let chunks = SwapRing(places: chunkCount) { Chunk() }
  /// Empty arrays on their way back. They are used again before any of `unused`, so that no more memory is touched than
  /// results have ever waited in.
  private let empties = SwapRing<[ScanResult]>(places: chunkCount) { [] }
  private let unused = SwapRing<[ScanResult]>(places: chunkCount) { [] }
  private let made = Atomic<Int>(0)
  private let wakeup: ConsumerWakeup

  init() throws(Fault) {
    wakeup = try ConsumerWakeup()
    restock()
  }

  /// Returns an empty array for the producer to fill.
  static func emptyChunk() -> [ScanResult] {
    var results: [ScanResult] = []
    // Twice the size: a batch of replies may follow a chunk that is one short of full.
    results.reserveCapacity(2 * chunkSize)
    return results
  }

  /// Whether the consumer has taken everything.
  var isEmpty: Bool { chunks.isEmpty }
  /// Whether half of the room is used: it is time to stop what causes results.
  var isHalfFull: Bool { chunks.used >= Self.chunkCount / 2 }
  /// Whether there is so much room again that it may go on.
  var isNearlyEmpty: Bool { chunks.used <= Self.chunkCount / 8 }

  // MARK: Producer

  /// Passes results on, and leaves an empty array in their place. Returns false, and changes nothing, if there is no room.
  func publish(_ results: inout [ScanResult], to sink: ResultSink, _ counts: ReceiveCounts) -> Bool {
    guard !empties.isEmpty || !unused.isEmpty else { return false }
    let isPublished = chunks.put { chunk in
      swap(&chunk.results, &results)
      chunk.sink = sink
      chunk.counts = counts
    }
    guard isPublished else { return false }
    _ = empties.take { swap(&$0, &results) } || unused.take { swap(&$0, &results) }
    wakeup.notify()
    return true
  }

  /// Whether `restock` is due.
  var isShort: Bool {
    unused.used <= Self.stock / 2 && made.load(ordering: .relaxed) < Self.chunkCount
  }

  // MARK: Thread that allocates

  /// Makes arrays for the producer, which must not allocate.
  func restock() {
    while unused.used < Self.stock, made.load(ordering: .relaxed) < Self.chunkCount {
      _ = unused.put { $0 = Self.emptyChunk() }
      made.add(1, ordering: .relaxed)
    }
  }

  // MARK: Consumer

  /// Passes the oldest chunk to `body`; returns false if there is none.
  func take(_ body: (ResultSink, [ScanResult], ReceiveCounts) -> Void) -> Bool {
    chunks.take { chunk in
      if let sink = chunk.sink { body(sink, chunk.results, chunk.counts) }
      chunk.results.removeAll(keepingCapacity: true)
      chunk.sink = nil
      _ = empties.put { swap(&$0, &chunk.results) }
    }
  }

  /// Waits until something is published, for at most `milliseconds`.
  func wait(milliseconds: Int) { wakeup.wait(milliseconds: milliseconds) { !isEmpty } }

  /// Ends the consumer's wait.
  func wake() { wakeup.wake() }
}
