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
  /// Probes left out because the scope came to deny their addresses.
  let denied = Atomic<UInt64>(0)
  let resetsCompleted = Atomic<UInt64>(0)
  /// CLOCK_MONOTONIC when the first probe was handed over; 0 before.
  let begun = Atomic<UInt64>(0)
  /// CLOCK_MONOTONIC when the last probe was confirmed; 0 while probes are on their way.
  let finished = Atomic<UInt64>(0)
  /// Everything below this place that is this sender's share has been completed.
  private let settledPlace = Atomic<UInt64>(0)
  private let settlementsWanted = Atomic<Int>(0)
  private let settlementsMade = Atomic<Int>(0)
  private let phaseValue = Atomic<Int>(Phase.sending.rawValue)
  private let failure = Mutex<Fault?>(nil)

  var phase: Phase {
    get { Phase(rawValue: phaseValue.load(ordering: .acquiring)) ?? .ended }
    set { phaseValue.store(newValue.rawValue, ordering: .releasing) }
  }

  /// Asks the sender to say how far it is; it lets what is on its way arrive before it answers.
  func wantSettlement() { settlementsWanted.add(1, ordering: .releasing) }

  var isSettlementWanted: Bool {
    settlementsWanted.load(ordering: .acquiring) != settlementsMade.load(ordering: .relaxed)
  }

  /// The sender's answer; nil leaves the place as it was.
  func settle(at place: UInt64?) {
    if let place { settledPlace.store(place, ordering: .relaxed) }
    settlementsMade.store(settlementsWanted.load(ordering: .acquiring), ordering: .releasing)
  }

  /// The place answered last; nil while an answer is awaited.
  var settled: UInt64? {
    let made = settlementsMade.load(ordering: .acquiring)
    guard made == settlementsWanted.load(ordering: .acquiring) else { return nil }
    return settledPlace.load(ordering: .relaxed)
  }

  /// What ended the thread before its time.
  var fault: Fault? {
    get { failure.withLock(\.self) }
    set { failure.withLock { $0 = newValue } }
  }
}
