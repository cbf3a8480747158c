// The collector's directory: the ledger, the check of a shard, the merged results.
import Fleet
import FleetHost
import Foundation
import LabSupport
import Plan
import Scan
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `The collector's directory` {
  let path: String
  let description: ScanDescription
  let plan: FleetPlan
  let box: BoxName

  init() throws {
    path = "\(try Lab.temporaryDirectory())/collector"
    box = try #require(BoxName("b1"))
    let targets = Array("192.0.2.0/24\n".utf8)
    var description = ScanDescription(
      name: "lab", targets: [BlobReference(digest: Digest(of: targets), size: UInt64(targets.count))],
      ports: "80",
      seed: 9, shards: 2, rate: 100, planDigest: Digest(of: []), targetCount: 256, denySequence: 0,
      notAfter: 1)
    description.planDigest = description.digest(ofPlanWith: 256)
    self.description = description
    let folder = try CollectorFolder(path)
    try folder.blobs.write(Digest(of: targets), targets)
    plan = try PlanFiles(folder.blobs.path).plan(description)
  }

  private func rows(of shard: UInt32) -> [String] {
    (0..<256).map { IPv4Address(0xc000_0200 + UInt32($0)) }
      .filter { plan.shard(of: Target($0, Port(80))) == shard && $0.value % 2 == 0 }
      .map { "\($0),80" }
  }

  /// Puts results where a box's chunks go. Returns what to check.
  private func deliver(_ shard: UInt32, _ rows: [String]) throws -> CollectorMachine.Verification {
    let bytes = Array((["saddr,sport"] + rows).map { $0 + "\n" }.joined().utf8)
    var cutter = ResultCutter()
    try cutter.add(bytes)
    let manifest = Manifest(
      shard: ShardID(scan: description.id, number: shard), box: box, instance: "0123456789ab",
      planDigest: description.planDigest, targets: description.size(of: shard), targetsDenied: 0,
      denySequence: 1,
      facts: try cutter.finish(), summary: ["probes_completed": 128, "seed": 9])
    let chunks = try CollectorFolder.chunks(path, of: box)
    try chunks.write(Digest(of: bytes), bytes)
    let keys = try FleetKeys(seed: Array(repeating: 1, count: 32))
    let signed = try #require(SignedObject.sign(manifest.body, .manifest, with: .box, keys)).bytes
    try chunks.write(Digest(of: signed), signed)
    return .init(
      offer: Offer(manifest.shard, manifest: Digest(of: signed)), manifest: manifest,
      description: description,
      denyLists: [])
  }

  private func entry(_ verification: CollectorMachine.Verification) -> LedgerEntry {
    let manifest = verification.manifest
    return LedgerEntry(
      shard: manifest.shard, manifest: verification.offer.manifest, box: box, rows: manifest.rows,
      digest: manifest.digest, targets: manifest.targets, targetsDenied: 0, targetsUnexplained: 0)
  }

  @Test func `merges the shards that were accepted`() throws {
    let folder = try CollectorFolder(path)
    var entries: [LedgerEntry] = []
    for shard in UInt32(0)..<2 {
      let verification = try deliver(shard, rows(of: shard))
      #expect(try ShardCheck(path).run(verification, plan: plan) == .whole)
      entries.append(entry(verification))
      try folder.accept(entries[Int(shard)])
    }
    try CollectorMerge(path, description, entries).run(earlier: nil)
    let place = CollectorMerge.directory(path, description.id)
    let merged = try String(contentsOfFile: "\(place)/results.csv", encoding: .utf8)
    #expect(merged == "saddr,sport\n" + (rows(of: 0) + rows(of: 1)).map { $0 + "\n" }.joined())
    #expect(rows(of: 0).count + rows(of: 1).count == 128)
    let summary = try JSON.object(String(contentsOfFile: "\(place)/summary.json", encoding: .utf8))
    #expect(summary["rows"] as? Int == 128 && summary["probes_completed"] as? Int == 256)
    #expect(summary["seed"] as? String == "9", "a seed is no sum")
    #expect(!FileManager.default.fileExists(atPath: "\(place)/changes.csv"))
    #expect(try folder.saved().ledger.isEmpty, "read at the start only")
  }

  @Test func `says what changed since the last scan of the name`() throws {
    let folder = try CollectorFolder(path)
    var entries: [LedgerEntry] = []
    for shard in UInt32(0)..<2 {
      let verification = try deliver(shard, rows(of: shard))
      _ = try ShardCheck(path).run(verification, plan: plan)
      entries.append(entry(verification))
      try folder.accept(entries[Int(shard)])
    }
    let earlier = CollectorMerge.directory(path, Digest(of: [1]))
    try FileManager.default.createDirectory(atPath: earlier, withIntermediateDirectories: true)
    let before = ["saddr,sport", "192.0.2.3,80"] + (rows(of: 0) + rows(of: 1)).dropFirst()
    try Data(before.map { $0 + "\n" }.joined().utf8).write(
      to: URL(fileURLWithPath: "\(earlier)/results.csv"))
    try CollectorMerge(path, description, entries).run(earlier: Digest(of: [1]))
    let changes = try String(
      contentsOfFile: "\(CollectorMerge.directory(path, description.id))/changes.csv", encoding: .utf8)
    #expect(changes == "change,saddr,sport\nappeared,\(rows(of: 0)[0])\ndisappeared,192.0.2.3,80\n")
  }

  @Test func `refuses rows of another shard, and misses chunks`() throws {
    let foreign = try deliver(0, rows(of: 0) + rows(of: 1).prefix(1))
    guard case .refused(let reason) = try ShardCheck(path).run(foreign, plan: plan) else {
      throw LabError("a row of another shard was taken")
    }
    #expect(reason.contains("belongs to shard 1"))
    let twice = try deliver(0, rows(of: 0) + rows(of: 0).prefix(1))
    #expect(try ShardCheck(path).run(twice, plan: plan) != .whole)
    let whole = try deliver(0, rows(of: 0))
    let chunk = whole.manifest.chunks[0].digest
    try FileManager.default.removeItem(atPath: "\(path)/chunks/b1/\(chunk)")
    #expect(try ShardCheck(path).run(whole, plan: plan) == .missing([chunk]))
    // A disk that changes bytes.
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(path)/chunks/b1/\(chunk)"))
    #expect(try ShardCheck(path).run(whole, plan: plan) == .missing([chunk]))
  }

  @Test func `keeps its ledger over a power cut, and has one writer`() throws {
    let verification = try deliver(1, rows(of: 1))
    do {
      let folder = try CollectorFolder(path)
      #expect(throws: (any Error).self) { try CollectorFolder(path) }
      _ = try ShardCheck(path).run(verification, plan: plan)
      try folder.accept(entry(verification))
    }
    let ledger = "\(path)/ledger"
    let whole = try Data(contentsOf: URL(fileURLWithPath: ledger))
    // The next line is cut off.
    try (whole + Data("{\"v\":1,\"scan\"".utf8)).write(to: URL(fileURLWithPath: ledger))
    let first = try CollectorFolder(path)
    #expect(try first.saved().ledger == [entry(verification)])
    #expect(try Data(contentsOf: URL(fileURLWithPath: ledger)) == whole)
    let generation = try first.nextGeneration()
    #expect(try first.nextGeneration() > generation)
  }

  @Test func `refuses a ledger that was damaged`() throws {
    _ = try CollectorFolder(path)
    let damaged = Data("synbox-ledger 1\n{\"v\":1} 0123456789abcdef\n".utf8)
    try damaged.write(to: URL(fileURLWithPath: "\(path)/ledger"))
    #expect(throws: FleetError.self) { try CollectorFolder(path) }
  }
}
