// job.json: the state that a job keeps across processes.
import Kernel
import Plan
import Scan
import Wire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

/// The state of a job that does not come from the box's configuration. Stored as JSON with a hash, so that a truncated
/// or damaged file is detected.
public struct JobRecord: Hashable, Sendable, Codable {
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

  /// How the job probes, in the terms of the options and directives.
  public struct Settings: Hashable, Sendable, Codable {
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
    self.file = file
    key = hexadecimal(SipHashKey.random().bytes)
    seed = .random(in: .min ... .max)
    var text: [UInt8] = []
    text.append(timestamp: now)
    created = String(decoding: text, as: UTF8.self)
  }

  /// The decoded key; nil unless `key` is 32 hexadecimal digits.
  public var sipHashKey: SipHashKey? {
    let digits = key.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
    guard digits.count == 32, key.utf8.count == 32 else { return nil }
    return SipHashKey(
      bytes: stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
  }

  // MARK: - Encoding

  private struct Sealed: Codable {
    var job: JobRecord
    var sha256: String
  }

  package func encoded() throws(Fault) -> [UInt8] {
    do {
      let sealed = Sealed(job: self, sha256: SHA256.hex(try Self.canonical(self)))
      return try Self.canonical(sealed) + [UInt8(ascii: "\n")]
    } catch {
      throw Fault("cannot write the record of the job \(file) as JSON", detail: "\(error)")
    }
  }

  /// Returns nil unless every byte is intact.
  package init?(_ bytes: [UInt8]) {
    let decoder = JSONDecoder()
    // Encoding again computes the hash, so a wrong one gives other bytes.
    guard let sealed = try? decoder.decode(Sealed.self, from: Data(bytes)),
      let encoded = try? sealed.job.encoded(), encoded == bytes, sealed.job.sipHashKey != nil
    else { return nil }
    self = sealed.job
  }

  private static func canonical(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
