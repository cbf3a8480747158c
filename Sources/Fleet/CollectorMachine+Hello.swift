// Answering a hello: claims, new shards, a rate, receipts.
import Support

extension CollectorMachine {
  /// Boxes that may wait for approval.
  private static let mostPending = 1000
  /// Scans that an answer names although the box has no shard of them.
  private static let mostScans = 8

  mutating func hear(
    _ box: BoxName, _ bytes: [UInt8], _ reply: UInt64, _ now: UInt64, _ effects: inout [Effect]
  ) {
    do throws(FleetError) {
      let hello = try readHello(box, bytes, &effects)
      let licence = answer(hello, now, &effects)
      guard let signed = SignedObject.sign(licence.body, .licence, with: .fleet, crypto) else {
        throw FleetError("the collector's key cannot sign")
      }
      effects.append(.answer(reply, signed.bytes))
    } catch {
      effects.append(.answer(reply, Self.refusal(error.description)))
    }
  }

  static func refusal(_ reason: String) -> [UInt8] {
    JSONValue.object(["v": .number(1), "error": .text(reason)]).canonical
  }

  private mutating func readHello(_ box: BoxName, _ bytes: [UInt8], _ effects: inout [Effect])
    throws(FleetError) -> Hello
  {
    let signed = try SignedObject(parsing: bytes, "hello")
    let hello = try Hello(body: signed.body)
    guard hello.box == box else {
      throw FleetError("hello: it is of the box \(hello.box), not of \(box)")
    }
    guard let key = Hexadecimal.decode(boxes[box]?.key ?? hello.key) else {
      throw FleetError("hello: no key")
    }
    try signed.verify(.hello, key: key, crypto)
    switch boxes[box]?.standing {
    case .approved: return hello
    case .revoked: throw FleetError("the box \(box) is revoked")
    case .pending: break
    case nil:
      guard boxes.values.count(where: { $0.standing == .pending }) < Self.mostPending else {
        throw FleetError("\(Self.mostPending) boxes wait for approval already")
      }
      boxes[box] = BoxRecord(name: box, key: hello.key, standing: .pending)
      effects.append(.saveBoxes(boxes.values.sorted { $0.name < $1.name }))
      effects.append(.log("box \(box) with key \(hello.key) waits for approval"))
    }
    throw FleetError("the box \(box) waits for approval: synboxctl fleet approve \(box)")
  }

  private mutating func answer(_ hello: Hello, _ now: UInt64, _ effects: inout [Effect]) -> Licence {
    let me = BoxInstance(box: hello.box, instance: hello.instance)
    var heard = heard[me] ?? Heard(at: now, since: now, hello: hello, progressedAt: now)
    (heard.at, heard.hello) = (now, hello)
    if holdings[me] == nil { heard.progressedAt = now }
    self.heard[me] = heard
    for rejection in hello.rejected { reject(rejection, me, now, &effects) }
    var receipts: [Receipt] = []
    for offer in hello.finished {
      if let verdict = verdict(on: offer, of: me, now, &effects) {
        receipts.append(Receipt(offer, verdict))
      }
    }
    for claim in hello.claims { renew(claim, me, now) }
    assign(hello, me, now)
    let held = (holdings[me] ?? []).sorted()
    let done = Dictionary(hello.claims.map { ($0.shard, $0) }) { first, _ in first }
    let finished = Set(hello.finished.map(\.shard))
    self.heard[me]?.needsRate = held.contains { shard in
      !finished.contains(shard) && done[shard].map { $0.done < $0.size || $0.size == 0 } ?? true
    }
    let rate = rate(for: me, now)
    self.heard[me]?.rate = rate
    grants.grant(rate, to: me, settings, at: now, &effects)
    return Licence(
      box: hello.box, nonce: hello.nonce, generation: settings.generation, rate: rate,
      ttlMilliseconds: settings.ttl / 1_000_000, denySequence: deny?.object.sequence ?? 0,
      denyDigest: deny?.object.digest ?? Digest(of: []), denyBlob: deny?.blob,
      scans: references(held, hello), hold: held, receipts: receipts,
      intervalMilliseconds: settings.interval / 1_000_000)
  }

  private func references(_ held: [ShardID], _ hello: Hello) -> [ScanReference] {
    var named = Set(held.map(\.scan)).union(hello.finished.map(\.shard.scan))
    for scan in scans.filter(\.isActive).prefix(Self.mostScans) { named.insert(scan.id) }
    return named.compactMap { scanIndex[$0] }.sorted().suffix(64).map {
      ScanReference(scan: scans[$0].id, blob: scans[$0].blob)
    }
  }

  // MARK: Rates

  /// The probes per second that all boxes together may send now.
  var budget: UInt64 {
    let working = scans.filter { $0.isActive && $0.assignedCount > 0 }
    if let least = working.map(\.rate).min() { return least }
    return scans.first { $0.isActive && $0.facts != nil }?.rate ?? 0
  }

  private mutating func rate(for me: BoxInstance, _ now: UInt64) -> UInt64 {
    grants.prune(now)
    guard now >= grants.quietUntil, deny != nil, heard[me]?.needsRate == true else { return 0 }
    let live = heard.values.count { $0.needsRate && now - $0.at < settings.ttl }
    let others = grants.sum(without: me)
    let budget = budget
    guard budget > others else { return 0 }
    return min(max(1, budget / UInt64(max(1, live))), budget - others)
  }

  // MARK: Blobs

  mutating func offerBlob(
    _ box: BoxName, _ digest: Digest, _ bytes: [UInt8], _ reply: UInt64, _ effects: inout [Effect]
  ) {
    guard boxes[box]?.standing == .approved, blobs[digest] != nil,
      let value = try? JSONValue(parsing: bytes, "blob request", limit: 100),
      let fields = try? Fields(value, "blob request"), let offset = try? fields.number("offset")
    else {
      effects.append(.answer(reply, []))
      return
    }
    effects.append(.sendBlob(digest, offset: offset, reply: reply))
  }
}
