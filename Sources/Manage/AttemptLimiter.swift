// Failed attempts to log in, limited for each address.

/// How many failed attempts an address may make: a token bucket each. Valid credentials are never refused, so that nobody
/// is locked out by a neighbour.
public struct AttemptLimiter: Sendable {
  /// What an address may do at once, and in a minute.
  public let perMinute: Int
  /// How many addresses are remembered.
  let capacity: Int
  private var spent: [String: (attempts: Double, time: Double)] = [:]

  public init(perMinute: Int = 10, capacity: Int = 4096) {
    self.perMinute = perMinute
    self.capacity = capacity
  }

  /// What becomes of a failed attempt.
  public enum Verdict: Hashable, Sendable {
    case refused
    /// There were too many; seconds until the next one counts.
    case limited(retryAfter: Int)
  }

  /// Counts a failed attempt.
  ///
  /// - Parameter now: seconds, of a clock that never goes back.
  public mutating func recordFailure(from address: String, now: Double) -> Verdict {
    let attempts = remaining(spent[address], now)
    guard attempts + 1 <= Double(perMinute) else {
      let excess = attempts + 1 - Double(perMinute)
      return .limited(retryAfter: max(1, Int((excess * 60 / Double(perMinute)).rounded(.up))))
    }
    if spent[address] == nil, spent.count >= capacity { forget(now) }
    spent[address] = (attempts + 1, now)
    return .refused
  }

  /// The attempts of an address that still count.
  private func remaining(_ entry: (attempts: Double, time: Double)?, _ now: Double) -> Double {
    guard let entry else { return 0 }
    return max(0, entry.attempts - max(0, now - entry.time) * Double(perMinute) / 60)
  }

  /// Makes room: forgets whoever has nothing left that counts, or else whoever failed longest ago.
  private mutating func forget(_ now: Double) {
    spent = spent.filter { remaining($0.value, now) > 0 }
    while spent.count >= capacity, let oldest = spent.min(by: { $0.value.time < $1.value.time }) {
      spent[oldest.key] = nil
    }
  }
}
