// What a box says to the collector, every few seconds.

/// A shard that a box works on.
public struct Claim: Hashable, Sendable {
  public var shard: ShardID
  /// Targets settled, of `size`.
  public var done: UInt64
  public var size: UInt64

  public init(_ shard: ShardID, done: UInt64, size: UInt64) {
    self.shard = shard
    self.done = done
    self.size = size
  }
}

/// A shard with results for which a box has no receipt yet.
public struct Offer: Hashable, Sendable {
  public var shard: ShardID
  public var manifest: Digest

  public init(_ shard: ShardID, manifest: Digest) {
    self.shard = shard
    self.manifest = manifest
  }
}

/// A shard that a box cannot scan.
public struct Rejection: Hashable, Sendable {
  public var shard: ShardID
  public var reason: String

  public init(_ shard: ShardID, reason: String) {
    self.shard = shard
    self.reason = reason
  }
}

public struct Hello: Hashable, Sendable {
  public static let mostShards = 64

  public var box: BoxName
  /// 12 hexadecimal digits that tell this disk in this boot from a copy of it.
  public var instance: String
  public var nonce: String
  /// The box's public key, by which an operator recognizes a box that waits for approval. 32 bytes as hexadecimal digits.
  public var key: String
  public var denySequence: UInt64
  /// How many more shards it could take.
  public var wants: Int
  public var claims: [Claim]
  public var finished: [Offer]
  public var rejected: [Rejection]
  /// Probes per second, as the scanner measures it.
  public var rate: UInt64
  /// Probes sent since the scanner started.
  public var sent: UInt64
  /// Whether the scanner sends probes of the fleet.
  public var isSending: Bool
  /// Sentences for the operator.
  public var problems: [String]
  public var version: String

  public init(
    box: BoxName, instance: String, nonce: String, key: String, denySequence: UInt64, wants: Int,
    claims: [Claim] = [], finished: [Offer] = [], rejected: [Rejection] = [], rate: UInt64 = 0,
    sent: UInt64 = 0, isSending: Bool = false, problems: [String] = [], version: String = ""
  ) {
    self.box = box
    self.instance = instance
    self.nonce = nonce
    self.key = key
    self.denySequence = denySequence
    self.wants = wants
    self.claims = claims
    self.finished = finished
    self.rejected = rejected
    self.rate = rate
    self.sent = sent
    self.isSending = isSending
    self.problems = problems
    self.version = version
  }

  public var body: JSONValue {
    .object([
      "v": .number(1), "box": .text(box.description), "inst": .text(instance), "nonce": .text(nonce),
      "key": .text(key), "deny_seq": .number(denySequence), "wants": .number(wants),
      "claims": .list(
        claims.map { .list($0.shard.json + [.number($0.done), .number($0.size)]) }),
      "finished": .list(finished.map { .list($0.shard.json + [.digest($0.manifest)]) }),
      "rejected": .list(rejected.map { .list($0.shard.json + [.text($0.reason)]) }),
      "rate_pps": .number(rate), "sent": .digits(sent), "sending": .flag(isSending),
      "problems": .texts(problems), "version": .text(version),
    ])
  }

  public init(body: JSONValue) throws(FleetError) {
    let fields = try Fields(body, "hello")
    try fields.requireVersion()
    box = try fields.name("box")
    instance = try fields.text("inst", limit: 12)
    guard isHexadecimal(instance, digits: 12) else {
      throw fields.error("inst", "12 hexadecimal digits")
    }
    nonce = try fields.text("nonce", limit: 64)
    key = try fields.text("key", limit: 64)
    guard isHexadecimal(key, digits: 64) else { throw fields.error("key", "64 hexadecimal digits") }
    denySequence = try fields.number("deny_seq")
    wants = Int(try fields.number("wants", in: 0...64))
    (claims, finished, rejected) = ([], [], [])
    for item in try fields.list("claims", limit: Self.mostShards) {
      let (shard, rest) = try fields.shard("claims", item, count: 4)
      guard case .number(let done) = rest[0], case .number(let size) = rest[1], done >= 0, size >= done
      else { throw fields.error("claims", "targets done and their number") }
      claims.append(Claim(shard, done: UInt64(done), size: UInt64(size)))
    }
    for item in try fields.list("finished", limit: Self.mostShards) {
      let (shard, rest) = try fields.shard("finished", item, count: 3)
      guard case .text(let text) = rest[0], let manifest = Digest(text) else {
        throw fields.error("finished", "the SHA-256 of a manifest")
      }
      finished.append(Offer(shard, manifest: manifest))
    }
    for item in fields.isAbsent("rejected") ? [] : try fields.list("rejected", limit: 16) {
      let (shard, rest) = try fields.shard("rejected", item, count: 3)
      guard case .text(let reason) = rest[0], reason.utf8.count <= 1200 else {
        throw fields.error("rejected", "a reason")
      }
      rejected.append(Rejection(shard, reason: FleetError.shown(reason, limit: 300)))
    }
    rate = try fields.number("rate_pps")
    sent = try fields.digits("sent")
    isSending = try fields.flag("sending")
    problems = try fields.texts("problems", limit: 16, length: 1200).map {
      FleetError.shown($0, limit: 300)
    }
    version = FleetError.shown(try fields.text("version", limit: 200), limit: 60)
  }
}

func isHexadecimal(_ text: String, digits: Int) -> Bool {
  text.utf8.count == digits
    && text.utf8.allSatisfy {
      $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")
        || $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f")
    }
}
