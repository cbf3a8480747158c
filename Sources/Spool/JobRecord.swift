// job.json: the state that a job keeps across processes.
import Kernel
import Plan
import Scan
import Support
import Wire

/// The state of a job that does not come from the box's configuration. Stored as JSON with a hash, so that a truncated
/// or damaged file is detected.
public struct JobRecord: Hashable, Sendable {
  /// The target file's name.
  public var file: String
  /// 32 hexadecimal digits.
  public var key: String
  public var seed: UInt64
  /// The time of the claim, RFC 3339.
  public var created: String
  /// How often the job was started.
  public var starts = 0
  /// The number of consecutive starts that made no progress and whose process ended without `recordCleanExit`.
  public var crashes = 0
  /// The position from which the last start resumed.
  public var index: UInt64 = 0
  /// The settings of the last start; nil before the first.
  public var settings: Settings?

  /// How the job probes, in the terms of the options and directives. Addresses are text, which shows their family.
  public struct Settings: Hashable, Sendable {
    /// Probes per second; 0 is unlimited.
    public var rate: UInt64
    public var probes: UInt8
    public var cooldownNanoseconds: UInt64
    public var shard: String
    public var targets: UInt64
    public var sources: [String]
    public var sourcePorts: String
    public var probeOptions: String
    public var scopeSHA256: String

    public init(
      rate: UInt64, probes: UInt8, cooldownNanoseconds: UInt64, shard: String, targets: UInt64,
      sources: [String], sourcePorts: String, probeOptions: String, scopeSHA256: String
    ) {
      self.rate = rate
      self.probes = probes
      self.cooldownNanoseconds = cooldownNanoseconds
      self.shard = shard
      self.targets = targets
      self.sources = sources
      self.sourcePorts = sourcePorts
      self.probeOptions = probeOptions
      self.scopeSHA256 = scopeSHA256
    }
  }

  /// Creates a record with a random key and seed.
  ///
  /// - Parameter now: CLOCK_REALTIME, nanoseconds.
  public init(file: String, now: UInt64) {
    var text: [UInt8] = []
    text.append(timestamp: now)
    self.init(
      file: file, key: Hexadecimal.encode(SipHashKey.random().bytes), seed: .random(in: .min ... .max),
      created: String(decoding: text, as: UTF8.self))
  }

  init(file: String, key: String, seed: UInt64, created: String) {
    self.file = file
    self.key = key
    self.seed = seed
    self.created = created
  }

  /// The decoded key; nil unless `key` is 32 hexadecimal digits.
  public var sipHashKey: SipHashKey? {
    guard let bytes = Hexadecimal.decode(key), bytes.count == 16 else { return nil }
    return SipHashKey(bytes: bytes)
  }

  // MARK: - Encoding

  /// The record as one line of JSON and its seal.
  package func encoded() throws(Fault) -> [UInt8] {
    do {
      return try SealedLine.encode(self)
    } catch {
      throw Fault("cannot write the record of the job \(file) as JSON", detail: "\(error)")
    }
  }

  /// Decodes a record of this format or the one before.
  package init(stored bytes: [UInt8]) throws(Unreadable) {
    if let record = JobRecord(format1: bytes) {
      self = record
    } else {
      let lines = SealedLine.lines(in: bytes)
      guard lines.count == 1, let line = lines[0] else { throw .damaged }
      self = try SealedLine.decode(line)
    }
    guard sipHashKey != nil else { throw .damaged }
  }
}

/// The fields of job.json. The key and the seed are what makes it the same job, so nothing can stand in for them.
extension JobRecord: Codable {
  private enum CodingKeys: String, CodingKey {
    case format, file, key, seed, created, starts, crashes, index, settings
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(FileFormat.current, forKey: .format)
    try container.encode(file, forKey: .file)
    try container.encode(key, forKey: .key)
    try container.encode(seed, forKey: .seed)
    try container.encode(created, forKey: .created)
    try container.encode(starts, forKey: .starts)
    try container.encode(crashes, forKey: .crashes)
    try container.encode(index, forKey: .index)
    try container.encodeIfPresent(settings, forKey: .settings)
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      file: try fields.decodeIfPresent(String.self, forKey: .file) ?? "",
      key: try fields.decode(String.self, forKey: .key),
      seed: try fields.decode(UInt64.self, forKey: .seed),
      created: try fields.decodeIfPresent(String.self, forKey: .created) ?? "")
    starts = try fields.decodeIfPresent(Int.self, forKey: .starts) ?? 0
    crashes = try fields.decodeIfPresent(Int.self, forKey: .crashes) ?? 0
    index = try fields.decodeIfPresent(UInt64.self, forKey: .index) ?? 0
    settings = try fields.decodeIfPresent(Settings.self, forKey: .settings)
  }
}

extension JobRecord.Settings: Codable {
  private enum CodingKeys: String, CodingKey {
    case rate, probes, cooldownNanoseconds, shard, targets, sources, sourcePorts, probeOptions
    case scopeSHA256
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    func text(_ key: CodingKeys) throws -> String {
      try fields.decodeIfPresent(String.self, forKey: key) ?? ""
    }
    func number(_ key: CodingKeys) throws -> UInt64 {
      try fields.decodeIfPresent(UInt64.self, forKey: key) ?? 0
    }
    self.init(
      rate: try number(.rate), probes: try fields.decodeIfPresent(UInt8.self, forKey: .probes) ?? 1,
      cooldownNanoseconds: try number(.cooldownNanoseconds), shard: try text(.shard),
      targets: try number(.targets),
      sources: try fields.decodeIfPresent([String].self, forKey: .sources) ?? [],
      sourcePorts: try text(.sourcePorts), probeOptions: try text(.probeOptions),
      scopeSHA256: try text(.scopeSHA256))
  }
}
