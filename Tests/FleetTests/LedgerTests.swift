import Plan
import Scan
import Testing

@testable import Fleet

@Suite(.timeLimit(.minutes(5))) struct `The ledger` {
  private func entry(_ number: UInt32, rows: UInt64 = 5) -> LedgerEntry {
    LedgerEntry(
      shard: ShardID(scan: Digest(of: [1]), number: number), manifest: Digest(of: [2]),
      box: BoxName("b1")!, rows: rows, digest: Digest(of: [3]), targets: 100, targetsDenied: 2,
      targetsUnexplained: 1)
  }

  @Test func `is read as it was written`() throws {
    let entries = (0..<4).map { entry($0) }
    let bytes = Ledger.header + entries.flatMap(\.line)
    let reading = try Ledger.read(bytes)
    #expect(reading.entries == entries && reading.length == bytes.count)
    #expect(try Ledger.read([]).entries == [])
  }

  @Test func `may end in the middle of a line`() throws {
    let first = Ledger.header + entry(0).line
    let bytes = first + entry(1).line
    for count in 0..<bytes.count {
      let reading = try Ledger.read(Array(bytes[..<count]))
      #expect(reading.entries.count == (count >= first.count ? 1 : 0))
      #expect(reading.length <= count)
    }
  }

  @Test func `is refused with the line's number if anything else is wrong`() {
    let good = Ledger.header + entry(0).line
    var flipped = good + entry(1).line
    flipped[good.count + 20] ^= 1
    for (bytes, line) in [
      (flipped, 3), (good + [10], 3), (good + entry(0, rows: 6).line, 3), (Array("x\n".utf8), 1),
      (Array("synbox-ledger 2\n".utf8), 1),
    ] {
      let error = #expect(throws: FleetError.self) { try Ledger.read(bytes) }
      #expect(error?.description.hasPrefix("ledger:\(line): ") == true || line == 1)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Results of a shard` {
  private let plan: FleetPlan
  private let rows: [String]

  init() throws {
    plan = try fleetPlan("198.18.0.0/24\n", shards: 4, rate: 10)
    let plan = plan
    rows = (0..<plan.plan.count).map { plan.plan.target(at: $0) }
      .filter { plan.shard(of: $0) == 1 }.map { "\($0.address),\($0.port)\n" }
  }

  private func check(
    _ rows: [String], header: String = "saddr,sport\n", shard: UInt32 = 1,
    change: (inout Manifest) -> Void = { _ in }
  ) throws {
    let bytes = Array((header + rows.joined()).utf8)
    var cutter = ResultCutter(largestChunk: 200)
    try cutter.add(bytes)
    var manifest = Manifest(
      shard: ShardID(scan: plan.description.id, number: shard), box: BoxName("b1")!,
      instance: "0123456789ab", planDigest: plan.description.planDigest, targets: 128,
      targetsDenied: 0, denySequence: 1, facts: try cutter.finish())
    let chunks = manifest.chunks
    change(&manifest)
    var verifier = ShardVerifier(plan, manifest)
    var start = 0
    for chunk in chunks {
      try verifier.add(Array(bytes[start..<start + Int(chunk.size)]))
      start += Int(chunk.size)
    }
    try verifier.finish()
  }

  @Test func `are right if every row belongs to it once`() throws {
    #expect(rows.count == 128)
    try check(rows)
    try check([])
    try check(Array(rows.reversed().prefix(9)))
  }

  @Test func `are wrong if anything else is among them`() {
    for (index, bad) in [
      rows + [rows[3]], rows + ["198.18.0.1,81\n"], rows + ["198.18.1.1,80\n"], rows + ["x\n"],
      rows + ["198.18.0.1\n"], rows + ["\n"], rows + ["198.18.0.01,80\n"],
    ].enumerated() {
      #expect(throws: FleetError.self, "\(index)") { try check(bad) }
    }
    #expect(throws: FleetError.self) { try check(rows, shard: 2) }
    #expect(throws: FleetError.self) { try check(rows, header: "sport,saddr\n") }
    #expect(throws: FleetError.self) { try check(rows) { $0.rows -= 1 } }
    #expect(throws: FleetError.self) { try check(rows) { $0.rows += 1 } }
    #expect(throws: FleetError.self) { try check(rows) { $0.digest = Digest(of: []) } }
    #expect(throws: FleetError.self) { try check(rows) { $0.chunks.swapAt(0, 1) } }
    #expect(throws: FleetError.self) { try check(rows) { $0.chunks.append($0.chunks[0]) } }
  }

  @Test func `of a pair may differ in their classification`() throws {
    var description = plan.description
    description.fields = [.classification, .sport, .saddr]
    let row = rows[0].dropLast().split(separator: ",")
    let bytes = Array(
      "classification,sport,saddr\nrst,\(row[1]),\(row[0])\nsynack,\(row[1]),\(row[0])\n".utf8)
    var cutter = ResultCutter()
    try cutter.add(bytes)
    let manifest = Manifest(
      shard: ShardID(scan: description.id, number: 1), box: BoxName("b1")!, instance: "0123456789ab",
      planDigest: description.planDigest, targets: 128, targetsDenied: 0, denySequence: 1,
      facts: try cutter.finish())
    let file = try TargetFile.parse(Array("198.18.0.0/24\n".utf8), name: "targets", format: .text)
    var verifier = ShardVerifier(try FleetPlan(description, files: [file]), manifest)
    try verifier.add(bytes)
    try verifier.finish()
  }

  @Test func `a /24 with most targets bounds the rate`() throws {
    let plan = try fleetPlan(
      "198.18.0.0/24\n198.18.1.0/25\n", shards: 4, rate: 1000, maximumRatePer24: 100)
    #expect(plan.facts.mostPer24 == 512 && plan.facts.targetCount == 768)
    var scan = ScanState(
      plan.description, CollectorMachine.SavedScan(bytes: [], isCancelled: false), blob: Digest(of: []))
    #expect(scan.rate == 1000)
    scan.facts = plan.facts
    #expect(scan.rate == 150)
  }
}
