// The collector of the simulation: its disk, and its process with the real machine.
import Plan
import Support

@testable import Fleet

final class SimulatedCollector {
  struct Disk {
    var saved = CollectorMachine.Saved()
    var ledger = Ledger.header
    var generation: UInt64 = 0
    var blobs: [Digest: [UInt8]] = [:]
    var chunks: [BoxName: [Digest: [UInt8]]] = [:]
    /// Rows that were checked and not accepted yet.
    var checked: [ShardID: [UInt8]] = [:]
    var rows: [ShardID: [UInt8]] = [:]
  }

  let world: World
  /// The control: no ledger is kept, and rows are believed.
  let believesAll: Bool
  let ttl: UInt64 = 8 * second
  var scopePatience = 600 * second
  private(set) var disk = Disk()
  private var machine: CollectorMachine?
  private var process = 0
  private var replies: [UInt64: ([UInt8]) -> Void] = [:]
  private var replyCount: UInt64 = 0
  private(set) var merged: [Digest: [UInt8]] = [:]
  /// What the control merges: rows in the order of their acceptance.
  private(set) var believed: [UInt8] = []
  private(set) var highestBudget: UInt64 = 0
  private var boot = "a"

  init(_ world: World, boxes: [String], believesAll: Bool = false) {
    self.world = world
    self.believesAll = believesAll
    disk.saved.boxes = boxes.map {
      let name = BoxName($0)!
      return CollectorMachine.BoxRecord(
        name: name, key: hexadecimal(ToyCrypto.key(name)), standing: .approved)
    }
    start()
    tick()
  }

  private func tick() {
    tell(.tick(date: 1000))
    world.after(second) { [self] in tick() }
  }

  func start() {
    process += 1
    disk.generation += 1
    var settings = CollectorMachine.Settings(
      bootID: boot, generation: disk.generation, submitKeys: [ToyCrypto.operatorPublicKey],
      denyKeys: [ToyCrypto.operatorPublicKey])
    settings.ttl = ttl
    settings.interval = second
    settings.leaseTTL = 24 * second
    settings.scopePatience = scopePatience
    disk.saved.chunks = disk.chunks.mapValues { $0.mapValues { UInt64($0.count) } }
    do {
      let reading = try Ledger.read(disk.ledger)
      disk.ledger.removeLast(disk.ledger.count - reading.length)
      if disk.ledger.isEmpty { disk.ledger = Ledger.header }
      disk.saved.ledger = believesAll ? [] : reading.entries
      var machine = try CollectorMachine(
        settings, saved: disk.saved, crypto: ToyCrypto(), at: world.now)
      let effects = machine.start(at: world.now)
      self.machine = machine
      perform(effects, process)
    } catch {
      world.violate("collector: \(error)")
    }
  }

  func kill(for time: UInt64) {
    guard machine != nil else { return }
    machine = nil
    process += 1
    replies = [:]
    world.after(time) { [self] in if machine == nil { start() } }
  }

  func receive(
    _ event: (UInt64) -> CollectorMachine.Event, _ answer: @escaping ([UInt8]) -> Void
  ) {
    guard machine != nil else { return }
    replyCount += 1
    replies[replyCount] = answer
    tell(event(replyCount))
  }

  private func tell(_ event: CollectorMachine.Event) {
    guard machine != nil else { return }
    let effects = machine?.handle(event, at: world.now) ?? []
    highestBudget = max(highestBudget, machine?.budget ?? 0)
    perform(effects, process)
  }

  private func perform(_ effects: [CollectorMachine.Effect], _ mine: Int) {
    for effect in effects {
      guard process == mine else { return }
      perform(effect, mine)
      if !world.isCalm, world.faults.deathsInEffects > 0,
        world.pick(0...1999) < UInt64(world.faults.deathsInEffects)
      {
        world.happened("collector died in effects")
        return kill(for: world.pick(100...5000) * millisecond)
      }
    }
  }

  private func later(_ mine: Int, _ event: CollectorMachine.Event) {
    world.after(world.pick(1...30) * millisecond) { [self] in if process == mine { tell(event) } }
  }

  private func perform(_ effect: CollectorMachine.Effect, _ mine: Int) {
    switch effect {
    case .answer(let reply, let bytes): replies.removeValue(forKey: reply)?(bytes)
    case .appendGrant(let line): disk.saved.grants += line
    case .replaceGrants(let file): disk.saved.grants = file
    case .sendBlob(let digest, let offset, let reply):
      let bytes = disk.blobs[digest] ?? []
      replies.removeValue(forKey: reply)?(
        Array(bytes.dropFirst(Int(offset)).prefix(300)))
    case .saveObject(let digest, let bytes): disk.blobs[digest] = bytes
    case .storeChunk(let box, let digest, let bytes, let reply):
      disk.chunks[box, default: [:]][digest] = bytes
      replies.removeValue(forKey: reply)?(Array("ok".utf8))
      later(mine, .chunkStored(box, digest, size: UInt64(bytes.count)))
    case .readManifest(let box, let digest):
      later(mine, .manifestRead(box, digest, disk.chunks[box]?[digest]))
    case .removeChunks(let box, let digests):
      for digest in digests { disk.chunks[box]?[digest] = nil }
    case .verify(let verification):
      later(mine, .verified(verification.offer, verification.manifest.box, finding(verification)))
    case .accept(let entry): accept(entry, mine)
    case .saveBoxes(let boxes): disk.saved.boxes = boxes
    case .saveScans(let scans): disk.saved.scans = scans
    case .saveDenyLists(let lists): disk.saved.denyLists = lists
    case .storeBlobPiece(let digest, let size, _, let bytes, let reply):
      disk.blobs[digest] = bytes
      disk.saved.blobs[digest] = size
      later(mine, .blobPieceStored(digest, size: size, isWhole: true, mistake: nil, reply: reply))
    case .plan(let description):
      guard let plan = world.plans[description.id] else { return world.violate("no such plan") }
      later(mine, .planned(description.id, .success(plan.facts)))
    case .checkDenyList(let digest): later(mine, .denyListChecked(digest, mistake: nil))
    case .merge(let scan, let entries): merge(scan, entries)
    case .log: break
    }
  }

