// Work on a thread of its own, whose outcome is fetched later.
import Kernel
import Synchronization

/// A computation that runs beside the control thread.
final class Background<Value: Sendable> {
  private final class Outcome: Sendable {
    let value = Mutex<Value?>(nil)
  }

  private let outcome = Outcome()
  private var thread: KernelThread?

  /// - Parameter name: the thread's name, truncated to 15 bytes.
  init(_ name: String, _ body: @escaping @Sendable () -> Value) throws(Fault) {
    let outcome = outcome
    thread = try KernelThread(name: name, processor: nil) {
      let value = body()
      outcome.value.withLock { $0 = value }
    }
  }

  /// Returns the outcome; nil while the computation runs.
  func take() -> Value? {
    guard let value = outcome.value.withLock({ $0 }) else { return nil }
    if let thread = thread.take() { thread.join() }
    return value
  }
}
