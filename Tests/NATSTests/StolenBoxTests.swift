// What a box's keys are good for in the wrong hands, against a real broker and a real collector.
import Fleet
import FleetHost
import Foundation
import LabSupport
import LabTraits
import Plan
import Testing

@Suite(.lab, .timeLimit(.minutes(5))) struct `A stolen box` {
  private static let targets = "198.18.0.0/26\n"

  /// A fleet with a scan of four shards, one stolen box and one honest one.
  private struct Scene {
    let fleet: LabFleet
    let collector: LabCollector
    let thief: Thief
    let honest: Thief
    let scan: String
    let plan: FleetPlan

    init() throws {
      fleet = try LabFleet(makesOperatorKey: true)
      try fleet.start()
      collector = try LabCollector(fleet)
      (thief, honest) = (try Thief(fleet, "b1"), try Thief(fleet, "b2"))
      for box in [thief, honest] {
        #expect(box.refusal()?.contains("waits for approval") == true)
        try collector.control("approve", "\(box.name)")
      }
      let key = fleet.directory.appending(path: "operator").path
      try collector.control("deny", try collector.file("deny", ""), "--key", key)
      let file = try collector.file("targets", `A stolen box`.targets)
      scan = try collector.control(
        "submit", file, "-p", "80", "-r", "1k", "--shards", "4", "--key", key
      ).trimmingCharacters(in: .newlines)
      let licence = try thief.hello(until: "shard") { !$0.hold.isEmpty }
      let signed = try SignedObject(
        parsing: try thief.blob(try #require(licence.scans.first).blob), "scan")
      let parsed = try TargetFile.parse(
        Array(`A stolen box`.targets.utf8), name: "targets", format: .text)
      plan = try FleetPlan(try ScanDescription(body: signed.body), files: [parsed])
    }

    func rows(of shard: UInt32) -> [String] {
      (0..<plan.plan.count).map { plan.plan.target(at: $0) }.filter { plan.shard(of: $0) == shard }
        .map { "\($0.address),\($0.port)" }
    }
  }

  @Test func `cannot have a false row counted`() throws {
    let scene = try Scene()
    let (thief, honest, plan) = (scene.thief, scene.honest, scene.plan)
    let shard = try #require(thief.lastLicence?.hold.first)
    let (own, foreign) = (scene.rows(of: shard.number), scene.rows(of: (shard.number + 1) % 4))
    let attempts: [(String, [String], (inout Manifest) -> Void)] = [
      ("another shard's row", own + [foreign[0]], { _ in }),
      ("a row twice", own + [own[0]], { _ in }),
      ("an address that nobody asked for", own + ["198.18.7.7,80"], { _ in }),
      ("another port", own + [own[0].replacing(",80", with: ",81")], { _ in }),
      ("fewer targets", own, { $0.targets -= 1 }),
      ("another plan", own, { $0.planDigest = Digest(of: [1]) }),
      ("more rows than there are", own, { $0.rows += 1 }),
    ]
    for (what, rows, change) in attempts {
      let (answer, offer) = try thief.send(rows, of: shard, plan, change: change)
      #expect(answer == "ok", "\(what)")
      guard case .void = try thief.verdict(on: offer) else {
        Issue.record("\(what) counts: \(scene.collector.log)")
        continue
      }
    }
    // Nor in another box's name, with another key, or under another hash.
    #expect(
      try thief.send(own, of: shard, plan, change: { $0.box = honest.name }).answer.hasPrefix("no: "))
    let another = try FleetKeys(seed: [UInt8](repeating: 3, count: 32))
    #expect(try thief.send(own, of: shard, plan, with: another).answer.hasPrefix("no: "))
    #expect(try thief.chunk(Digest(of: [1]), [2]).hasPrefix("no: "))
    // After so many attempts it gets nothing more of the scan. The honest box gets everything.
    #expect(try thief.hello().hold.isEmpty)
    for number in UInt32(0)..<4 {
      let rows = scene.rows(of: number)
      let shard = ShardID(scan: plan.description.id, number: number)
      let (answer, offer) = try honest.send(rows, of: shard, plan)
      #expect(answer == "ok")
      #expect(try honest.verdict(on: offer) == .accepted)
    }
    let merged = try scene.collector.results(scene.scan).split(separator: "\n").dropFirst()
    #expect(merged.map(String.init).sorted() == (0..<4).flatMap { scene.rows(of: $0) }.sorted())
  }

  @Test func `cannot read another's results, nor speak for another`() throws {
    let scene = try Scene()
    let (thief, honest) = (scene.thief, scene.honest)
    let shard = ShardID(scan: scene.plan.description.id, number: 0)
    let rows = scene.rows(of: 0)
    let (_, offer) = try honest.send(rows, of: shard, scene.plan)
    let content = Array("saddr,sport\n\(rows.map { "\($0)\n" }.joined())".utf8)
    for digest in [Digest(of: content), offer.manifest] {
      #expect(try thief.blob(digest).isEmpty)
    }
    #expect(try honest.verdict(on: offer) == .accepted)
    for digest in [Digest(of: content), offer.manifest] {
      #expect(try thief.blob(digest).isEmpty)
    }
    // Its hellos are its own: not in another's name, not with a key that is not on record.
    #expect(thief.refusal { $0.box = honest.name }?.contains("it is of the box") == true)
    let another = try FleetKeys(seed: [UInt8](repeating: 3, count: 32))
    #expect(thief.refusal(with: another) != nil)
    let key = (another.publicKey(of: .box) ?? []).map { String(format: "%02x", $0) }.joined()
    #expect(thief.refusal(of: { $0.key = key }, with: another) != nil)
    // It claims all shards, and gets no more rate than its share.
    let licence = try thief.hello(
      until: "rate", wants: 64, offers: []
    ) { $0.rate > 0 }
    #expect(licence.rate <= 1000)
  }

  @Test func `is out at once when it is revoked`() throws {
    let scene = try Scene()
    let thief = scene.thief
    let shard = try #require(thief.lastLicence?.hold.first)
    let offer = Offer(shard, manifest: Digest(of: [1]))
    try scene.collector.control("revoke", "b1")
    #expect(thief.refusal()?.contains("is revoked") == true)
    #expect(thief.refusal { $0.finished = [offer] }?.contains("is revoked") == true)
    #expect(try thief.chunk(Digest(of: [1]), [1]).contains("is not approved"))
    #expect(try thief.blob(scene.plan.description.targets[0].digest).isEmpty)
    let taken = try scene.honest.hello(until: "the shard", wants: 4) { $0.hold.contains(shard) }
    #expect(taken.hold.contains(shard))
  }
}
