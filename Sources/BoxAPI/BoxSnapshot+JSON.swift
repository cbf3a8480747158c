// status.json: the snapshot as one JSON object.

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension BoxSnapshot {
  /// Reads a status of this version or another. Returns nil unless it has a state.
  public init?(json: [UInt8]) {
    guard let snapshot = try? JSONDecoder().decode(Self.self, from: Data(json)) else { return nil }
    self = snapshot
  }

  /// The contents of status.json: one member per line.
  public var json: [UInt8] {
    // Encoding a value without any reference, date or key of its own cannot fail.
    (try? OrderedJSON.encode(self)) ?? []
  }
}

extension BoxSnapshot: Codable {
  private enum Key: String, CodingKey {
    case format, time, state, problems, job, cooling, queue
    case jobsQueued = "jobs_queued"
    case filesArriving = "files_arriving"
    case filesIgnored = "files_ignored"
    case started, pid, drops, totals, nic, licence
    case scopeSHA256 = "scope_sha256"
  }

  private static func isDrop(_ counter: Counter.Definition) -> Bool { counter.isDrop }
  private static func isTotal(_ counter: Counter.Definition) -> Bool {
    counter.source == .scan && !counter.isDrop
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    state = try container.decode(BoxState.self, forKey: .state)
    func optional<Value: Decodable>(_ key: Key) throws -> Value? {
      try container.decodeIfPresent(Value.self, forKey: key)
    }
    format = try optional(.format) ?? 1
    time = try optional(.time) ?? Timestamp(text: "unknown")
    problems = try optional(.problems) ?? []
    job = try optional(.job)
    cooling = try optional(.cooling) ?? []
    queue = try optional(.queue) ?? []
    jobsQueued = try optional(.jobsQueued) ?? 0
    filesArriving = try optional(.filesArriving) ?? 0
    filesIgnored = try optional(.filesIgnored) ?? []
    started = try optional(.started) ?? Timestamp(text: "")
    pid = try optional(.pid) ?? 0
    nic = try optional(.nic) ?? NICState()
    scopeSHA256 = try optional(.scopeSHA256) ?? ""
    licence = try optional(.licence)
    station = try StationModes(from: decoder)
    if let use = try? DiskUse(from: decoder), use.totalBytes > 0 { disk = use }
    versions = try Versions(from: decoder)
    try counters.decode(from: decoder) { $0.source == .box }
    let objects: [(Key, (Counter.Definition) -> Bool)] = [
      (.drops, Self.isDrop), (.totals, Self.isTotal), (.nic, Counters.isOfNIC),
    ]
    for (key, isIncluded) in objects where container.contains(key) {
      try counters.decode(from: try container.superDecoder(forKey: key), where: isIncluded)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(format, forKey: .format)
    try container.encode(time, forKey: .time)
    try container.encode(state, forKey: .state)
    try container.encode(problems, forKey: .problems)
    try container.encodeIfPresent(job, forKey: .job)
    try container.encode(cooling, forKey: .cooling)
    try container.encode(queue, forKey: .queue)
    try container.encode(jobsQueued, forKey: .jobsQueued)
    try container.encode(filesArriving, forKey: .filesArriving)
    try container.encode(filesIgnored, forKey: .filesIgnored)
    try container.encode(started, forKey: .started)
    try container.encode(pid, forKey: .pid)
    try counters.encode(to: encoder) { $0.source == .box }
    try counters.encode(to: container.superEncoder(forKey: .drops), where: Self.isDrop)
    try counters.encode(to: container.superEncoder(forKey: .totals), where: Self.isTotal)
    try container.encode(InterfaceObject(nic: nic, counters: counters), forKey: .nic)
    try station.encode(to: encoder)
    try container.encode(scopeSHA256, forKey: .scopeSHA256)
    try container.encodeIfPresent(licence, forKey: .licence)
    try disk?.encode(to: encoder)
    try versions.encode(to: encoder)
  }

  /// The member `nic`: the interface, with the counters that are no drops.
  private struct InterfaceObject: Encodable {
    let nic: NICState
    let counters: Counters

    func encode(to encoder: any Encoder) throws {
      try nic.encode(to: encoder)
      try counters.encode(to: encoder, where: Counters.isOfNIC)
    }
  }
}

extension Counters {
  fileprivate static func isOfNIC(_ counter: Counter.Definition) -> Bool {
    counter.source == .nic && !counter.isDrop
  }
}

extension JobStatus: Codable {
  private enum Key: String, CodingKey { case name, priority, resumed, progress }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    name = try container.decodeIfPresent(String.self, forKey: .name) ?? "unknown"
    priority = try container.decodeIfPresent(UInt64.self, forKey: .priority) ?? 0
    resumed = try container.decodeIfPresent(UInt64.self, forKey: .resumed) ?? 0
    if container.contains(.progress) { progress = try JobProgress(from: decoder) }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(priority, forKey: .priority)
    try container.encode(resumed, forKey: .resumed)
    try progress?.encode(to: encoder)
  }
}

/// Its members are members of the job.
extension JobProgress: Codable {
  private enum Key: String, CodingKey {
    case elapsed = "elapsed_seconds"
    case remaining = "seconds_remaining"
    case fraction = "progress"
    case probesTotal = "probes_total"
    case rateRequested = "rate_requested_pps"
    case rate = "rate_pps"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    elapsed = try container.decodeIfPresent(Double.self, forKey: .elapsed) ?? 0
    remaining = try container.decodeIfPresent(Double.self, forKey: .remaining)
    fraction = try container.decodeIfPresent(Double.self, forKey: .fraction) ?? 0
    probesTotal = try container.decodeIfPresent(UInt64.self, forKey: .probesTotal) ?? 0
    rateRequested = try container.decodeIfPresent(UInt64.self, forKey: .rateRequested) ?? 0
    rate = try container.decodeIfPresent(Double.self, forKey: .rate) ?? 0
    try counters.decode(from: decoder) { $0.source == .scan }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(elapsed, forKey: .elapsed)
    try container.encodeIfPresent(remaining, forKey: .remaining)
    try container.encode(fraction, forKey: .fraction)
    try container.encode(probesTotal, forKey: .probesTotal)
    try container.encode(rateRequested, forKey: .rateRequested)
    try container.encode(rate, forKey: .rate)
    try counters.encode(to: encoder) { $0.source == .scan }
  }
}
