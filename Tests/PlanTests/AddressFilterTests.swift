import Plan
import TestSupport
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `An address filter` {
  @Test func `contains the addresses of its set`() {
    var random = SeededGenerator(fuzzSeed)
    for intervals in [0, 1, 3, 40, 5_000] {
      let set = AddressSet(
        (0..<intervals).map { _ in
          let first = UInt32.random(in: 0..<1 << 20, using: &random)
          return AddressRange(
            first, first + .random(in: 0..<200_000 / UInt32(intervals), using: &random))
        })
      let filter = AddressFilter(set)
      let edges = set.ranges.flatMap { [$0.first &- 1, $0.first, $0.last, $0.last &+ 1] }
      let others = (0..<5_000).map { _ in UInt32.random(in: 0..<1 << 21, using: &random) }
      for value in edges + others + [0, .max] {
        guard filter.contains(IPv4Address(value)) == set.contains(IPv4Address(value)) else {
          Issue.record("seed \(fuzzSeed): \(IPv4Address(value)) of \(intervals) intervals")
          return
        }
      }
    }
    let all = AddressFilter(.all)
    #expect(all.contains(IPv4Address(0)) && all.contains(IPv4Address(.max)))
  }
}
