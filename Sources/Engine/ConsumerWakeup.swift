// Wakes the consumer of a ring.
import Kernel
import Synchronization

/// Wakes the consumer of a ring, with a system call only if it waits.
final class ConsumerWakeup: Sendable {
  private let isWaiting = Atomic<Bool>(false)
  private let wakeup: Wakeup

  /// Call it before the drop.
  init() throws(Fault) { wakeup = try Wakeup() }

  /// Ends the consumer's wait, if it waits. Call it after publishing.
  func notify() {
    if isWaiting.exchange(false, ordering: .sequentiallyConsistent) { wakeup.signal() }
  }

  /// Ends the consumer's wait, or its next one.
  func wake() { wakeup.signal() }

  /// Waits for `notify` or `wake`, for at most `milliseconds`, unless `hasWork` already.
  func wait(milliseconds: Int, unless hasWork: () -> Bool) {
    isWaiting.store(true, ordering: .sequentiallyConsistent)
    if !hasWork() { wakeup.wait(milliseconds: milliseconds) }
    isWaiting.store(false, ordering: .relaxed)
  }
}
