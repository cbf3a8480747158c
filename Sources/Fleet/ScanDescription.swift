// What an operator signs to have the fleet scan something.
import Plan
import Scan

/// A file that the collector offers under its hash.
public struct BlobReference: Hashable, Sendable {
  public var digest: Digest
  /// Bytes.
  public var size: UInt64

  public init(digest: Digest, size: UInt64) {
    self.digest = digest
    self.size = size
  }

  var json: JSONValue { .object(["sha256": .digest(digest), "size": .number(size)]) }

  init(_ value: JSONValue, _ what: String, largest: UInt64) throws(FleetError) {
    let fields = try Fields(value, what, known: ["sha256", "size"])
    digest = try fields.digest("sha256")
    size = try fields.number("size", in: 1...largest)
  }
}

/// A scan of the fleet. Its ID is the SHA-256 of its canonical body.
public struct ScanDescription: Hashable, Sendable {
  public static let mostShards = 1_000_000
  /// Bytes of one target file.
  public static let largestTargets: UInt64 = 16 << 30
  /// The only order and rules that exist: those of `@numbering targets`.
  public static let numbering = "targets-1"

  /// For people: visible characters, at most 100 bytes.
  public var name: String
  /// The target files, in order: text, without directives.
  public var targets: [BlobReference]
  /// As `-p` takes them, for entries without ports.
  public var ports: String?
  public var seed: UInt64
  public var probes: UInt8
  public var shards: UInt32
  /// Probes per second of all boxes together.
  public var rate: UInt64
  /// Probes per second that all boxes together may send to any one /24.
  public var maximumRatePer24: UInt64?
  public var cooldownMilliseconds: UInt64
  /// The columns of results.csv; they have saddr and sport.
  public var fields: [ResultField]
  public var planDigest: Digest
  /// The targets of all shards together.
  public var targetCount: UInt64
  /// The lowest sequence number of the deny list that a box must have.
  public var denySequence: UInt64
  /// Seconds since 1970; nothing is assigned afterwards.
  public var notAfter: UInt64

  public init(
    name: String, targets: [BlobReference], ports: String? = nil, seed: UInt64, probes: UInt8 = 1,
    shards: UInt32, rate: UInt64, maximumRatePer24: UInt64? = nil, cooldownMilliseconds: UInt64 = 8000,
    fields: [ResultField] = ResultField.standard, planDigest: Digest, targetCount: UInt64,
    denySequence: UInt64, notAfter: UInt64
  ) {
    self.name = name
    self.targets = targets
    self.ports = ports
    self.seed = seed
    self.probes = probes
    self.shards = shards
    self.rate = rate
    self.maximumRatePer24 = maximumRatePer24
    self.cooldownMilliseconds = cooldownMilliseconds
    self.fields = fields
    self.planDigest = planDigest
    self.targetCount = targetCount
    self.denySequence = denySequence
    self.notAfter = notAfter
  }

  public var id: Digest { Digest(of: body.canonical) }

  /// The number of targets in a shard; 0 if there is no such shard.
  public func size(of shard: UInt32) -> UInt64 {
    guard shard < shards, UInt64(shard) < targetCount else { return 0 }
    return (targetCount - UInt64(shard) - 1) / UInt64(shards) + 1
  }

  /// Returns what `planDigest` must be for a plan of `count` targets.
  public func digest(ofPlanWith count: UInt64) -> Digest {
    let files = targets.map(\.digest.description).joined(separator: ",")
    let text =
      "numbering \(Self.numbering)\nspecial-purpose \(SpecialPurpose.date)\ntargets \(files)\n"
      + "ports \(ports ?? "")\nseed \(seed)\nshards \(shards)\ncount \(count)\n"
    return Digest(of: Array(text.utf8))
  }

