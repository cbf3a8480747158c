// How many probes may leave now. Time is a parameter.

/// A token bucket in integer arithmetic: exact over any length of time, smooth at the millisecond.
///
/// The unit is one probe's worth of nanoseconds scaled by the rate, so nothing is rounded away: the defect
/// of ZMap's delay loop, whose delay became zero at some rates (zmap 903, 907).
public struct Pacer: Sendable {
  /// Probes per second; 0 is no limit.
  public let perSecond: UInt64
  /// Probes that may leave at once after a pause.
  public let burst: UInt64
  /// Tokens in probes times 10^9.
  private var credit: UInt64
  private var last: UInt64
  private static let second: UInt64 = 1_000_000_000

  /// - Parameters:
  ///   - start: nanoseconds of the clock that `due` is given.
  ///   - burst: default five milliseconds' worth, at least 1: what a late wake-up may catch up on.
  public init(perSecond: UInt64, start: UInt64, burst: UInt64? = nil) {
    self.perSecond = perSecond
    self.burst = max(1, burst ?? perSecond / 200)
    credit = Self.second
    last = start
  }

  /// Probes that may leave at `now`; time that runs backwards adds nothing.
  public mutating func due(at now: UInt64) -> Int {
    guard perSecond > 0 else { return Int.max }
    if now > last {
      // A pause of any length fills the bucket once; the bound keeps the product from overflowing.
      let elapsed = min(now - last, Self.second * 16)
      let (gained, overflow) = elapsed.multipliedReportingOverflow(by: perSecond)
      credit = min(full, overflow ? .max : credit.saturatingAdd(gained))
      last = now
    }
    return Int(credit / Self.second)
  }

  /// A burst and almost one probe more. Without that fraction each wake-up that comes late would spill a
  /// part of a probe where a burst is a probe or two, and a slow scan would fall behind its rate.
  private var full: UInt64 { (burst + 1) * Self.second - 1 }

  /// Takes back what was sent.
  public mutating func spend(_ count: Int) {
    guard perSecond > 0 else { return }
    credit -= min(credit, UInt64(count) * Self.second)
  }

  /// When the next `count` probes (at most a burst) are due.
  public func moment(for count: Int) -> UInt64 {
    guard perSecond > 0 else { return last }
    let wanted = min(UInt64(count), burst) * Self.second
    guard wanted > credit else { return last }
    return last + (wanted - credit + perSecond - 1) / perSecond
  }
}

extension UInt64 {
  fileprivate func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
