// The counters of a scan, over all processes that ran it.
import Wire

/// The counters behind a summary. Those of an interrupted scan's processes add up.
public struct ScanTotals: Hashable, Sendable {
  public enum Counter: Int, CaseIterable, Sendable {
    /// Nanoseconds.
    case elapsed, sending
    case probesCompleted, probesRefused, targetsUnresolved
    /// Probes that a reload denied, and the number of reloads that changed the scope.
    case denied, scopeChanges
    /// RSTs sent through the transmitter.
    case resetsSent
    case reported, duplicates, evictions, written, discarded
    /// Processor time in microseconds.
    case processorUser, processorSystem
    /// Bytes: the maximum, not a sum.
    case peakResident
  }

  /// The time at which the first process began, nanoseconds since 1970 UTC.
  public var started: UInt64
  public var fates = FateCounts()
  private var values = [UInt64](repeating: 0, count: Counter.allCases.count)

  public init(started: UInt64) { self.started = started }

  public subscript(_ counter: Counter) -> UInt64 {
    get { values[counter.rawValue] }
    set { values[counter.rawValue] = newValue }
  }

  /// Returns the sum of these totals and those of the processes before.
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

  // MARK: - Encoding in checkpoints

  /// The number of words of the encoding. Checkpoints depend on it and on the order of the words.
  public static let wordCount = 1 + Counter.allCases.count + FateCounts().values.count

  /// The encoding: start, counters, fates.
  public var words: [UInt64] { [started] + values + fates.values }

  /// Decodes totals; nil unless there are `wordCount` words.
  public init?(words: [UInt64]) {
    guard words.count == Self.wordCount else { return nil }
    self.init(started: words[0])
    values = Array(words[1...Counter.allCases.count])
    fates.values = Array(words[(1 + Counter.allCases.count)...])
  }
}
