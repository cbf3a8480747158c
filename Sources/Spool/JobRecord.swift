// job.json: what makes a job the same job after the process ended.
import Kernel
import Plan
import Scan
import Wire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

/// What belongs to a job and not to the box's configuration. As JSON with a hash over it, so that a file that
/// was cut off or damaged is known for one.
public struct JobRecord: Hashable, Sendable, Codable {
  /// The target file's name.
  public var file: String
  /// 32 hexadecimal digits.
  public var key: String
  public var seed: UInt64
  /// When it was claimed, RFC 3339.
  public var created: String
  /// How often it was begun.
  public var starts = 0
  /// How often in a row it was begun, did not get on, and its process ended without saying so.
  public var crashes = 0
  /// The place it was to go on from when it was last begun.
  public var index: UInt64 = 0
  /// What it was last begun with; nil before that.
  public var settings: Settings?

  /// How the job probes, in the words of the options and directives.
  public struct Settings: Hashable, Sendable, Codable {
    /// Probes a second; 0 is no limit.
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

  /// A fresh random key and seed.
  public init(file: String, now: UInt64) {
    self.file = file
    key = hexadecimal(SipHashKey.random().bytes)
    seed = .random(in: .min ... .max)
    var text: [UInt8] = []
    text.append(timestamp: now)
    created = String(decoding: text, as: UTF8.self)
  }

  /// The key as the scan takes it; nil unless it is 32 hexadecimal digits.
  public var sipHashKey: SipHashKey? {
    let digits = key.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
    guard digits.count == 32, key.utf8.count == 32 else { return nil }
    return SipHashKey(
      bytes: stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
  }

  // MARK: - The file

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

  /// nil unless every byte is as it was written.
  package init?(_ bytes: [UInt8]) {
    let decoder = JSONDecoder()
    // A hash that is wrong makes other bytes.
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
