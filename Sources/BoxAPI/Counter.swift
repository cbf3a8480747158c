// The table of counters. Status, metrics and `synbox status` are made from it, so a new counter is added here alone.

/// What a box counts since its process started. A case and its row in `definition` are all that a counter needs.
public enum Counter: Int, CaseIterable, Sendable {
  case jobsFinished, jobsRejected, jobsResumed, jobsCancelled, jobsPreempted
  case probesCompleted, probesRefused, repliesValid, repliesInvalid, results, eventsLost
  case repliesUnprobedSource, repliesUnprobedTarget, resetsWithheld, duplicates, dedupeEvictions
  case rxPackets, txPackets, rxErrors, txErrors, rxDropped, txDropped, rxMissed

  /// Who counts it, which decides where the status and the metrics show it.
  public enum Source: Sendable {
    /// The box: a member of the status.
    case box
    /// Each scan: a member of each job, and its sum over all jobs in `drops` or `totals`.
    case scan
    /// The NIC: a member of `drops` or `nic`.
    case nic
  }

  /// How a counter is shown.
  public struct Definition: Sendable {
    public let source: Source
    /// The name in the status.
    public let name: String
    /// The name of its Prometheus metric. Neighbours with one name differ in `direction`.
    public let metric: String
    public let help: String
    /// The value of the label `direction`, if the metric has one.
    public let direction: String?
    /// Whether it counts packets that were lost or not accepted.
    public let isDrop: Bool

    init(
      _ source: Source, _ name: String, _ metric: String, _ help: String, direction: String? = nil,
      isDrop: Bool = false
    ) {
      self.source = source
      self.name = name
      self.metric = metric
      self.help = help
      self.direction = direction
      self.isDrop = isDrop
    }
  }

  public var definition: Definition { Self.definitions[rawValue] }

  private static let definitions = allCases.map(define)

  private static func define(_ counter: Self) -> Definition {
    switch counter {
    case .jobsFinished:
      .init(
        .box, "jobs_finished", "synbox_jobs_finished_total", "Jobs that ended by themselves.")
    case .jobsRejected:
      .init(.box, "jobs_rejected", "synbox_jobs_rejected_total", "Jobs moved to rejected/.")
    case .jobsResumed:
      .init(
        .box, "jobs_resumed", "synbox_jobs_resumed_total",
        "Times a suspended or interrupted job resumed.")
    case .jobsCancelled:
      .init(
        .box, "jobs_cancelled", "synbox_jobs_cancelled_total", "Jobs cancelled by an operator.")
    case .jobsPreempted:
      .init(
        .box, "jobs_preempted", "synbox_jobs_preempted_total",
        "Times a job was suspended for one of higher priority.")
    case .probesCompleted:
      .init(
        .scan, "probes_completed", "synbox_probes_total", "Probes completed by the transmitter.")
    case .probesRefused:
      .init(
        .scan, "probes_refused", "synbox_probes_refused_total",
        "Times the driver refused a probe; each is retried.", isDrop: true)
    case .repliesValid:
      .init(
        .scan, "replies_valid", "synbox_replies_valid_total",
        "Replies with a valid cookie and checksums.")
    case .repliesInvalid:
      .init(
        .scan, "replies_invalid", "synbox_replies_invalid_total",
        "Replies with an invalid cookie, identification or checksum.", isDrop: true)
    case .results: .init(.scan, "results", "synbox_results_total", "Results written.")
    case .eventsLost:
      .init(
        .scan, "events_lost", "synbox_events_lost_total",
        "Replies lost because the event ring was full.", isDrop: true)
    case .repliesUnprobedSource:
      .init(
        .scan, "replies_unprobed_source", "synbox_replies_unprobed_source_total",
        "Valid replies to an address and port from which no probe to their target leaves.", isDrop: true
      )
    case .repliesUnprobedTarget:
      .init(
        .scan, "replies_unprobed_target", "synbox_replies_unprobed_target_total",
        "Valid replies of targets outside the job's plan or the scope.", isDrop: true)
    case .resetsWithheld:
      .init(
        .scan, "rst_withheld", "synbox_rst_withheld_total",
        "RSTs not sent because replies had drawn enough.", isDrop: true)
    case .duplicates:
      .init(
        .scan, "duplicates", "synbox_duplicates_total",
        "Valid replies that added nothing to what was reported for their pair.")
    case .dedupeEvictions:
      .init(
        .scan, "dedupe_evictions", "synbox_dedupe_evictions_total",
        "Pairs evicted from the full dedupe table.")
    case .rxPackets:
      .init(
        .nic, "rx_packets", "synbox_nic_packets_total", "Packets counted by the interface.",
        direction: "receive")
    case .txPackets:
      .init(
        .nic, "tx_packets", "synbox_nic_packets_total", "Packets counted by the interface.",
        direction: "transmit")
    case .rxErrors:
      .init(
        .nic, "nic_rx_errors", "synbox_nic_errors_total",
        "Packets with errors, as counted by the interface.", direction: "receive", isDrop: true)
    case .txErrors:
      .init(
        .nic, "nic_tx_errors", "synbox_nic_errors_total",
        "Packets with errors, as counted by the interface.", direction: "transmit", isDrop: true)
    case .rxDropped:
      .init(
        .nic, "nic_rx_dropped", "synbox_nic_dropped_total", "Packets dropped by the kernel.",
        direction: "receive", isDrop: true)
    case .txDropped:
      .init(
        .nic, "nic_tx_dropped", "synbox_nic_dropped_total", "Packets dropped by the kernel.",
        direction: "transmit", isDrop: true)
    case .rxMissed:
      .init(
        .nic, "nic_rx_missed", "synbox_nic_missed_total",
        "Packets the NIC missed because no receive descriptor was free.", isDrop: true)
    }
  }
}

/// A value for each counter.
public struct Counters: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  private var values = [UInt64](repeating: 0, count: Counter.allCases.count)

  public init() {}

  public init(dictionaryLiteral elements: (Counter, UInt64)...) {
    for (counter, value) in elements { self[counter] = value }
  }

  public subscript(_ counter: Counter) -> UInt64 {
    get { values[counter.rawValue] }
    set { values[counter.rawValue] = newValue }
  }

  public static func += (sums: inout Self, more: Self) {
    for index in sums.values.indices { sums.values[index] += more.values[index] }
  }
}

extension Counters {
  private struct MemberName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
  }

  /// Encodes some counters as members of an object, which may have others.
  func encode(
    to encoder: any Encoder, where isIncluded: (Counter.Definition) -> Bool
  ) throws {
    var container = encoder.container(keyedBy: MemberName.self)
    for counter in Counter.allCases where isIncluded(counter.definition) {
      try container.encode(self[counter], forKey: MemberName(stringValue: counter.definition.name))
    }
  }

  /// Reads the members of an object that are counters, and ignores all others.
  mutating func decode(
    from decoder: any Decoder, where isIncluded: (Counter.Definition) -> Bool
  ) throws {
    let container = try decoder.container(keyedBy: MemberName.self)
    for counter in Counter.allCases where isIncluded(counter.definition) {
      let key = MemberName(stringValue: counter.definition.name)
      self[counter] = try container.decodeIfPresent(UInt64.self, forKey: key) ?? self[counter]
    }
  }
}
