// How many probes may leave now. Time is a parameter.

/// Paces to a rate that holds twice: exactly over any length of time, and in every ten milliseconds up to
/// one batch.
///
/// Credit grows with time and is spent by probes, in integers: the unit is a billionth of a probe, so nothing is
/// rounded away, the defect of ZMap's delay loop (zmap 903, 907). What a late wake-up missed stays in credit,
/// but is caught up on only as far as the last ten milliseconds allow, so that a stall is not followed by a
/// burst.
public struct Pacer: Sendable {
  /// Probes per second; 0 is no limit.
  public let perSecond: UInt64
  /// Probes to hand over at once at most: two milliseconds' worth, no more than 64; at high rates a quarter
  /// of a millisecond's, lest most time goes into the calls. 0 without a limit.
  public let batch: Int
  /// Probes to wait for: half a batch, so that a late wake-up has something to catch up with.
  public var tick: Int { (batch + 1) / 2 }
  /// In billionths of a probe.
  private var credit: UInt64
  private var last: UInt64
  private var recent: RecentDepartures
  /// What may leave in any window, probes.
  private let windowLimit: Int

  private static let second: UInt64 = 1_000_000_000
  /// Nanoseconds over which the rate holds but for one batch.
  public static let window: UInt64 = 10_000_000

  /// - Parameters:
  ///   - perSecond: beyond 10^9, which no link carries, it is 10^9.
  ///   - start: nanoseconds of the clock that the other calls are given.
  public init(perSecond: UInt64, start: UInt64) {
    let perSecond = min(perSecond, Self.second)
    self.perSecond = perSecond
    batch = Self.batch(perSecond)
    credit = Self.second
    last = start
    recent = RecentDepartures(window: Self.window)
    windowLimit = Int(clamping: perSecond / (Self.second / Self.window)) + batch
  }

  /// The batch at a rate.
  public static func batch(_ perSecond: UInt64) -> Int {
    guard perSecond > 0 else { return 0 }
    return Int(clamping: max(min(64, (perSecond - 1) / 500 + 1), perSecond / 4096))
  }

  /// Probes that may leave at `now`; time that runs backwards adds nothing.
  public mutating func due(at now: UInt64) -> Int {
    guard perSecond > 0 else { return Int.max }
    if now > last {
      // A second is the most that is ever caught up on; the bounds also keep the product in its type.
      credit = min(full, credit + min(now - last, Self.second) * perSecond)
      last = now
    }
    recent.forget(before: now)
    return min(Int(clamping: credit / Self.second), max(0, windowLimit - recent.total))
  }

  /// A second's worth, and almost one probe more: without that fraction each wake-up that comes late would
  /// spill a part of a probe.
  private var full: UInt64 { (perSecond + 1) * Self.second - 1 }

  /// Takes back what left, at the latest at `moment`.
  public mutating func spend(_ count: Int, at moment: UInt64) {
    guard perSecond > 0, count > 0 else { return }
    credit -= min(credit, UInt64(count) * Self.second)
    recent.add(count, at: moment)
  }

  /// When the next `count` probes are due, or a batch if that is less.
  public func moment(for count: Int) -> UInt64 {
    guard perSecond > 0 else { return last }
    let count = min(count, batch)
    let wanted = UInt64(count) * Self.second
    let earned = wanted <= credit ? last : last + (wanted - credit + perSecond - 1) / perSecond
    return max(earned, recent.moment(forTotal: windowLimit - count))
  }
}

/// What left in the last few milliseconds, in a fixed number of places.
private struct RecentDepartures {
  private let window: UInt64
  private var places = InlineArray<256, Departure>(repeating: Departure())
  private var first = 0
  private var used = 0
  private(set) var total = 0

  struct Departure {
    var begun: UInt64 = 0
    /// When the last of these left, at the latest.
    var time: UInt64 = 0
    var count = 0
  }

  init(window: UInt64) { self.window = window }

  /// Departures so close together that the places would not suffice share one, as of the later time: the
  /// window then looks fuller than it is, never emptier.
  mutating func add(_ count: Int, at time: UInt64) {
    total += count
    let latest = (first + used + places.count - 1) % places.count
    if used == places.count
      || used > 0 && time < places[latest].begun + window / UInt64(places.count)
    {
      places[latest].time = max(places[latest].time, time)
      places[latest].count += count
      return
    }
    places[(first + used) % places.count] = Departure(begun: time, time: time, count: count)
    used += 1
  }

  mutating func forget(before now: UInt64) {
    while used > 0, now >= places[first].time, now - places[first].time >= window {
      total -= places[first].count
      first = (first + 1) % places.count
      used -= 1
    }
  }

  /// When no more than `limit` of these will be in the window.
  func moment(forTotal limit: Int) -> UInt64 {
    var (left, moment) = (total, UInt64(0))
    for offset in 0..<used where left > limit {
      let departure = places[(first + offset) % places.count]
      left -= departure.count
      moment = departure.time + window
    }
    return moment
  }
}
