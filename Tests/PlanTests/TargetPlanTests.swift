import TestSupport
import Testing
import Wire

@testable import Plan

@Suite(.timeLimit(.minutes(5))) struct `A target plan` {
  @Test func `contains each pair of overlapping entries once`() throws {
    let plan = try makePlan(
      "198.18.0.0/24:80\n198.18.0.128-198.18.1.3:80,443\n198.18.0.200:22,80\n198.18.0.200:22\n")
    let all = targets(plan)
    #expect(Set(all).count == all.count)
    #expect(all.count == 128 + 128 * 2 + 4 * 2 + 1)
    #expect(plan.outOfScope == 0)
  }

  @Test func `gives entries without ports those of their file, or else the default`() throws {
    let with = try TargetFile.parse(bytes("@ports 443\n198.18.0.1\n198.18.0.2:22"), name: "a")
    let without = try TargetFile.parse(bytes("198.18.0.3\n"), name: "b")
    let plan = try TargetPlan([with, without], defaultPorts: PortSet(parsing: "80"), scope: Scope())
    #expect(
      targets(plan) == [target("198.18.0.1", 443), target("198.18.0.2", 22), target("198.18.0.3", 80)])
  }

  @Test func `rejects an entry without any ports at its line`() throws {
    let file = try TargetFile.parse(bytes("198.18.0.1:80\n\n 198.18.0.2\n198.18.0.3\n"), name: "a")
    let error = #expect(throws: InputError.self) {
      try TargetPlan([file], defaultPorts: nil, scope: Scope())
    }
    #expect(
      error?.description.hasPrefix("a:3:2: found an entry without ports, expected") == true,
      "\(error as Any)")
  }

  @Test func `contains what the scope allows and does not deny`() throws {
    let plan = try makePlan(
      "198.18.0.0/24:80,443", allow: "198.18.0.0-198.18.0.15", deny: "198.18.0.4/30,198.18.0.9")
    #expect(try plan.addresses == addressSet("198.18.0.0/30,198.18.0.8,198.18.0.10-198.18.0.15"))
    #expect(plan.count == 22 && plan.addressCount == 11)
    #expect(plan.outOfScope == 512 - 22)
  }

  @Test func `contains only ports that the scope allows, and counts the others as out of it`() throws {
    let file = try TargetFile.parse(
      bytes("@ports 22,80\n20.0.0.0/30\n20.0.0.1:79-81\n20.0.0.9:1-65535\n20.1.0.0/24:443\n"),
      name: "t", format: .text)
    let plan = try TargetPlan(
      [file], defaultPorts: nil, scope: Scope(ports: PortSet(parsing: "80,8000-8001")))
    let expected = [
      target("20.0.0.0", 80), target("20.0.0.1", 80), target("20.0.0.2", 80), target("20.0.0.3", 80),
      target("20.0.0.9", 80), target("20.0.0.9", 8000), target("20.0.0.9", 8001),
    ]
    #expect(Set(targets(plan)) == Set(expected) && plan.count == 7)
    // Named are four addresses with two ports, two more ports of one, all ports of another, and a /24 with one.
    #expect(plan.outOfScope == 4 * 2 + 2 + 65_535 + 256 - 7)
  }

  @Test func `is empty if the allow list is empty`() throws {
    let file = try TargetFile.parse(bytes("198.18.0.0/24:80"), name: "t")
    let plan = try TargetPlan([file], defaultPorts: nil, scope: Scope(allow: AddressSet()))
    #expect(plan.count == 0 && plan.outOfScope == 256 && plan.addresses.isEmpty)
  }

  @Test(arguments: ["127.0.0.1", "0.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.0/4"])
  func `never contains addresses that are not single hosts`(entry: String) throws {
    let plan = try makePlan(entry + ":80", allow: "0.0.0.0/0")
    #expect(plan.count == 0 && plan.outOfScope > 0)
  }

  @Test func `skips special-purpose space inside wider entries`() throws {
    let plan = try makePlan("0.0.0.0/0:80")
    for inside in ["10.0.0.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "127.0.0.1", "100.64.0.1"] {
      #expect(!plan.addresses.contains(address(inside)), "\(inside)")
    }
    for outside in [
      "9.255.255.255", "11.0.0.0", "192.169.0.0", "198.20.0.0", "1.0.0.0", "223.255.255.255",
    ] {
      #expect(plan.addresses.contains(address(outside)), "\(outside)")
    }
    #expect(plan.count + plan.outOfScope == 1 << 32)
    // 2^32 less the blocks, as the table has them.
    let blocks = SpecialPurpose.skippedInside + SpecialPurpose.neverProbed
    #expect(plan.outOfScope == blocks.reduce(0) { $0 + $1.addresses.count })
  }

  @Test func `contains an entry wholly within special-purpose space`() throws {
    for entry in [
      "10.0.0.0/8", "192.168.1.0/24", "198.18.0.0/15", "203.0.113.7", "172.31.255.0-172.31.255.255",
    ] {
      let plan = try makePlan(entry + ":80")
      #expect(plan.outOfScope == 0 && plan.count > 0, "\(entry)")
    }
    // An entry partly outside is trimmed.
    #expect(try makePlan("10.255.255.255-11.0.0.0:80").count == 1)
    // Of two entries with the same addresses, only the one wholly within the block counts.
    let both = try makePlan("0.0.0.0/0:80\n10.0.0.0/8:443\n")
    #expect(both.count == (try makePlan("0.0.0.0/0:80")).count + 1 << 24)
    #expect(both.outOfScope == (try makePlan("0.0.0.0/0:80")).outOfScope)
  }

  @Test func `contains special-purpose space inside wider entries under the rule for labs`() throws {
    let file = try TargetFile.parse(bytes("0.0.0.0/0:80"), name: "t")
    let plan = try TargetPlan([file], defaultPorts: nil, scope: Scope(specialPurpose: .probe))
    let never = SpecialPurpose.neverProbed.reduce(0) { $0 + $1.addresses.count }
    #expect(plan.outOfScope == never && plan.count == 1 << 32 - never)
    #expect(plan.addresses.contains(address("198.18.0.1")))
    #expect(!plan.addresses.contains(address("127.0.0.1")))
  }

  @Test func `returns single addresses and ranges between them in order`() throws {
    var random = SeededGenerator(fuzzSeed)
    let singles = Set((0..<20_000).map { _ in UInt32.random(in: 0..<1 << 18, using: &random) })
    let wide = AddressRange(1 << 16, 1 << 16 + 999)
    let base = address("20.0.0.0").value
    let text =
      singles.map { "\(IPv4Address(base + $0))\n" }.joined()
      + "\(AddressRange(base + wide.first, base + wide.last))\n"
    let plan = try makePlan(text, ports: "7,80", deny: "20.1.1.0/24,20.2.0.7")
    let denied = try addressSet("20.1.1.0/24,20.2.0.7")
    let expected = singles.union(wide.first...wide.last).map { IPv4Address(base + $0) }.sorted()
      .filter { !denied.contains($0) }
    #expect(targets(plan) == expected.flatMap { [Target($0, Port(7)), Target($0, Port(80))] })
    #expect(plan.addressCount == UInt64(expected.count))
  }

  @Test func `returns its addresses within a set and the first one outside`() throws {
    let plan = try makePlan("198.18.0.0/28:80\n198.18.0.20:80\n198.18.0.22:80\n198.18.1.0/24:443\n")
    let near = try addressSet("198.18.0.4-198.18.0.20,198.18.1.9,198.18.9.0/24")
    #expect(
      try plan.addresses(within: near)
        == addressSet("198.18.0.4-198.18.0.15,198.18.0.20,198.18.1.9"))
    #expect(plan.addresses(within: AddressSet()).isEmpty)
    #expect(plan.firstAddress(outside: AddressSet()) == address("198.18.0.0"))
    #expect(try plan.firstAddress(outside: addressSet("198.18.0.0/27")) == address("198.18.1.0"))
    #expect(plan.firstAddress(outside: .all) == nil)
  }

  @Test func `counts all of IPv4 on all ports without overflow`() throws {
    let plan = try makePlan("0.0.0.0/0:*")
    #expect(plan.count + plan.outOfScope == 65535 << 32)
    #expect(plan.target(at: 0) == target("1.0.0.0", 1))
    #expect(plan.target(at: plan.count - 1) == target("223.255.255.255", 65535))
  }

  @Test func `agrees with a plain set of pairs for random entries, scopes and ports`() throws {
    var random = SeededGenerator(fuzzSeed)
    // Around the border of special-purpose space at 198.18.0.0, around 192.0.2.0/24, and in ordinary space.
    let bases = [
      address("198.17.255.128").value, address("192.0.2.192").value, address("11.1.1.0").value,
    ]
    for trial in 0..<3_000 {
      let base = bases.randomElement(using: &random)!
      let example = PlanCase(base: base, &random)
      let plan = try makePlan(example.text, ports: "9", allow: example.allow, deny: example.deny)
      let all = targets(plan)
      guard Set(all) == example.expected, all.count == example.expected.count,
        plan.outOfScope == UInt64(example.named.count - example.expected.count),
        plan.addressCount == UInt64(Set(all.map(\.address)).count),
        all.allSatisfy({ plan.addresses.contains($0.address) })
      else {
        Issue.record("seed \(fuzzSeed), trial \(trial): \(example)")
        return
      }
    }
  }

  @Test func `contains all of a long list of pairs in random order`() throws {
    var random = SeededGenerator(fuzzSeed)
    let pairs = Set(
      (0..<50_000).map { _ in
        Target(
          IPv4Address(0x1400_0000 | UInt32.random(in: 0..<1 << 16, using: &random)),
          Port(UInt16.random(in: 1...9, using: &random)))
      })
    let text = pairs.shuffled(using: &random).map { "\($0.address):\($0.port)\n" }.joined()
    let plan = try makePlan(text + "20.128.0.0/10:80\n")
    #expect(plan.count == UInt64(pairs.count) + 1 << 22)
    #expect(Set((0..<UInt64(pairs.count)).map { plan.target(at: $0) }) == pairs)
  }
}