  private func finding(_ verification: CollectorMachine.Verification)
    -> CollectorMachine.Finding
  {
    let manifest = verification.manifest
    guard let plan = world.plans[manifest.shard.scan] else { return .refused("no such plan") }
    var verifier = ShardVerifier(plan, manifest)
    var rows: [UInt8] = []
    for chunk in manifest.chunks {
      guard let bytes = disk.chunks[manifest.box]?[chunk.digest] else {
        return .missing([chunk.digest])
      }
      rows += bytes
      do { try verifier.add(bytes) } catch  where !believesAll { return .refused("\(error)") } catch {}
    }
    do { try verifier.finish() } catch  where !believesAll { return .refused("\(error)") } catch {}
    disk.checked[manifest.shard] = rows
    var denied = AddressSet()
    for list in verification.denyLists where list.size > 0 {
      denied = denied.union(SimulatedBox.addresses(disk.blobs[list.digest] ?? []))
    }
    return believesAll ? .whole : ShardVerifier.finding(plan, manifest, denied: denied)
  }

  private func accept(_ entry: LedgerEntry, _ mine: Int) {
    guard let rows = disk.checked.removeValue(forKey: entry.shard) else {
      return world.violate("rows that were not checked")
    }
    if Digest(of: rows) != entry.digest, !believesAll { world.violate("rows of another manifest") }
    disk.rows[entry.shard] = rows
    believed += rows.drop { $0 != 10 }.dropFirst()
    if !believesAll {
      disk.ledger += entry.line
      // A power cut may leave the beginning of a line, which was not acted upon.
      if world.chance(percent: 2) {
        disk.ledger += Array(entry.line.prefix(30))
        world.happened("ledger's line cut off")
        return kill(for: 2 * second)
      }
    }
    later(mine, .accepted(entry.shard))
  }

  private func merge(_ scan: Digest, _ entries: [LedgerEntry]) {
    var all: [UInt8] = []
    for entry in entries {
      let rows = disk.rows[entry.shard] ?? []
      if Digest(of: rows) != entry.digest, !believesAll {
        world.violate("rows changed after the ledger")
      }
      all += rows.drop { $0 != 10 }.dropFirst()
    }
    if let before = merged[scan], before != all, !believesAll {
      world.violate("merged twice, not alike")
    }
    merged[scan] = all
  }

  /// Whether a shard is in the ledger on disk, or belongs to a scan that was cancelled.
  func isSettled(_ shard: ShardID) -> Bool { believesAll || disk.rows[shard] != nil }

  var snapshot: CollectorSnapshot? { machine?.snapshot(at: world.now) }

  // MARK: The operator

  /// Asks again and again until the collector says yes.
  func operate(_ request: [String: JSONValue], _ isDone: @escaping () -> Void = {}) {
    var isAnswered = false
    var all = request
    all["v"] = .number(1)
    let bytes = JSONValue.object(all).canonical
    let take = { [self] (answer: [UInt8]) in
      guard case .object(let members)? = try? JSONValue(parsing: answer, "answer", limit: 1 << 20)
      else { return world.violate("an answer that is not JSON") }
      guard members["ok"] == .flag(true) else { return }
      isAnswered = true
      isDone()
    }
    receive({ .operation(bytes, reply: $0) }, take)
    world.after(3 * second) { [self] in if !isAnswered { operate(request, isDone) } }
  }

  func putDenyListInForce(_ text: String, sequence: UInt64) {
    let list = Array(text.utf8)
    let object = DenyObject(
      sequence: sequence, digest: Digest(of: list), size: UInt64(list.count))
    let signed = ToyCrypto.operatorSigned(object.body, .deny)
    let value = try! JSONValue(parsing: signed, "deny", limit: 10_000)
    func deny() {
      operate(["do": .text("deny"), "deny": value]) { [self] in
        world.denyLists.append((world.now, sequence, SimulatedBox.addresses(list)))
      }
    }
    if list.isEmpty { deny() } else { send(list, deny) }
  }

  func send(_ blob: [UInt8], _ isDone: @escaping () -> Void) {
    operate(
      [
        "do": .text("blob"), "sha256": .digest(Digest(of: blob)), "size": .number(blob.count),
        "offset": .number(0), "data": .text(Base64.encode(blob)),
      ], isDone)
  }

  func submit(_ plan: FleetPlan, targets: [UInt8]) {
    world.plans[plan.description.id] = plan
    let signed = ToyCrypto.operatorSigned(plan.description.body, .scan)
    let value = try! JSONValue(parsing: signed, "scan", limit: 10_000)
    send(targets) { [self] in operate(["do": .text("submit"), "scan": value]) }
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
