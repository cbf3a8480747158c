// The progress of one scan, from which the status of its job is made.

/// A snapshot of a running scan. Times are nanoseconds since this process began the scan; counters are this process's.
public struct ScanProgress: Hashable, Sendable {
  public var elapsed: UInt64 = 0
  public var probesTotal: UInt64 = 0
  /// The position at which this process began.
  public var probesBefore: UInt64 = 0
  /// Results written by earlier processes.
  public var resultsBefore: UInt64 = 0
  /// The rate in force, in probes per second; 0 is no limit.
  public var rateRequested: UInt64 = 0
  /// nil while probes are being sent.
  public var cooldownEnds: UInt64?
  public var counters = Counters()

  public init() {}

  /// From 0 to 1.
  public var fraction: Double {
    probesTotal == 0 ? 1 : Double(min(probesBefore + completed, probesTotal)) / Double(probesTotal)
  }

  /// An estimate from the average rate so far; nil before the first probe is completed.
  public var secondsRemaining: Double? {
    if let cooldownEnds { return Double(max(cooldownEnds, elapsed) - elapsed) / 1e9 }
    guard completed > 0 else { return nil }
    let remaining = Double(probesTotal - min(probesTotal, probesBefore + completed))
    return remaining * Double(elapsed) / 1e9 / Double(completed)
  }

  /// Probes per second since an earlier snapshot of the same scan; since its beginning if there is none, or if no time
  /// has passed since.
  public func rate(since last: ScanProgress?) -> Double {
    if let last, elapsed > last.elapsed {
      let probes = completed - min(completed, last.completed)
      return Double(probes) * 1e9 / Double(elapsed - last.elapsed)
    }
    return elapsed > 0 ? Double(completed) * 1e9 / Double(elapsed) : 0
  }

  private var completed: UInt64 { counters[.probesCompleted] }
}
