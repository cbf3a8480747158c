// The licence of a fleet's box, as its senders see it.
import Synchronization

/// What a licence allows to all senders together. One thread changes it; the senders read it before each batch.
///
/// A sender loads one word: the expiry, with the number of the last change of the rate in its low bits. So it never sends at
/// one licence's rate until another one's expiry.
package final class LicenceGate: Sendable {
  /// CLOCK_BOOTTIME in nanoseconds, rounded down to about a millisecond; in the low bits the rate's number.
  private let terms = Atomic<UInt64>(0)
  private let rateValue = Atomic<UInt64>(0)
  /// The number of the deny list, or `none`.
  private let sequence = Atomic<UInt64>(none)

  fileprivate static let changes: UInt64 = (1 << 20) - 1
  private static let none = UInt64.max

  package init() {}

  // MARK: For the thread that reads the licence

  /// Allows probes.
  ///
  /// - Parameters:
  ///   - rate: probes per second of all senders together; 0 for none.
  ///   - expires: CLOCK_BOOTTIME, nanoseconds.
  package func grant(rate: UInt64, expires: UInt64, denySequence: UInt64) {
    sequence.store(denySequence, ordering: .relaxed)
    var change = terms.load(ordering: .relaxed) & Self.changes
    if rateValue.load(ordering: .relaxed) != rate {
      rateValue.store(rate, ordering: .relaxed)
      change = (change + 1) & Self.changes
    }
    terms.store(expires & ~Self.changes | change, ordering: .releasing)
  }

  /// Allows none.
  package func revoke() {
    let change = terms.load(ordering: .relaxed) & Self.changes
    terms.store(change, ordering: .releasing)
  }

  // MARK: For the senders

  /// The expiry and the number of the last change of the rate.
  var current: UInt64 { terms.load(ordering: .acquiring) }
  /// Probes per second of all senders together.
  var rate: UInt64 { rateValue.load(ordering: .relaxed) }
  /// The number of the last deny list; nil before there was a licence.
  package var denySequence: UInt64? {
    let number = sequence.load(ordering: .relaxed)
    return number == Self.none ? nil : number
  }
}

/// One sender's share of a licence and of its job's rate.
struct LicensedShare: Sendable {
  private let gate: LicenceGate
  private let index: UInt64
  private let count: UInt64
  private let jobRate: UInt64
  /// The change of the rate that `licensed` belongs to.
  private var change: UInt64 = .max
  /// What all senders together may send.
  private var licensed: UInt64 = 0

  /// - Parameters:
  ///   - index: this sender's, below `count`.
  ///   - count: how many share the licence.
  ///   - jobRate: this sender's share of the job's rate, probes per second; 0 for no limit.
  init(_ gate: LicenceGate, index: Int, of count: Int, jobRate: UInt64) {
    self.gate = gate
    (self.index, self.count, self.jobRate) = (UInt64(index), UInt64(count), jobRate)
  }

  /// Returns how many probes per second this sender may send now; nil for none.
  ///
  /// - Parameter now: CLOCK_BOOTTIME, nanoseconds.
  mutating func rate(at now: UInt64) -> UInt64? {
    let terms = gate.current
    guard now < terms & ~LicenceGate.changes else { return nil }
    if change != terms & LicenceGate.changes {
      change = terms & LicenceGate.changes
      licensed = gate.rate
    }
    let share = share(at: now)
    guard share > 0 else { return nil }
    return jobRate == 0 ? share : min(jobRate, share)
  }

  private func share(at now: UInt64) -> UInt64 {
    if licensed >= count { return licensed / count + (index < licensed % count ? 1 : 0) }
    // Too few for all: the senders take turns of a second, because each has probes of its own.
    return now / 1_000_000_000 % count == index ? licensed : 0
  }
}
