// The collector's answer to a hello: what a box may send, which shards it works on, and its receipts.

/// What became of the results that a box offers.
public enum Verdict: Hashable, Sendable {
  /// They count, and are on the collector's disk.
  case accepted
  /// They are not needed: those of another box count, or the scan was cancelled.
  case superseded
  /// These chunks, or the manifest, are not there: send them again.
  case want([Digest])
  /// They do not count, and why. The box keeps them.
  case void(String)
}

/// A verdict on the results of one shard.
public struct Receipt: Hashable, Sendable {
  public var offer: Offer
  public var verdict: Verdict

  public init(_ offer: Offer, _ verdict: Verdict) {
    self.offer = offer
    self.verdict = verdict
  }

  /// The most chunks that one receipt asks for.
  public static let mostWanted = 64

  var json: JSONValue {
    let (word, detail): (String, JSONValue) =
      switch verdict {
      case .accepted: ("accepted", .null)
      case .superseded: ("superseded", .null)
      case .want(let digests): ("want", .list(digests.map { .digest($0) }))
      case .void(let reason): ("void", .text(reason))
      }
    return .list(offer.shard.json + [.digest(offer.manifest), .text(word), detail])
  }

  init(_ item: JSONValue, _ fields: Fields) throws(FleetError) {
    let (shard, rest) = try fields.shard("receipts", item, count: 5)
    guard case .text(let text) = rest[0], let manifest = Digest(text), case .text(let word) = rest[1]
    else { throw fields.error("receipts", "a manifest and a verdict") }
    offer = Offer(shard, manifest: manifest)
    switch (word, rest[2]) {
    case ("accepted", _): verdict = .accepted
    case ("superseded", _): verdict = .superseded
    case ("void", .text(let reason)): verdict = .void(FleetError.shown(reason, limit: 300))
    case ("want", .list(let items)) where items.count <= Self.mostWanted:
      var digests: [Digest] = []
      for item in items {
        guard case .text(let text) = item, let digest = Digest(text) else {
          throw fields.error("receipts", "hashes of wanted chunks")
        }
        digests.append(digest)
      }
      verdict = .want(digests)
    default: throw fields.error("receipts", "accepted, superseded, want or void")
    }
  }
}

/// A scan that a box should know, and the blob with its signed description.
public struct ScanReference: Hashable, Sendable {
  public var scan: Digest
  public var blob: Digest

  public init(scan: Digest, blob: Digest) {
    self.scan = scan
    self.blob = blob
  }
}

public struct Licence: Hashable, Sendable {
  public var box: BoxName
  public var nonce: String
  /// Grows with each start of a collector.
  public var generation: UInt64
  /// Probes per second; 0 allows none.
  public var rate: UInt64
  /// From when the box noted the time before its hello.
  public var ttlMilliseconds: UInt64
  /// 0 while no list has been put in force: then the rate is 0.
  public var denySequence: UInt64
  public var denyDigest: Digest
  /// The blob with the signed deny object; nil while there is none.
  public var denyBlob: Digest?
  public var scans: [ScanReference]
  /// All shards that the box is to work on.
  public var hold: [ShardID]
  public var receipts: [Receipt]
  /// When to say hello again.
  public var intervalMilliseconds: UInt64

  public init(
    box: BoxName, nonce: String, generation: UInt64, rate: UInt64, ttlMilliseconds: UInt64,
    denySequence: UInt64, denyDigest: Digest, denyBlob: Digest?, scans: [ScanReference] = [],
    hold: [ShardID] = [], receipts: [Receipt] = [], intervalMilliseconds: UInt64
  ) {
    self.box = box
    self.nonce = nonce
    self.generation = generation
    self.rate = rate
    self.ttlMilliseconds = ttlMilliseconds
    self.denySequence = denySequence
    self.denyDigest = denyDigest
    self.denyBlob = denyBlob
    self.scans = scans
    self.hold = hold
    self.receipts = receipts
    self.intervalMilliseconds = intervalMilliseconds
  }

  public var body: JSONValue {
    .object([
      "v": .number(1), "box": .text(box.description), "nonce": .text(nonce),
      "gen": .number(generation), "rate": .number(rate), "ttl_ms": .number(ttlMilliseconds),
      "deny_seq": .number(denySequence), "deny_sha256": .digest(denyDigest),
      "deny": denyBlob.map { .digest($0) } ?? .null,
      "scans": .list(scans.map { .list([.digest($0.scan), .digest($0.blob)]) }),
      "hold": .list(hold.map { .list($0.json) }), "receipts": .list(receipts.map(\.json)),
      "interval_ms": .number(intervalMilliseconds),
    ])
  }

  public init(body: JSONValue) throws(FleetError) {
    let fields = try Fields(body, "licence")
    try fields.requireVersion()
    box = try fields.name("box")
    nonce = try fields.text("nonce", limit: 64)
    generation = try fields.number("gen")
    rate = try fields.number("rate", in: 0...1_000_000_000)
    ttlMilliseconds = try fields.number("ttl_ms", in: 1...3_600_000)
    denySequence = try fields.number("deny_seq")
    denyDigest = try fields.digest("deny_sha256")
    denyBlob = fields.isAbsent("deny") ? nil : try fields.digest("deny")
    (scans, hold, receipts) = ([], [], [])
    for item in try fields.list("scans", limit: 64) {
      guard case .list(let parts) = item, parts.count == 2, case .text(let scan) = parts[0],
        case .text(let blob) = parts[1], let scan = Digest(scan), let blob = Digest(blob)
      else { throw fields.error("scans", "pairs of a scan and a blob") }
      scans.append(ScanReference(scan: scan, blob: blob))
    }
    for item in try fields.list("hold", limit: 2 * Hello.mostShards) {
      hold.append(try fields.shard("hold", item, count: 2).0)
    }
    for item in try fields.list("receipts", limit: Hello.mostShards) {
      receipts.append(try Receipt(item, fields))
    }
    intervalMilliseconds = try fields.number("interval_ms", in: 50...600_000)
  }
}