  /// The directives that precede the target files in a shard's job. Each line ends with a line feed.
  public func directives(shard: UInt32) -> String {
    let (seconds, milliseconds) = cooldownMilliseconds.quotientAndRemainder(dividingBy: 1000)
    let fraction = String(1000 + milliseconds).dropFirst()
    return "@numbering targets\n" + (ports.map { "@ports \($0)\n" } ?? "")
      + "@seed \(seed)\n@shard \(shard)/\(shards)\n@probes \(probes)\n@rate \(rate)\n"
      + "@cooldown \(seconds).\(fraction)s\n"
  }
}

extension ScanDescription {
  static let members: Set<String> = [
    "v", "name", "targets", "ports", "seed", "probes", "shards", "rate", "max_rate_per_24",
    "cooldown_ms", "fields", "numbering", "plan_sha256", "targets_total", "deny_seq", "not_after",
  ]

  /// The body that an operator signs.
  public var body: JSONValue {
    .object([
      "v": .number(1), "name": .text(name), "targets": .list(targets.map(\.json)),
      "ports": ports.map { .text($0) } ?? .null, "seed": .digits(seed), "probes": .number(probes),
      "shards": .number(shards), "rate": .number(rate),
      "max_rate_per_24": maximumRatePer24.map { .number($0) } ?? .null,
      "cooldown_ms": .number(cooldownMilliseconds), "fields": .texts(fields.map(\.rawValue)),
      "numbering": .text(Self.numbering), "plan_sha256": .digest(planDigest),
      "targets_total": .digits(targetCount), "deny_seq": .number(denySequence),
      "not_after": .digits(notAfter),
    ])
  }

  /// Reads a body. Throws unless every member is there, in range, and known.
  public init(body: JSONValue) throws(FleetError) {
    let fields = try Fields(body, "scan", known: Self.members)
    try fields.requireVersion()
    name = try fields.text("name", limit: 100)
    guard !name.isEmpty, name == FleetError.shown(name, limit: 100) else {
      throw fields.error("name", "1 to 100 visible characters")
    }
    targets = []
    for item in try fields.list("targets", limit: 64) {
      targets.append(try BlobReference(item, "scan: targets", largest: Self.largestTargets))
    }
    guard !targets.isEmpty else { throw fields.error("targets", "at least one target file") }
    if fields.isAbsent("ports") {
      ports = nil
    } else {
      let text = try fields.text("ports", limit: 4096)
      do throws(ValueError) { _ = try PortSet(parsing: text) } catch {
        throw fields.error("ports", "\(error.expected), or null")
      }
      ports = text
    }
    seed = try fields.digits("seed")
    probes = UInt8(try fields.number("probes", in: 1...255))
    targetCount = try fields.digits("targets_total")
    guard (1...(1 << 48)).contains(targetCount) else {
      throw fields.error("targets_total", "1 to 2^48 as a text of digits")
    }
    let most = min(UInt64(Self.mostShards), targetCount)
    shards = UInt32(try fields.number("shards", in: 1...most))
    rate = try fields.number("rate", in: 1...PacketRate.maximum)
    maximumRatePer24 =
      fields.isAbsent("max_rate_per_24")
      ? nil : try fields.number("max_rate_per_24", in: 1...PacketRate.maximum)
    cooldownMilliseconds = try fields.number("cooldown_ms", in: 0...3_600_000)
    let list = try fields.texts("fields", limit: 64, length: 40).joined(separator: ",")
    do throws(ValueError) { self.fields = try ResultField.parse(list: list) } catch {
      throw FleetError("scan: fields: \(error)")
    }
    guard self.fields.contains(.saddr), self.fields.contains(.sport) else {
      throw fields.error("fields", "saddr and sport among them")
    }
    guard try fields.text("numbering", limit: 40) == Self.numbering else {
      throw fields.error("numbering", "\"\(Self.numbering)\"; update this program")
    }
    planDigest = try fields.digest("plan_sha256")
    denySequence = try fields.number("deny_seq")
    notAfter = try fields.digits("not_after")
    guard planDigest == digest(ofPlanWith: targetCount) else {
      throw fields.error(
        "plan_sha256",
        "that of its members and of the special-purpose table of \(SpecialPurpose.date); the programs that made and read it differ"
      )
    }
  }
}
