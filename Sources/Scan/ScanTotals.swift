// What a scan has done so far, in all the processes that worked at it.
import Wire

/// The counters behind a summary. They add up over the parts of a scan that was interrupted.
public struct ScanTotals: Hashable, Sendable {
  public enum Counter: Int, CaseIterable, Sendable {
    /// Nanoseconds.
    case elapsed, sending
    case probesCompleted, probesRefused, targetsUnresolved
    /// Probes left out because the scope came to deny their addresses, and how often it changed.
    case denied, scopeChanges
    /// RSTs that the transmitter sent.
    case resetsSent
    case reported, duplicates, evictions, written, discarded
    /// Microseconds of processor time.
    case processorUser, processorSystem
    /// Bytes; the most, not a sum.
    case peakResident
  }

  /// When the scan first began, nanoseconds since 1970 UTC.
  public var started: UInt64
  public var fates = FateCounts()
  private var values = [UInt64](repeating: 0, count: Counter.allCases.count)

  public init(started: UInt64) { self.started = started }

  public subscript(_ counter: Counter) -> UInt64 {
    get { values[counter.rawValue] }
    set { values[counter.rawValue] = newValue }
  }

  /// What came after `earlier`, added to it.
  public func following(_ earlier: Self) -> Self {
    var sum = self
    sum.started = earlier.started
    for counter in Counter.allCases where counter != .peakResident {
      sum[counter] &+= earlier[counter]
    }
    sum[.peakResident] = max(sum[.peakResident], earlier[.peakResident])
    for index in fates.values.indices { sum.fates.values[index] &+= earlier.fates.values[index] }
    return sum
  }

  // MARK: - As a row of numbers

  public static let wordCount = 1 + Counter.allCases.count + FateCounts().values.count

  public var words: [UInt64] { [started] + values + fates.values }

  /// nil unless there are `wordCount` words.
  public init?(words: [UInt64]) {
    guard words.count == Self.wordCount else { return nil }
    self.init(started: words[0])
    values = Array(words[1...Counter.allCases.count])
    fates.values = Array(words[(1 + Counter.allCases.count)...])
  }
}
