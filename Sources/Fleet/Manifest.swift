// A box's signed account of the results of one shard.

/// A part of results.csv: whole lines, at most `FleetSubject.largestPiece` bytes, unless one line is longer.
public struct ChunkReference: Hashable, Sendable {
  public var digest: Digest
  /// Bytes.
  public var size: UInt64

  public init(digest: Digest, size: UInt64) {
    self.digest = digest
    self.size = size
  }
}

public struct Manifest: Hashable, Sendable {
  /// The most bytes of a signed manifest: it travels as one chunk.
  public static let largest = FleetSubject.largestPiece
  public static let mostChunks = 5000

  public var shard: ShardID
  public var box: BoxName
  public var instance: String
  public var planDigest: Digest
  /// Targets of the shard.
  public var targets: UInt64
  /// Of them, those that the box's own scope denied.
  public var targetsDenied: UInt64
  /// Of the deny list at the end.
  public var denySequence: UInt64
  /// Lines of results.csv without the header.
  public var rows: UInt64
  /// Bytes of results.csv.
  public var size: UInt64
  /// Of results.csv as a whole.
  public var digest: Digest
  public var chunks: [ChunkReference]
  /// The counters of summary.json.
  public var summary: [String: UInt64]

  public init(
    shard: ShardID, box: BoxName, instance: String, planDigest: Digest, targets: UInt64,
    targetsDenied: UInt64, denySequence: UInt64, facts: ResultFacts, summary: [String: UInt64] = [:]
  ) {
    self.shard = shard
    self.box = box
    self.instance = instance
    self.planDigest = planDigest
    self.targets = targets
    self.targetsDenied = targetsDenied
    self.denySequence = denySequence
    rows = facts.rows
    size = facts.size
    digest = facts.digest
    chunks = facts.chunks
    self.summary = summary
  }

  public var body: JSONValue {
    .object([
      "v": .number(1), "scan": .digest(shard.scan), "k": .number(shard.number),
      "box": .text(box.description), "inst": .text(instance), "plan_sha256": .digest(planDigest),
      "targets": .number(targets), "targets_denied": .number(targetsDenied),
      "deny_seq": .number(denySequence), "rows": .number(rows), "size": .number(size),
      "sha256": .digest(digest),
      "chunks": .list(
        chunks.map { .object(["sha256": .digest($0.digest), "size": .number($0.size)]) }),
      "summary": .object(summary.mapValues { .number($0) }),
    ])
  }

  public init(body: JSONValue) throws(FleetError) {
    let fields = try Fields(body, "manifest")
    try fields.requireVersion()
    let number = try fields.number("k", in: 0...UInt64(ScanDescription.mostShards - 1))
    shard = ShardID(scan: try fields.digest("scan"), number: UInt32(number))
    box = try fields.name("box")
    instance = try fields.text("inst", limit: 12)
    guard isHexadecimal(instance, digits: 12) else {
      throw fields.error("inst", "12 hexadecimal digits")
    }
    planDigest = try fields.digest("plan_sha256")
    targets = try fields.number("targets")
    targetsDenied = try fields.number("targets_denied", in: 0...targets)
    denySequence = try fields.number("deny_seq")
    rows = try fields.number("rows")
    size = try fields.number("size")
    digest = try fields.digest("sha256")
    chunks = []
    var total: UInt64 = 0
    for item in try fields.list("chunks", limit: Self.mostChunks) {
      let chunk = try BlobReference(
        item, "manifest: chunks", largest: UInt64(FleetSubject.largestPiece))
      chunks.append(ChunkReference(digest: chunk.digest, size: chunk.size))
      total += chunk.size
    }
    guard total == size else { throw fields.error("size", "the sum of the chunks' sizes") }
    let summary = try Fields(fields.members["summary"], "manifest: summary")
    guard summary.members.count <= 200 else { throw fields.error("summary", "at most 200 counters") }
    self.summary = [:]
    for name in summary.members.keys.sorted() where name.utf8.count <= 60 {
      self.summary[name] = try summary.number(name)
    }
  }
}
