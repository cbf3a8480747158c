// What a sending thread and the receiving thread share.
import Kernel
import Synchronization

/// One sender's counters, phase and position. The receiving thread reads them while the sender runs.
final class SenderCounters: Sendable {
  enum Phase: Int {
    /// Sends probes and RSTs.
    case sending
    /// Sends no new probes; waits for completions, still sends RSTs.
    case draining
    /// Ends its thread.
    case ended
  }

  let probesCompleted = Atomic<UInt64>(0)
  let probesRefused = Atomic<UInt64>(0)
  /// Targets skipped because their Ethernet address is unknown.
  let unresolved = Atomic<UInt64>(0)
  /// Probes skipped because the scope came to deny their addresses.
  let denied = Atomic<UInt64>(0)
  /// Nanoseconds for which sending gave way to replies.
  let overloadTime = Atomic<UInt64>(0)
  /// CLOCK_MONOTONIC when the first probe was submitted; 0 before.
  let firstProbeTime = Atomic<UInt64>(0)
  /// CLOCK_MONOTONIC when the last probe was completed; 0 before.
  let finishTime = Atomic<UInt64>(0)
  /// Every probe of this sender below this position is completed.
  private let position = Atomic<UInt64>(0)
  private let positionRequests = Atomic<Int>(0)
  private let positionReports = Atomic<Int>(0)
  private let phaseValue = Atomic<Int>(Phase.sending.rawValue)
  private let failure = Mutex<Fault?>(nil)

  var phase: Phase {
    get { Phase(rawValue: phaseValue.load(ordering: .acquiring)) ?? .ended }
    set { phaseValue.store(newValue.rawValue, ordering: .releasing) }
  }

  /// Asks the sender for its position. It reports once no frame is in flight.
  func requestPosition() { positionRequests.add(1, ordering: .releasing) }

  var isPositionRequested: Bool {
    positionRequests.load(ordering: .acquiring) != positionReports.load(ordering: .relaxed)
  }

  /// Fulfils the request; nil leaves the last position in place.
  func report(position: UInt64?) {
    if let position { self.position.store(position, ordering: .relaxed) }
    positionReports.store(positionRequests.load(ordering: .acquiring), ordering: .releasing)
  }

  /// The last reported position; nil while a request is open.
  var reportedPosition: UInt64? {
    let reports = positionReports.load(ordering: .acquiring)
    guard reports == positionRequests.load(ordering: .acquiring) else { return nil }
    return position.load(ordering: .relaxed)
  }

  /// The fault that ended the thread early.
  var fault: Fault? {
    get { failure.withLock(\.self) }
    set { failure.withLock { $0 = newValue } }
  }
}
