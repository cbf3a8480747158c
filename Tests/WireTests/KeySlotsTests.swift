import TestSupport
import Testing
import Wire

@Suite(.timeLimit(.minutes(5))) struct `Key slots` {
  /// Every number of ports up to several times the number of slots, and the widest range.
  private static let ranges: [ClosedRange<UInt16>] =
    (0..<200).map { 40_000...40_000 + $0 } + [32_768...61_000, 0...65_535, 65_535...65_535]

  @Test
  func `have as many hints as the largest power of two that neither slots nor ports are fewer than`() {
    func hints(_ slots: Int, _ ports: UInt16) -> Int { KeySlots(slots, ports: 1...ports).hints }
    #expect([1, 2, 3, 4, 63, 64].map { hints($0, 28_233) } == [1, 2, 2, 4, 32, 64])
    #expect([1, 2, 3, 21, 63, 64, 65].map { hints(64, $0) } == [1, 2, 2, 16, 32, 64, 64])
    #expect(hints(2, 1) == 1 && hints(1, 1) == 1)
  }

  @Test func `divide the ports evenly: each slot has some, and each port serves its slots only`() {
    for ports in Self.ranges {
      for count in [1, 2, 30, 64] {
        let slots = KeySlots(count, ports: ports)
        var served = 0
        for slot in 0..<count {
          let own = slots.sourcePorts(of: slot)
          #expect(own.count >= max(1, ports.count / slots.hints))
          #expect(own.count <= ports.count / slots.hints + 1)
          for port in [own.first, own.first + UInt16((own.count - 1) * slots.hints)] {
            #expect(ports.contains(port))
            #expect(slots.slots(for: port).contains(slot))
          }
          if slot < slots.hints { served += own.count }
        }
        #expect(served == ports.count)
      }
    }
  }

  @Test func `may be proved by one port in ascending order, and are few`() {
    let slots = KeySlots(64, ports: 39_990...40_010)
    #expect(slots.hints == 16)
    #expect(Array(slots.slots(for: 39_990)) == [0, 16, 32, 48])
    #expect(Array(slots.slots(for: 40_005)) == [15, 31, 47, 63])
    #expect(Array(slots.slots(for: 40_006)) == [0, 16, 32, 48])
    #expect(Array(KeySlots(64, ports: 32_768...61_000).slots(for: 61_000)) == [8])
    #expect(Array(KeySlots(64, ports: 7...7).slots(for: 7)) == Array(0..<64))
  }
}
