// What an operator asks on `q.operator`.
import Support

extension CollectorMachine {
  /// Bytes of a request: a piece of a blob as base64, or a signed object.
  private static let largestRequest = 900 << 10

  mutating func operate(
    _ bytes: [UInt8], _ reply: UInt64, _ now: UInt64, _ effects: inout [Effect]
  ) {
    do throws(FleetError) {
      let fields = try Fields(
        JSONValue(parsing: bytes, "request", limit: Self.largestRequest), "request")
      try fields.requireVersion()
      switch try fields.text("do", limit: 20) {
      case "submit": try submit(fields, reply, &effects)
      case "deny": try denyList(fields, reply, &effects)
      case "blob": try blob(fields, reply, &effects)
      case "status": respond(reply, snapshot(at: now).json, &effects)
      case "boxes": respond(reply, ["boxes": snapshot(at: now).boxesJSON], &effects)
      case "approve": try approve(fields, reply, &effects)
      case "revoke": try revoke(fields, reply, &effects)
      case "cancel": try cancel(fields, reply, &effects)
      case "retry":
        let index = try scan(fields)
        respond(reply, ["shards": .number(scans[index].retryFailed())], &effects)
      default:
        throw fields.error(
          "do", "submit, deny, blob, status, boxes, approve, revoke, cancel or retry")
      }
    } catch {
      respond(reply, error.description, &effects)
    }
  }

  /// Answers with a mistake, or that all is well.
  func respond(_ reply: UInt64, _ mistake: String?, _ effects: inout [Effect]) {
    if let mistake {
      effects.append(.answer(reply, Self.refusal(mistake)))
    } else {
      respond(reply, [:], &effects)
    }
  }

  func respond(_ reply: UInt64, _ members: [String: JSONValue], _ effects: inout [Effect]) {
    let all = members.merging(["v": .number(1), "ok": .flag(true)]) { $1 }
    effects.append(.answer(reply, JSONValue.object(all).canonical))
  }

  // MARK: Scans

  private mutating func submit(_ fields: Fields, _ reply: UInt64, _ effects: inout [Effect])
    throws(FleetError)
  {
    let bytes = (fields.members["scan"] ?? .null).canonical
    let signed = try SignedObject(parsing: bytes, "scan")
    try signed.verify(.scan, keys: settings.submitKeys, crypto)
    let description = try ScanDescription(body: signed.body)
    let id = description.id
    if scanIndex[id] != nil {
      return respond(reply, ["scan": .digest(id), "known": .flag(true)], &effects)
    }
    guard waiting[id] == nil else { throw FleetError("scan \(id.short) is being read already") }
    guard scans.allSatisfy({ $0.id.short != id.short }) else {
      throw FleetError("scan \(id.short): another scan has the same first 16 digits")
    }
    guard date <= description.notAfter else { throw FleetError("scan: not_after has passed") }
    for target in description.targets where blobs[target.digest] != target.size {
      throw FleetError("scan: the target file \(target.digest.short) is not here: send it first")
    }
    waiting[id] = .scan(
      description, SavedScan(bytes: signed.bytes, isCancelled: false), reply: reply)
    effects.append(.plan(description))
  }

  mutating func takePlan(
    _ id: Digest, _ result: Result<PlanFacts, FleetError>, _ effects: inout [Effect]
  ) {
    var facts: PlanFacts?
    var mistake: String?
    switch result {
    case .success(let found): facts = found
    case .failure(let error): mistake = error.description
    }
    if let index = scanIndex[id] {
      scans[index].facts = facts
      scans[index].mistake = mistake
      if let mistake { effects.append(.log("scan \(id.short): \(mistake)")) }
    }
    guard case .scan(let description, let saved, let reply) = waiting.removeValue(forKey: id) else {
      return
    }
    if let mistake { return respond(reply, mistake, &effects) }
    var scan = ScanState(description, saved, blob: Digest(of: saved.bytes))
    scan.facts = facts
    add(scan)
    for entry in ledger.values where entry.shard.scan == id { count(entry) }
    effects.append(.saveObject(scan.blob, saved.bytes))
    effects.append(.saveScans(scans.map(\.saved)))
    effects.append(.log("scan \(id.short) (\(description.name)) has been submitted"))
    respond(
      reply,
      ["scan": .digest(id), "rate": .number(scan.rate), "targets": .digits(description.targetCount)],
      &effects)
  }

  private func scan(_ fields: Fields) throws(FleetError) -> Int {
    guard let index = scanIndex[try fields.digest("scan")] else {
      throw fields.error("scan", "the ID of a scan that was submitted")
    }
    return index
  }

