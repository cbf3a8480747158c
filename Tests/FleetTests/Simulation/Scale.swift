// A large fleet: the real collector, and boxes that are no more than their messages.
import TestSupport

@testable import Fleet

/// What a fleet of some size costs its collector.
struct Scale {
  struct Box {
    let name: BoxName
    var instance: UInt64
    var shards: [ShardID: UInt64] = [:]
    var offers: [ShardID: Digest] = [:]
    var rate: UInt64 = 0
    var downUntil: UInt64 = 0
    var saidHello: UInt64 = 0
  }

  let size: UInt64
  let shards: UInt32
  private(set) var machine: CollectorMachine
  private(set) var boxes: [Box]
  private let scan: ScanDescription
  private let ttl: UInt64
  private var now = 1000 * second
  private var random: SeededGenerator
  private(set) var messages = 0
  private(set) var deaths = 0
  private(set) var messageBytes = 0
  /// What the collector's machine took.
  private(set) var collectorTime = Duration.zero
  private var nonce = 0
  private var effects: [CollectorMachine.Effect] = []

  /// Seconds of virtual time until the scan was complete.
  var seconds: UInt64 { (now - 1000 * second) / second }
  var isComplete: Bool { machine.scans[0].isComplete }
  var accepted: UInt32 { machine.scans[0].acceptedCount }

  init(boxes: Int, shards: UInt32, targets: UInt64, rate: UInt64, seed: UInt64) throws {
    random = SeededGenerator(seed)
    size = targets
    self.shards = shards
    var scan = ScanDescription(
      name: "large", targets: [BlobReference(digest: Digest(of: [1]), size: 1)], ports: "1-100",
      seed: 1, shards: shards, rate: rate, planDigest: Digest(of: []), targetCount: targets,
      denySequence: 1, notAfter: .max)
    scan.planDigest = scan.digest(ofPlanWith: targets)
    self.scan = scan
    var saved = CollectorMachine.Saved()
    let names = (0..<boxes).map { BoxName("box-\($0)")! }
    saved.boxes = names.map {
      CollectorMachine.BoxRecord(
        name: $0, key: hexadecimal(ToyCrypto.key($0)), standing: .approved)
    }
    saved.scans = [
      CollectorMachine.SavedScan(
        bytes: ToyCrypto.operatorSigned(scan.body, .scan), isCancelled: false)
    ]
    let deny = DenyObject(sequence: 1, digest: Digest(of: []), size: 0)
    saved.denyLists = [ToyCrypto.operatorSigned(deny.body, .deny)]
    var settings = CollectorMachine.Settings(
      bootID: "boot", generation: 1, submitKeys: [ToyCrypto.operatorPublicKey],
      denyKeys: [ToyCrypto.operatorPublicKey])
    settings.interval = 5 * second
    settings.ttl = 20 * second
    settings.leaseTTL = 60 * second
    ttl = settings.ttl
    machine = try CollectorMachine(settings, saved: saved, crypto: ToyCrypto(), at: 0)
    self.boxes = names.map { Box(name: $0, instance: 0) }
    _ = machine.start(at: 0)
    tell(
      .planned(
        scan.id, .success(CollectorMachine.PlanFacts(targetCount: targets, mostPer24: 0))))
  }

  /// Runs until the scan is complete, at most for `limit` seconds.
  ///
  /// - Parameter deathsPerHour: of a hundred boxes; half of them return after a minute, all others with an empty disk.
  mutating func run(limit: UInt64, deathsPerHour: Double) {
    let interval = 5 * second
    while !isComplete, seconds < limit {
      let step = interval / UInt64(boxes.count)
      for index in boxes.indices {
        now += step
        if Double.random(in: 0..<1, using: &random) < deathsPerHour / 100 / 720 {
          deaths += 1
          boxes[index].downUntil = now + 60 * second
          if Bool.random(using: &random) {
            boxes[index].shards = [:]
            boxes[index].instance += 1
          }
        }
        if now >= boxes[index].downUntil { hello(index) }
      }
      tell(.tick(date: 1000))
    }
  }

