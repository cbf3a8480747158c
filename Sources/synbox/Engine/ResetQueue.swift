// RSTs on their way from the receiving thread to a sending one.
import Synchronization
import Wire

/// A bounded queue between threads. RSTs are few beside probes, so a lock costs nothing that counts.
final class ResetQueue: Sendable {
  private let entries = Mutex<[TransmitEntry]>([])
  private let capacity: Int

  init(capacity: Int = 4096) {
    self.capacity = capacity
    entries.withLock { $0.reserveCapacity(capacity) }
  }

  /// False when it is full: the event is left in its ring, and taken up later.
  func push(_ entry: TransmitEntry) -> Bool {
    entries.withLock { entries in
      guard entries.count < capacity else { return false }
      entries.append(entry)
      return true
    }
  }

  var isEmpty: Bool { entries.withLock(\.isEmpty) }

  /// Moves all that wait into `batch`, which is empty and as large.
  func takeAll(into batch: inout [TransmitEntry]) {
    entries.withLock { entries in swap(&entries, &batch) }
  }
}
