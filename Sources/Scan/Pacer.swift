// The pacer, which keeps a sender to its share of the rate. Time is a parameter.
import Plan

/// A token bucket with a second limit: the rate is exact over time, and any 10 ms window holds at most its share of the
/// rate plus one batch.
///
/// Tokens accrue with time, in units of 10^-9 probes, so that rounding never loses any (the defect of ZMap's delay loop,
/// zmap 903 and 907). A sender that wakes up late keeps its tokens, but the window limits how fast it spends them, so a
/// stall does not cause a burst.
public struct Pacer: Sendable {
  /// Probes per second; 0 is no limit.
  public private(set) var perSecond: UInt64
  /// The most probes of one batch: two intervals' worth, so that a late wake-up can catch up, and at least three
  /// milliseconds' worth or 64, which is more than a tick; 0 without a limit.
  public private(set) var batch: Int
  /// The probes to wait for: one interval's worth, or two intervals' if those are few, because waking up costs more than
  /// sending them.
  public private(set) var tick: Int
  /// Units of 10^-9 probes.
  private var tokens: UInt64
  /// The time up to which tokens have accrued.
  private var last: UInt64
  private var recent: RecentTransmissions
  /// The most probes in any window.
  private var windowLimit: Int
  private let interval: PaceInterval

  private static let second: UInt64 = 1_000_000_000
  private static let few = 32
  /// The length of the window in nanoseconds.
  public static let window: UInt64 = 10_000_000

  /// Creates a pacer that may send one probe at once.
  ///
  /// - Parameters:
  ///   - perSecond: probes per second, capped at 10^9, which no link carries; 0 for no limit.
  ///   - interval: the time between two batches.
  ///   - start: the time in nanoseconds, of the same clock as in all other calls.
  public init(perSecond: UInt64, interval: PaceInterval = .standard, start: UInt64) {
    self.interval = interval
    tokens = Self.second
    last = start
    recent = RecentTransmissions(window: Self.window)
    (self.perSecond, batch, tick, windowLimit) = (0, 0, 0, 0)
    adopt(perSecond)
  }

  private mutating func adopt(_ rate: UInt64) {
    perSecond = min(rate, Self.second)
    batch = Self.batch(perSecond, interval)
    let two = Self.probes(perSecond, in: 2 * interval.nanoseconds)
    tick = two <= Self.few ? two : Self.probes(perSecond, in: interval.nanoseconds)
    windowLimit = Int(clamping: perSecond / (Self.second / Self.window)) + batch
  }

  /// Changes the rate, or ends a pause at the same one, without a burst: of what has accrued at most a batch is kept, and
  /// what was sent within the window still counts.
  ///
  /// - Parameters:
  ///   - rate: probes per second; 0 for no limit.
  ///   - now: the time from which it holds.
  public mutating func set(perSecond rate: UInt64, at now: UInt64) {
    _ = due(at: now)
    last = max(last, now)
    adopt(rate)
    tokens = min(tokens, UInt64(max(1, batch)) * Self.second)
  }

  /// Returns the batch of a rate in probes per second.
  public static func batch(_ perSecond: UInt64, _ interval: PaceInterval) -> Int {
    max(
      min(64, probes(perSecond, in: 3_000_000)), probes(perSecond, in: 2 * interval.nanoseconds))
  }

  /// Returns a time's worth of probes, rounded up; 0 for no limit.
  private static func probes(_ perSecond: UInt64, in nanoseconds: UInt64) -> Int {
    guard perSecond > 0 else { return 0 }
    return Int((min(perSecond, second) * nanoseconds - 1) / second) + 1
  }

  /// Returns the number of probes that may be sent at `now`. A time before the last one adds no tokens.
  public mutating func due(at now: UInt64) -> Int {
    guard perSecond > 0 else { return Int.max }
    if now > last {
      // Capping the interval at a second also keeps the product within 64 bits.
      tokens = min(full, tokens + min(now - last, Self.second) * perSecond)
      last = now
    }
    recent.removeExpired(at: now)
    return min(Int(clamping: tokens / Self.second), max(0, windowLimit - recent.total))
  }

  /// The most tokens: a second's worth and almost one more probe, because a full bucket would otherwise lose the fraction
  /// of a probe at each late wake-up.
  private var full: UInt64 { (perSecond + 1) * Self.second - 1 }

  /// Spends the tokens of `count` probes that were sent no later than `time`.
  public mutating func spend(_ count: Int, at time: UInt64) {
    guard perSecond > 0, count > 0 else { return }
    tokens -= min(tokens, UInt64(count) * Self.second)
    recent.add(count, at: time)
  }

  /// Returns the time at which the next `count` probes are due, or the next batch if that is less.
  public func dueTime(for count: Int) -> UInt64 {
    guard perSecond > 0 else { return last }
    let count = min(count, batch)
    let needed = UInt64(count) * Self.second
    let accrued = needed <= tokens ? last : last + (needed - tokens + perSecond - 1) / perSecond
    return max(accrued, recent.time(forTotal: windowLimit - count))
  }
}

/// The probes sent within the window, in a ring of fixed size.
private struct RecentTransmissions {
  private let window: UInt64
  private var entries = InlineArray<256, Transmission>(repeating: Transmission())
  private var first = 0
  private var used = 0
  private(set) var total = 0

  struct Transmission {
    /// The time of the first probes that the entry counts.
    var begun: UInt64 = 0
    /// The time of the last ones.
    var time: UInt64 = 0
    var count = 0
  }

  init(window: UInt64) { self.window = window }

  /// Counts probes. Transmissions close together share an entry with the later time, so that the ring suffices; the window
  /// then seems fuller than it is, never emptier.
  mutating func add(_ count: Int, at time: UInt64) {
    total += count
    let latest = (first + used + entries.count - 1) % entries.count
    if used == entries.count
      || used > 0 && time < entries[latest].begun + window / UInt64(entries.count)
    {
      entries[latest].time = max(entries[latest].time, time)
      entries[latest].count += count
      return
    }
    entries[(first + used) % entries.count] = Transmission(begun: time, time: time, count: count)
    used += 1
  }

  /// Removes the transmissions that have left the window.
  mutating func removeExpired(at now: UInt64) {
    while used > 0, now >= entries[first].time, now - entries[first].time >= window {
      total -= entries[first].count
      first = (first + 1) % entries.count
      used -= 1
    }
  }

  /// Returns the time at which at most `limit` probes will remain in the window.
  func time(forTotal limit: Int) -> UInt64 {
    var (remaining, time) = (total, UInt64(0))
    for offset in 0..<used where remaining > limit {
      let transmission = entries[(first + offset) % entries.count]
      remaining -= transmission.count
      time = transmission.time + window
    }
    return time
  }
}
