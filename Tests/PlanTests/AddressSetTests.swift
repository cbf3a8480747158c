import TestSupport
import Testing
import Wire

@testable import Plan

@Suite(.timeLimit(.minutes(5))) struct `An address set` {
  /// The membership of each of the 256 addresses from `base`.
  private func members(_ set: AddressSet, base: UInt32) -> [Bool] {
    (0..<256).map { set.contains(IPv4Address(base + $0)) }
  }

  @Test(arguments: [0, 0x0a00_0000, UInt32.max - 255])
  func `has operations that agree with the membership of each address`(base: UInt32) {
    var random = SeededGenerator(fuzzSeed)
    for _ in 0..<500 {
      let sets = (0..<2).map { _ -> (set: AddressSet, members: [Bool]) in
        var members = [Bool](repeating: false, count: 256)
        let ranges = (0..<Int.random(in: 0...12, using: &random)).map { _ -> AddressRange in
          let first = Int.random(in: 0...255, using: &random)
          let last = min(255, first + Int.random(in: 0...40, using: &random))
          for member in first...last { members[member] = true }
          return AddressRange(base + UInt32(first), base + UInt32(last))
        }
        return (AddressSet(ranges), members)
      }
      let (a, b) = (sets[0], sets[1])
      #expect(members(a.set, base: base) == a.members)
      #expect(a.set.count == UInt64(a.members.count { $0 }))
      let pairs = zip(a.members, b.members)
      #expect(members(a.set.union(b.set), base: base) == pairs.map { $0 || $1 })
      #expect(members(a.set.intersection(b.set), base: base) == pairs.map { $0 && $1 })
      #expect(members(a.set.subtracting(b.set), base: base) == pairs.map { $0 && !$1 })
      #expect(a.set.union(b.set) == AddressSet(a.set.ranges + b.set.ranges))
    }
  }

  @Test func `merges intervals that touch`() throws {
    #expect(
      try addressSet("10.0.0.0/25,10.0.0.128/25,10.0.1.0").ranges
        == addressSet("10.0.0.0-10.0.1.0").ranges)
  }

  @Test func `of all addresses has 2^32 of them, and its complement is empty`() {
    #expect(AddressSet.all.count == 1 << 32)
    #expect(AddressSet.all.subtracting(.all).isEmpty)
    #expect(AddressSet.all.subtracting(AddressSet()) == .all)
    #expect(
      AddressSet.all.contains(address("0.0.0.0")) && AddressSet.all.contains(address("255.255.255.255"))
    )
  }

  @Test func `sorts a hundred thousand intervals`() {
    var random = SeededGenerator(fuzzSeed)
    let ranges = (0..<100_000).map { AddressRange(UInt32($0) << 15, UInt32($0) << 15 | 3) }
    #expect(AddressSet(ranges.shuffled(using: &random)).ranges == ranges)
  }

  @Test func `is parsed from addresses separated by commas`() throws {
    let set = try addressSet("192.0.2.1,192.0.2.8-192.0.2.15,198.18.0.0/15")
    #expect(set.count == 1 + 8 + 131_072)
    for invalid in [
      "", ",", "1.2.3.4,", "1.2.3.4;1.2.3.5", "1.2.3.4 ", "eth0", "1.2.3.4:80", "1.2.3.9-1.2.3.4",
    ] {
      #expect(throws: ValueError.self) { try addressSet(invalid) }
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The radix sort` {
  @Test(arguments: [0, 1, 2, 33, 1_000, 100_000])
  func `sorts entries by first address`(count: Int) {
    var random = SeededGenerator(fuzzSeed)
    // Addresses spread over the whole space, few distinct ones, and ones in a single /24.
    for bits in [32, 3, 8] as [UInt32] {
      var entries = (0..<UInt32(count)).map { number in
        let first = UInt32.random(in: 0...(.max >> (32 - bits)), using: &random) | 0x0a00_0000
        return Entry(addresses: AddressRange(first, .max), ports: number)
      }
      let expected = entries.map(\.addresses.first).sorted()
      let before = entries
      sortByRadix(&entries)
      #expect(entries.map(\.addresses.first) == expected)
      // Each entry still has its own ports.
      #expect(entries.allSatisfy { before[Int($0.ports)].addresses == $0.addresses })
      #expect(Set(entries.map(\.ports)).count == count)
    }
  }
}
