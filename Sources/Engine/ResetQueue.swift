// Passes RSTs from the receiving thread to a sending thread.
import Synchronization
import Wire

/// A bounded queue between threads. RSTs are few compared with probes, so a mutex is cheap enough.
final class ResetQueue: Sendable {
  private let entries = Mutex<[TransmitEntry]>([])
  private let capacity: Int

  init(capacity: Int = 4096) {
    self.capacity = capacity
    entries.withLock { $0.reserveCapacity(capacity) }
  }

  /// Returns false if the queue is full. The caller then leaves the event in its ring and retries later.
  func push(_ entry: TransmitEntry) -> Bool {
    entries.withLock { entries in
      guard entries.count < capacity else { return false }
      entries.append(entry)
      return true
    }
  }

  var isEmpty: Bool { entries.withLock(\.isEmpty) }

  /// Moves all entries to `batch`, which must be empty and have the queue's capacity reserved.
  func takeAll(into batch: inout [TransmitEntry]) {
    entries.withLock { entries in swap(&entries, &batch) }
  }
}
