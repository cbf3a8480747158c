// The counters of a scan, over all processes that ran it.
import Wire

/// The counters behind a summary. Those of an interrupted scan's processes add up.
public struct ScanTotals: Hashable, Sendable {
  /// A counter. The raw values are names in checkpoints: a counter can be added or removed, but not renamed.
  public enum Counter: String, CaseIterable, Sendable {
    case elapsed = "elapsed_nanoseconds"
    case sending = "sending_nanoseconds"
    case probesCompleted = "probes_completed"
    case probesRefused = "probes_refused"
    /// The sum of all senders.
    case overload = "overload_nanoseconds"
    case targetsUnresolved = "targets_unresolved"
    /// Probes that a reload denied.
    case denied = "probes_denied"
    /// Numbered targets that the scope excluded at a start: the maximum, not a sum.
    case targetsDenied = "targets_denied"
    /// Reloads that changed the scope.
    case scopeChanges = "scope_changes"
    case resetsSent = "rst_through_transmitter"
    case resetsWithheld = "rst_withheld"
    case unprobedSources = "replies_unprobed_source"
    case unprobedTargets = "replies_unprobed_target"
    case reported = "replies_reported"
    case duplicates = "duplicates"
    case evictions = "dedupe_evictions"
    case written = "results_written"
    case discarded = "results_discarded"
    case processorUser = "cpu_user_microseconds"
    case processorSystem = "cpu_system_microseconds"
    /// The maximum, not a sum.
    case peakResident = "peak_rss_bytes"
  }

  /// The time at which the first process began, nanoseconds since 1970 UTC.
  public var started: UInt64
  public var fates = FateCounts()
  /// Counters other than 0.
  private var values: [Counter: UInt64] = [:]

  public init(started: UInt64) { self.started = started }

  public subscript(_ counter: Counter) -> UInt64 {
    get { values[counter] ?? 0 }
    set { values[counter] = newValue == 0 ? nil : newValue }
  }

  /// Returns the sum of these totals and those of the processes before.
  public func following(_ earlier: Self) -> Self {
    var sum = self
    sum.started = earlier.started
    for counter in Counter.allCases {
      switch counter {
      case .peakResident, .targetsDenied: sum[counter] = max(sum[counter], earlier[counter])
      default: sum[counter] &+= earlier[counter]
      }
    }
    for index in fates.values.indices { sum.fates.values[index] &+= earlier.fates.values[index] }
    return sum
  }
}

/// In checkpoints, every counter and fate stands by its name: a reader takes a missing one for 0 and ignores one it
/// does not know.
extension ScanTotals: Codable {
  private enum CodingKeys: String, CodingKey { case started, counters, fates }
  /// RSTs that the receive program of earlier versions sent. Only read.
  private static let resetsInPlace = "rst_in_place"
  /// The count in `FateCounts` that is no fate.
  private static let withheld = "packets_withheld"

  public func encode(to encoder: any Encoder) throws {
    var counters: [String: UInt64] = [:]
    for counter in Counter.allCases { counters[counter.rawValue] = self[counter] }
    counters[Self.withheld] = fates.withheld
    var byFate: [String: UInt64] = [:]
    for fate in Fate.allCases { byFate[fate.name] = fates[fate] }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(started, forKey: .started)
    try container.encode(counters, forKey: .counters)
    try container.encode(byFate, forKey: .fates)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(started: try container.decodeIfPresent(UInt64.self, forKey: .started) ?? 0)
    let counters = try container.decodeIfPresent([String: UInt64].self, forKey: .counters) ?? [:]
    for counter in Counter.allCases { self[counter] = counters[counter.rawValue] ?? 0 }
    self[.resetsSent] &+= counters[Self.resetsInPlace] ?? 0
    fates.withheld = counters[Self.withheld] ?? 0
    let byFate = try container.decodeIfPresent([String: UInt64].self, forKey: .fates) ?? [:]
    for fate in Fate.allCases { fates[fate] = byFate[fate.name] ?? 0 }
  }
}
