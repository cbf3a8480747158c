// One scan's place at the receive thread.
import Kernel
import Scan
import Synchronization
import Wire

/// What the receive thread needs to know of a scan, and what it tells the other threads about it.
final class Intake: Sendable {
  /// The slot of the scan's key.
  let slot: UInt8
  let nextHops: NextHops
  let senders: [SenderCounters]
  let sink: ResultSink
  let pause: Pause
  let dedupes: Bool
  /// Results that this process may still write; nil for any number.
  let resultsLimit: UInt64?
  /// CLOCK_REALTIME minus CLOCK_MONOTONIC, nanoseconds.
  let clockOffset: UInt64
  let counts = SharedReceiveCounts()
  private let tableBytesValue = Atomic<Int>(0)
  private let isClosingValue = Atomic<Bool>(false)
  private let isClosedValue = Atomic<Bool>(false)

  init(
    slot: Int, nextHops: NextHops, senders: [SenderCounters], sink: ResultSink, pause: Pause,
    dedupes: Bool,
    resultsLimit: UInt64?, clockOffset: UInt64
  ) {
    self.slot = UInt8(slot)
    self.nextHops = nextHops
    self.senders = senders
    self.sink = sink
    self.pause = pause
    self.dedupes = dedupes
    self.resultsLimit = resultsLimit
    self.clockOffset = clockOffset
  }

  /// What the receive thread had of the scan, for another thread to free.
  let remains = SwapRing<ReplyIntake?>(places: 1) { nil }

  /// Asks the receive thread to take the replies that wait and then to forget the scan. Its key must be out of force, so
  /// that no more are accepted.
  func close() { isClosingValue.store(true, ordering: .releasing) }
  var isClosing: Bool { isClosingValue.load(ordering: .acquiring) }

  /// Whether the receive thread has forgotten the scan: `counts` is final.
  var isClosed: Bool {
    get { isClosedValue.load(ordering: .acquiring) }
    set { isClosedValue.store(newValue, ordering: .releasing) }
  }

  /// The size of the scan's dedupe table.
  var tableBytes: Int {
    get { tableBytesValue.load(ordering: .relaxed) }
    set { tableBytesValue.store(newValue, ordering: .relaxed) }
  }

  /// Whether the scan has as many results as it was asked for.
  var isFull: Bool { resultsLimit.map { counts.value.results >= $0 } ?? false }

  /// CLOCK_MONOTONIC when the last sender finished, nanoseconds; nil while any sends.
  var sendingFinished: UInt64? {
    var latest: UInt64 = 0
    for sender in senders {
      let time = sender.finishTime.load(ordering: .acquiring)
      if time == 0 { return nil }
      latest = max(latest, time)
    }
    return latest
  }
}