/// A random target file and its expected targets, computed pair by pair.
private struct PlanCase {
  var text = ""
  var allow: String?
  var deny: String?
  var named: Set<Target> = []
  var expected: Set<Target> = []

  init(base: UInt32, _ random: inout SeededGenerator) {
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      let range = Self.range(base, &random)
      let ports = (0..<Int.random(in: 0...3, using: &random)).map { _ in
        UInt16.random(in: 1...6, using: &random)
      }
      text +=
        "\(range)" + (ports.isEmpty ? "" : ":") + ports.map(String.init).joined(separator: ",") + "\n"
      let isWithin = SpecialPurpose.skippedInside.contains { $0.addresses.contains(range) }
      for value in range.first...range.last {
        let one = AddressRange(value, value)
        let special = SpecialPurpose.skippedInside.contains { $0.addresses.contains(one) }
        for port in ports.isEmpty ? [9] : ports {
          let target = Target(IPv4Address(value), Port(port))
          named.insert(target)
          if isWithin || !special { expected.insert(target) }
        }
      }
    }
    if Bool.random(using: &random) {
      let ranges = (0..<3).map { _ in Self.range(base, &random) }
      allow = ranges.map(\.description).joined(separator: ",")
      expected = expected.filter { target in ranges.contains { Self.holds($0, target) } }
    }
    if Bool.random(using: &random) {
      let ranges = (0..<3).map { _ in Self.range(base, &random) }
      deny = ranges.map(\.description).joined(separator: ",")
      expected = expected.filter { target in !ranges.contains { Self.holds($0, target) } }
    }
  }

  private static func holds(_ range: AddressRange, _ target: Target) -> Bool {
    range.first <= target.address.value && target.address.value <= range.last
  }

  private static func range(_ base: UInt32, _ random: inout SeededGenerator) -> AddressRange {
    let first = base + UInt32.random(in: 0..<200, using: &random)
    return AddressRange(first, first + UInt32.random(in: 0..<40, using: &random))
  }
}
