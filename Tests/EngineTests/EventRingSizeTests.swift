import Engine
import Plan
import Testing

@Suite(.timeLimit(.minutes(5))) struct `An event ring that fits a rate` {
  @Test(
    arguments: [
      (1, 512), (10_000, 512), (10_922, 512), (20_000, 1024), (50_000, 4096), (1_000_000_000, 4096),
    ] as [(UInt64, UInt32)])
  func `holds half a second of it, within bounds`(_ rate: UInt64, _ kibibytes: UInt32) {
    #expect(EventRingSize.fitting(PacketRate(rate)).bytes == kibibytes << 10)
  }

  @Test func `is the standard one if there is no rate, or no limit`() {
    #expect(EventRingSize.fitting(nil) == .standard)
    #expect(EventRingSize.fitting(.unlimited) == .standard)
  }
}