  private mutating func tell(_ event: CollectorMachine.Event) {
    let begin = ContinuousClock.now
    defer { collectorTime += ContinuousClock.now - begin }
    effects = machine.handle(event, at: now)
    var next = 0
    while next < effects.count {
      let effect = effects[next]
      next += 1
      switch effect {
      case .storeChunk(let box, let digest, let bytes, _):
        effects += machine.handle(.chunkStored(box, digest, size: UInt64(bytes.count)), at: now)
      case .verify(let job):
        effects += machine.handle(.verified(job.offer, job.manifest.box, .whole), at: now)
      case .accept(let entry): effects += machine.handle(.accepted(entry.shard), at: now)
      default: break
      }
    }
  }

  private mutating func hello(_ index: Int) {
    var box = boxes[index]
    work(&box)
    nonce += 1
    let instance = String(Digest(of: Array("\(box.name) \(box.instance)".utf8)).short.prefix(12))
    let claims = box.shards.sorted { $0.key < $1.key }.map {
      Claim($0.key, done: $0.value, size: scan.size(of: $0.key.number))
    }
    let hello = Hello(
      box: box.name, instance: instance, nonce: "\(nonce)",
      key: hexadecimal(ToyCrypto.key(box.name)), denySequence: 1, wants: max(0, 2 - claims.count),
      claims: claims, finished: box.offers.sorted { $0.key < $1.key }.map { Offer($0, manifest: $1) },
      rate: box.rate, sent: 1, isSending: true, version: "1")
    send(box, hello.body, .hello) { .hello(box.name, $0, reply: 0) }
    for case .answer(_, let bytes) in effects {
      messageBytes += bytes.count
      guard let signed = try? SignedObject(parsing: bytes, "licence"),
        let licence = try? Licence(body: signed.body)
      else { continue }
      box.rate = licence.rate
      box.saidHello = now
      for receipt in licence.receipts { box.offers[receipt.offer.shard] = nil }
      let held = Set(licence.hold)
      box.shards = box.shards.filter { held.contains($0.key) }
      for shard in licence.hold where box.shards[shard] == nil && box.offers[shard] == nil {
        box.shards[shard] = 0
      }
    }
    boxes[index] = box
  }

  /// Probes since the last hello, and hands in what is finished.
  private mutating func work(_ box: inout Box) {
    var probes = box.rate * min(now - box.saidHello, ttl) / second
    for (shard, done) in box.shards.sorted(by: { $0.key < $1.key }) where probes > 0 {
      let size = scan.size(of: shard.number)
      let more = min(probes, size - done)
      probes -= more
      box.shards[shard] = done + more
      guard done + more == size else { continue }
      let rows = Array("saddr,sport\n".utf8)
      let chunk = ChunkReference(digest: Digest(of: rows), size: UInt64(rows.count))
      let manifest = Manifest(
        shard: shard, box: box.name, instance: "0123456789ab", planDigest: scan.planDigest,
        targets: size, targetsDenied: 0, denySequence: 1,
        facts: ResultFacts(rows: 0, size: chunk.size, digest: chunk.digest, chunks: [chunk]))
      messages += 1
      tell(.chunk(box.name, chunk.digest, rows, reply: 0))
      let name = box.name
      var digest = Digest(of: [])
      send(box, manifest.body, .manifest) {
        digest = Digest(of: $0)
        return .chunk(name, digest, $0, reply: 0)
      }
      box.shards[shard] = nil
      box.offers[shard] = digest
    }
  }

  private mutating func send(
    _ box: Box, _ body: JSONValue, _ domain: SignedObject.Domain,
    _ event: ([UInt8]) -> CollectorMachine.Event
  ) {
    let crypto = ToyCrypto(boxKey: ToyCrypto.key(box.name))
    guard let signed = SignedObject.sign(body, domain, with: .box, crypto) else { return }
    messages += 1
    messageBytes += signed.bytes.count
    tell(event(signed.bytes))
  }
}