  private mutating func cancel(_ fields: Fields, _ reply: UInt64, _ effects: inout [Effect])
    throws(FleetError)
  {
    let index = try scan(fields)
    guard !scans[index].isComplete else { throw FleetError("the scan is complete") }
    scans[index].saved.isCancelled = true
    for shard in assignments.keys.filter({ $0.scan == scans[index].id }).sorted() {
      if let assignment = assignments.removeValue(forKey: shard) {
        holdings[assignment.holder]?.remove(shard)
        if holdings[assignment.holder]?.isEmpty == true { holdings[assignment.holder] = nil }
      }
      scans[index].release(shard.number, mostAttempts: .max)
    }
    effects.append(.saveScans(scans.map(\.saved)))
    effects.append(.log("scan \(scans[index].id.short) has been cancelled"))
    respond(reply, nil, &effects)
  }

  // MARK: Deny lists and blobs

  private mutating func denyList(_ fields: Fields, _ reply: UInt64, _ effects: inout [Effect])
    throws(FleetError)
  {
    let signed = try SignedObject(parsing: (fields.members["deny"] ?? .null).canonical, "deny list")
    try signed.verify(.deny, keys: settings.denyKeys, crypto)
    let list = try readDenyList(signed.bytes)
    let newest = deny?.object.sequence ?? 0
    if let deny, deny.object == list.object { return respond(reply, nil, &effects) }
    guard list.object.sequence > newest else {
      throw FleetError("deny list: its number is \(list.object.sequence), and \(newest) is in force")
    }
    if list.object.size == 0 {
      return putInForce(list, reply, &effects)
    }
    guard blobs[list.object.digest] == list.object.size else {
      throw FleetError("deny list: the list \(list.object.digest.short) is not here: send it first")
    }
    guard waiting[list.object.digest] == nil else {
      throw FleetError("deny list: it is being read already")
    }
    waiting[list.object.digest] = .deny(list, reply: reply)
    effects.append(.checkDenyList(list.object.digest))
  }

  mutating func takeDenyList(_ digest: Digest, _ mistake: String?, _ effects: inout [Effect]) {
    guard case .deny(let list, let reply) = waiting.removeValue(forKey: digest) else { return }
    if let mistake { return respond(reply, mistake, &effects) }
    guard list.object.sequence > deny?.object.sequence ?? 0 else {
      return respond(reply, "deny list: another one has been put in force meanwhile", &effects)
    }
    putInForce(list, reply, &effects)
  }

  private mutating func putInForce(_ list: DenyList, _ reply: UInt64, _ effects: inout [Effect]) {
    denyLists.append(list)
    blobs[list.blob] = UInt64(list.bytes.count)
    effects.append(.saveObject(list.blob, list.bytes))
    effects.append(.saveDenyLists(denyLists.map(\.bytes)))
    effects.append(.log("deny list \(list.object.sequence) is in force"))
    respond(reply, ["deny_seq": .number(list.object.sequence)], &effects)
  }

  private func blob(_ fields: Fields, _ reply: UInt64, _ effects: inout [Effect]) throws(FleetError) {
    let digest = try fields.digest("sha256")
    let size = try fields.number("size", in: 1...ScanDescription.largestTargets)
    let offset = try fields.number("offset", in: 0...size)
    if blobs[digest] == size { return respond(reply, ["known": .flag(true)], &effects) }
    guard case .text(let text) = fields.members["data"], let bytes = Base64.decode(Array(text.utf8)),
      !bytes.isEmpty, offset + UInt64(bytes.count) <= size
    else { throw fields.error("data", "base64 of bytes within the blob") }
    effects.append(.storeBlobPiece(digest, size: size, offset: offset, bytes, reply: reply))
  }

  // MARK: Boxes

  private mutating func approve(_ fields: Fields, _ reply: UInt64, _ effects: inout [Effect])
    throws(FleetError)
  {
    let name = try fields.name("box")
    let key = fields.isAbsent("key") ? boxes[name]?.key : try fields.text("key", limit: 64)
    guard let key, isHexadecimal(key, digits: 64) else {
      throw fields.error(
        "key", "the box's key as 64 hexadecimal digits, because the box has not said hello")
    }
    if let known = boxes[name], known.standing == .approved, known.key != key {
      throw FleetError("the box \(name) is approved with another key: revoke it first")
    }
    boxes[name] = BoxRecord(name: name, key: key, standing: .approved)
    effects.append(.saveBoxes(boxes.values.sorted { $0.name < $1.name }))
    effects.append(.log("box \(name) with key \(key) is approved"))
    respond(reply, ["key": .text(key)], &effects)
  }

  private mutating func revoke(_ fields: Fields, _ reply: UInt64, _ effects: inout [Effect])
    throws(FleetError)
  {
    let name = try fields.name("box")
    guard let record = boxes[name] else { throw FleetError("the box \(name) is not known") }
    boxes[name] = BoxRecord(name: name, key: record.key, standing: .revoked)
    for (shard, assignment) in assignments.sorted(by: { $0.key < $1.key })
    where assignment.holder.box == name { release(shard, &effects) }
    for instance in heard.keys where instance.box == name { heard[instance] = nil }
    effects.append(.saveBoxes(boxes.values.sorted { $0.name < $1.name }))
    effects.append(.log("box \(name) is revoked"))
    respond(reply, nil, &effects)
  }
}
