// The writer thread: formats results and writes them, so that a slow disk delays no reply.
import Kernel
import Synchronization

/// Takes results from the queue until it is stopped.
final class WriterLoop: Sendable {
  private let results: ResultQueue
  private let isStoppedValue = Atomic<Bool>(false)

  /// Milliseconds between two tries to write to a failing disk.
  private static let retryInterval = 200
  /// Milliseconds for which results gather, because waking up and writing cost more than formatting a few of them.
  private static let gatherInterval = 4

  init(_ results: ResultQueue) { self.results = results }

  func stop() {
    isStoppedValue.store(true, ordering: .releasing)
    results.wake()
  }
  /// Prepares for another thread.
  func reset() { isStoppedValue.store(false, ordering: .releasing) }

  /// Runs until `stop()`, and then until the queue is empty or the disk fails.
  func run() {
    // Those with results in memory.
    var dirty: [ResultSink] = []
    while true {
      let isStopped = isStoppedValue.load(ordering: .acquiring)
      while !dirty.contains(where: \.isFull), takeOne(&dirty) {}
      for sink in dirty { sink.flush() }
      dirty.removeAll { $0.failure == nil }
      if dirty.isEmpty {
        if isStopped, results.isEmpty { return }
        results.wait(milliseconds: 1000)
        if !isStopped { pause(milliseconds: Self.gatherInterval) }
      } else {
        if isStopped { return }
        pause(milliseconds: Self.retryInterval)
      }
    }
  }

  private func takeOne(_ dirty: inout [ResultSink]) -> Bool {
    results.take { sink, results, counts in
      sink.append(results, counts)
      if !dirty.contains(where: { $0 === sink }) { dirty.append(sink) }
    }
  }
}
