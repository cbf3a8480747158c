// job.json as version 0.1.0 wrote it.
import Plan

#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

extension JobRecord {
  /// Decodes a record of format 1: one object with the members `job` and `sha256`. Returns nil unless every byte is
  /// intact.
  init?(format1 bytes: [UInt8]) {
    // The hash covers an encoding of `job` that is not stored, so only encoding everything again verifies it.
    guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(bytes)),
      let digest = try? Self.canonical(stored.job),
      let encoded = try? Self.canonical(Stored(job: stored.job, sha256: SHA256.hex(digest))),
      encoded + [UInt8(ascii: "\n")] == bytes
    else { return nil }
    let job = stored.job
    self.init(file: job.file, key: job.key, seed: job.seed, created: job.created)
    starts = job.starts
    crashes = job.crashes
    index = job.index
    settings = job.settings.map {
      Settings(
        rate: $0.rate, probes: $0.probes, cooldownNanoseconds: $0.cooldownNanoseconds, shard: $0.shard,
        targets: $0.targets, sources: $0.sources, sourcePorts: $0.sourcePorts,
        probeOptions: $0.probeOptions, scopeSHA256: $0.scopeSHA256)
    }
  }

  private struct Stored: Codable {
    var job: Fields
    var sha256: String
  }

  /// Frozen: another field would change the encoding, and with it every hash.
  private struct Fields: Codable {
    var file: String
    var key: String
    var seed: UInt64
    var created: String
    var starts: Int
    var crashes: Int
    var index: UInt64
    var settings: SettingsFields?
  }

  private struct SettingsFields: Codable {
    var rate: UInt64
    var probes: UInt8
    var cooldownNanoseconds: UInt64
    var shard: String
    var targets: UInt64
    var sources: [String]
    var sourcePorts: String
    var probeOptions: String
    var scopeSHA256: String
  }

  private static func canonical(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }
}
