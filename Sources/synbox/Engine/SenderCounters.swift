// What a sending thread tells the others, and they it.
import Kernel
import Synchronization

/// Read by the controlling thread while the sender runs.
final class SenderCounters: Sendable {
  enum Phase: Int {
    /// Probes and RSTs.
    case sending
    /// No more probes; what was handed over is awaited, RSTs still go.
    case draining
    /// The thread ends.
    case ended
  }

  let probesCompleted = Atomic<UInt64>(0)
  let probesRefused = Atomic<UInt64>(0)
  /// Targets skipped because no Ethernet address is known.
  let unresolved = Atomic<UInt64>(0)
  let resetsCompleted = Atomic<UInt64>(0)
  /// CLOCK_MONOTONIC when the first probe was handed over; 0 before.
  let begun = Atomic<UInt64>(0)
  /// CLOCK_MONOTONIC when the last probe was confirmed; 0 while probes are on their way.
  let finished = Atomic<UInt64>(0)
  private let phaseValue = Atomic<Int>(Phase.sending.rawValue)
  private let failure = Mutex<Fault?>(nil)

  var phase: Phase {
    get { Phase(rawValue: phaseValue.load(ordering: .acquiring)) ?? .ended }
    set { phaseValue.store(newValue.rawValue, ordering: .releasing) }
  }

  /// What ended the thread before its time.
  var fault: Fault? {
    get { failure.withLock(\.self) }
    set { failure.withLock { $0 = newValue } }
  }
}
