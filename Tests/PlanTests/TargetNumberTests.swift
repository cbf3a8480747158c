// From a target to its number: whether a scan can have probed it.
import TestSupport
import Testing
import Wire

@testable import Plan

/// Plans of every kind of row: ranges and listed addresses, with one port, an interval, a list and intervals of ports.
private let plans = [
  "198.18.0.0/24:80", "198.18.0.0/24:80-99", "198.18.0.7:443",
  "198.18.0.0/28:80,443,8080\n198.18.1.0/28:1-300,1000-2000",
  "198.18.0.1:80\n198.18.0.3:80\n198.18.0.5:80\n198.18.0.9:22\n198.18.0.11:80\n198.18.0.40/30:80",
  "198.18.0.1:80,90\n198.18.0.3:80,90\n198.18.0.5:80,90\n198.18.0.7\n198.18.0.0/26:22\n198.18.0.1:80-90",
]

/// Entries that overlap with many different ports, whose unions are trees.
private var trees: String {
  let odd = stride(from: 1, through: 2_001, by: 2).map(String.init).joined(separator: ",")
  return "198.18.0.0/29:\(odd)\n198.18.0.4/30:2-1500,3000-9000\n198.18.0.6/31:65535,64,128-192\n"
}

/// The given number of single addresses and short ranges, some with other ports.
private func scattered(_ count: Int, _ random: inout SeededGenerator) -> String {
  (0..<count).map { number in
    let address = IPv4Address(0x1000_0000 + UInt32.random(in: 0..<1 << 30, using: &random))
    return "\(address)\(number % 5 == 0 ? "/29" : ""):\(number % 3 == 0 ? "80,443" : "80")\n"
  }.joined()
}

@Suite(.timeLimit(.minutes(5))) struct `The number of a target` {
  /// For every target its number, and for pairs beside them none.
  private func check(_ plan: TargetPlan, step: UInt64 = 1) {
    let known = step == 1 ? Set(targets(plan)) : nil
    for number in stride(from: 0, to: plan.count, by: UInt64.Stride(step)) {
      let target = plan.target(at: number)
      #expect(plan.number(of: target) == number)
      for (address, port) in [(0, 1), (0, -1), (1, 0), (-1, 0), (8, 0), (0, 300), (1 << 16, 0)] {
        let other = Target(
          IPv4Address(target.address.value &+ UInt32(truncatingIfNeeded: address)),
          Port(target.port.value &+ UInt16(truncatingIfNeeded: port)))
        let found = plan.number(of: other)
        if let found { #expect(plan.target(at: found) == other) }
        if let known { #expect((found != nil) == known.contains(other), "\(other)") }
      }
    }
  }

  @Test(arguments: plans + [trees]) func `is found for every target, and for no other pair`(
    text: String
  ) throws {
    let plan = try makePlan(text, ports: "53,54")
    check(plan)
    for address in [0, 1, 0xc612_0000 - 1, 0xffff_ffff] as [UInt32] {
      #expect(plan.number(of: Target(IPv4Address(address), Port(80))) == nil)
    }
  }

  @Test func `is found in a plan of 20,000 entries, which is searched by an index`() throws {
    var random = SeededGenerator(fuzzSeed)
    let plan = try makePlan(scattered(20_000, &random))
    check(plan, step: 97)
    var found = 0
    for _ in 0..<20_000 {
      let address = IPv4Address(0x1000_0000 + UInt32.random(in: 0..<1 << 30, using: &random))
      let target = Target(address, Port(80))
      guard let number = plan.number(of: target) else { continue }
      found += 1
      #expect(plan.target(at: number) == target)
    }
    #expect(found < 200)
  }

  @Test func `is found at both ends of the address space`() throws {
    let plan = try makePlan(
      "1.0.0.0:80\n223.255.255.255:80\n1.0.0.0/8:7\n128.0.0.0/1:9", allow: "0.0.0.0/0")
    check(plan, step: plan.count / 1000)
    for number in [0, plan.count - 1] { #expect(plan.number(of: plan.target(at: number)) == number) }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A shard` {
  @Test(arguments: [1, 3, 7] as [UInt32], [nil, "40%"] as [String?])
  func `contains its targets and no others`(shards: UInt32, limit: String?) throws {
    let plan = try makePlan("198.18.0.0/25:80,443\n198.18.4.1-198.18.4.77:22")
    for index in 0..<shards {
      let sequence = ProbeSequence(
        plan: plan, seed: Seed(5), shard: try Shard(index, of: shards),
        maxTargets: try limit.map { try MaxTargets(parsing: $0) })
      let own = Set((0..<sequence.targetCount).map { Target(sequence[$0].address, sequence[$0].port) })
      for target in targets(plan) { #expect(sequence.contains(target) == own.contains(target)) }
      #expect(!sequence.contains(target("198.18.0.1", 81)))
    }
  }
}
