import Foundation
import Plan
import TestSupport
import Testing
import Wire

@testable import Fleet

/// A plan of `text`, with a description whose hashes fit.
func fleetPlan(
  _ text: String, name: String = "scan", ports: String? = "80,443", shards: UInt32, rate: UInt64,
  maximumRatePer24: UInt64? = nil, seed: UInt64 = 42, cooldown: UInt64 = 2000
) throws -> FleetPlan {
  let bytes = Array(text.utf8)
  let file = try TargetFile.parse(bytes, name: "targets", format: .text)
  let plan = try TargetPlan(
    [file], defaultPorts: try ports.map { try PortSet(parsing: $0) }, scope: Scope())
  var description = ScanDescription(
    name: name, targets: [BlobReference(digest: Digest(of: bytes), size: UInt64(bytes.count))],
    ports: ports, seed: seed, shards: shards, rate: rate, maximumRatePer24: maximumRatePer24,
    cooldownMilliseconds: cooldown, planDigest: Digest(of: []), targetCount: plan.count,
    denySequence: 1, notAfter: 2_000_000)
  description.planDigest = description.digest(ofPlanWith: plan.count)
  return try FleetPlan(description, files: [file])
}

/// What a simulated fleet came to.
struct Simulation {
  let world: World
  let plan: FleetPlan
  var isComplete = false

  /// Runs a fleet of `boxes` with one scan of 8,192 targets in 64 shards, a deny list in its middle, and a second scan.
  init(seed: UInt64, boxes: Int = 5, faults: Faults, believesAll: Bool = false, hasLiar: Bool = true)
    throws
  {
    let world = World(seed: seed, faults: faults)
    self.world = world
    let names = (1...boxes).map { "b\($0)" }
    world.collector = SimulatedCollector(world, boxes: names, believesAll: believesAll)
    world.boxes = names.map { SimulatedBox(world, $0) }
    if hasLiar { world.boxes[boxes - 1].isLying = true }
    world.boxes[boxes - 2].ownDenied = try AddressSet(parsing: "198.18.4.0/26")
    let text = "198.18.0.0/20\n"
    plan = try fleetPlan(text, shards: 64, rate: 200)
    let collector = world.collector!
    collector.putDenyListInForce("", sequence: 1)
    let plan = plan
    world.after(second) { collector.submit(plan, targets: Array(text.utf8)) }
    let other = "198.19.0.0/24\n"
    let next = try fleetPlan(other, name: "next", ports: "22", shards: 8, rate: 200)
    world.after(2 * second) { collector.submit(next, targets: Array(other.utf8)) }
    world.after(20 * second) {
      collector.putDenyListInForce("198.18.3.0/24\n198.18.9.0/25\n", sequence: 2)
    }
    misbehave()
    world.after(300 * second) { world.isCalm = true }
    world.run(until: 1500 * second) { collector.merged.count == 2 }
    isComplete = collector.merged.count == 2
    // Receipts arrive, and nobody sends anything more.
    world.isCalm = true
    world.run(until: world.now + 150 * second)
  }

  private func misbehave() {
    let (world, faults) = (world, world.faults)
    func any() -> SimulatedBox { world.boxes[Int(world.pick(0...UInt64(world.boxes.count - 1)))] }
    func time(_ range: ClosedRange<UInt64>) -> UInt64 { world.pick(range) * second }
    world.schedule(mean: faults.agentKill) {
      world.happened("agent killed")
      any().killAgent(for: time(0...15))
    }
    world.schedule(mean: faults.agentStop) {
      world.happened("agent stopped")
      any().stopAgent(for: time(5...30))
    }
    world.schedule(mean: faults.scannerKill) {
      world.happened("scanner killed")
      any().killScanner(for: time(1...60))
    }
    world.schedule(mean: faults.reboot) {
      world.happened("box rebooted")
      any().reboot(for: time(3...40))
    }
    world.schedule(mean: faults.cut) {
      world.happened("box cut off")
      any().cut(for: time(3...40))
    }
    world.schedule(mean: faults.collectorKill) {
      world.happened("collector killed")
      world.collector.kill(for: time(0...12))
    }
    world.schedule(mean: faults.clone) {
      world.happened("box cloned")
      let clone = SimulatedBox(world, world.boxes[0].name.description, copying: world.boxes[0].disk)
      world.boxes.append(clone)
      world.after(time(10...60)) { clone.vanish() }
    }
  }

  /// Returns what is wrong with a merged result.
  func mistakes(in merged: [UInt8]) throws -> [String] {
    let lines = String(decoding: merged, as: UTF8.self).split(separator: "\n").map(String.init)
    var truth: Set<String> = []
    var denied: Set<String> = []
    let list = try AddressSet(parsing: "198.18.3.0/24,198.18.9.0/25")
    for number in 0..<plan.plan.count {
      let target = plan.plan.target(at: number)
      guard World.isOpen(target) else { continue }
      truth.insert("\(target.address),\(target.port)")
      if list.contains(target.address) { denied.insert("\(target.address),\(target.port)") }
    }
    let found = Set(lines)
    var mistakes: [String] = []
    if found.count != lines.count { mistakes.append("\(lines.count - found.count) rows twice") }
    if !found.isSubset(of: truth) {
      mistakes.append("\(found.subtracting(truth).count) rows are false")
    }
    let missing = truth.subtracting(found)
    if !missing.isSubset(of: denied) {
      mistakes.append("\(missing.subtracting(denied).count) rows are missing")
    }
    return mistakes
  }
}

/// `make unit` optimizes, and then a run takes seconds.
private let runs: UInt64 = ProcessInfo.processInfo.environment["SYNBOX_UNIT"] == nil ? 1 : 8

@Suite(.timeLimit(.minutes(10))) struct `A simulated fleet` {
  @Test func `scans as one box when nothing fails`() throws {
    let simulation = try Simulation(seed: 1, faults: .none, hasLiar: false)
    let world = simulation.world
    #expect(simulation.isComplete)
    #expect(world.violations == [])
    let merged = world.collector.merged[simulation.plan.description.id] ?? []
    #expect(try simulation.mistakes(in: merged) == [])
  }

  @Test(arguments: 0..<runs) func `gives the result of one box whatever fails`(_ run: UInt64) throws {
    let seed = TestSupport.Seed.next() &+ run
    let simulation = try Simulation(seed: seed, faults: .all)
    let world = simulation.world
    #expect(
      simulation.isComplete, "seed \(seed): \(String(describing: world.collector.snapshot?.json))")
    #expect(world.violations == [], "seed \(seed)")
    let merged = world.collector.merged[simulation.plan.description.id] ?? []
    #expect(try simulation.mistakes(in: merged) == [], "seed \(seed)")
    // Every box that has results of an accepted shard has its receipt.
    let open = world.boxes.filter { !$0.isGone }.flatMap(\.disk.jobs.values).filter {
      $0.isFinished && $0.incomplete == nil && !$0.hasReceipt
    }
    #expect(open.isEmpty, "seed \(seed): \(open.map(\.shard)) without receipt")
    for fault in ["agent killed", "agent stopped", "box rebooted", "box cut off", "collector killed"] {
      #expect(world.tally[fault, default: 0] > 0, "seed \(seed): \(fault)")
    }
  }

  @Test func `is wrong without ledger and checks`() throws {
    let simulation = try Simulation(seed: 3, faults: .all, believesAll: true)
    #expect(try simulation.mistakes(in: simulation.world.collector.believed) != [])
  }
}
