// What boxes, operators, the collector and the bus send to each other.
import Fleet
import Plan

extension FuzzTarget {
  /// What can be read is written and read again as the same; nothing that is cut off or repeated crashes a reader.
  static let fleetObjects = FuzzTarget("fleet-objects", maximumLength: 4096) { bytes in
    if let text = String(validating: bytes, as: UTF8.self) {
      _ = try? SSHSignature(armored: text)
      if let key = try? SSHPublicKey(parsing: text) {
        let again = try? SSHPublicKey(parsing: key.description)
        try require(again == key, "\(key)")
      }
      if let subject = FleetSubject(text) {
        try require(subject.text == text, "\(text) reads \(subject)")
      }
    }
    if let ledger = try? Ledger.read(bytes) {
      let written = Ledger.header + ledger.entries.flatMap(\.line)
      let again = try? Ledger.read(written)
      try require(again?.entries == ledger.entries, "\(ledger)")
    }
    guard let value = try? JSONValue(parsing: bytes, "input", limit: 4096) else { return }
    let again = try? JSONValue(parsing: value.canonical, "again", limit: 1 << 16)
    try require(again == value, "\(value)")
    let body = (try? SignedObject(parsing: bytes, "input"))?.body ?? value
    if let hello = try? Hello(body: body) {
      try require((try? Hello(body: hello.body)) == hello, "\(hello)")
    }
    if let licence = try? Licence(body: body) {
      try require((try? Licence(body: licence.body)) == licence, "\(licence)")
    }
    if let manifest = try? Manifest(body: body) {
      try require((try? Manifest(body: manifest.body)) == manifest, "\(manifest)")
    }
    if let scan = try? ScanDescription(body: body) {
      try require((try? ScanDescription(body: scan.body)) == scan, "\(scan)")
    }
    if let deny = try? DenyObject(body: body) {
      try require((try? DenyObject(body: deny.body)) == deny, "\(deny)")
    }
  }

  /// Rows that a verifier accepts are rows of its shard, each once, in whatever chunks they come.
  static let fleetRows = FuzzTarget("fleet-rows", maximumLength: 2048) { bytes in
    guard let plan = fleetPlan else { return }
    var outcomes: [Bool] = []
    for largest in [64, 2048] {
      var cutter = ResultCutter(largestChunk: largest)
      do {
        try cutter.add(bytes)
        outcomes.append(accepts(plan, bytes, try cutter.finish()))
      } catch {
        outcomes.append(false)
      }
    }
    guard outcomes.contains(true) else { return }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst()
    try require(Set(lines).count == lines.count, "a row twice")
    for line in lines {
      let parts = line.split(separator: ",")
      let target = "\(parts[0]):\(parts[1])\n"
      let file = try? TargetFile.parse(Array(target.utf8), name: "row", format: .text)
      try require(file != nil, "\(line) is no target")
    }
  }

  private static let fleetPlan: FleetPlan? = {
    let text = Array("198.18.0.0/28\n".utf8)
    guard let file = try? TargetFile.parse(text, name: "targets", format: .text) else { return nil }
    var scan = ScanDescription(
      name: "scan", targets: [BlobReference(digest: Digest(of: text), size: UInt64(text.count))],
      ports: "80,443", seed: 1, shards: 1, rate: 1, planDigest: Digest(of: []), targetCount: 32,
      denySequence: 1, notAfter: 1)
    scan.planDigest = scan.digest(ofPlanWith: 32)
    return try? FleetPlan(scan, files: [file])
  }()

  private static func accepts(_ plan: FleetPlan, _ bytes: [UInt8], _ facts: ResultFacts) -> Bool {
    guard let box = BoxName("b1") else { return false }
    let manifest = Manifest(
      shard: ShardID(scan: plan.description.id, number: 0), box: box, instance: "0123456789ab",
      planDigest: plan.description.planDigest, targets: 32, targetsDenied: 0, denySequence: 1,
      facts: facts)
    var verifier = ShardVerifier(plan, manifest)
    var start = 0
    do {
      for chunk in facts.chunks {
        try verifier.add(Array(bytes[start..<start + Int(chunk.size)]))
        start += Int(chunk.size)
      }
      try verifier.finish()
      return true
    } catch {
      return false
    }
  }
}
