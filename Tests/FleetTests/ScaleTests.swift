import Foundation
import TestSupport
import Testing

@testable import Fleet

@Suite(.timeLimit(.minutes(20))) struct `A large fleet` {
  @Test func `finishes although boxes die`() throws {
    // `make unit` optimizes.
    let isSmall = ProcessInfo.processInfo.environment["SYNBOX_UNIT"] == nil
    let shards: UInt32 = isSmall ? 100 : 1000
    var scale = try Scale(
      boxes: isSmall ? 10 : 40, shards: shards, targets: UInt64(shards) * 10_000,
      rate: UInt64(shards) * 20,
      seed: TestSupport.Seed.next())
    scale.run(limit: 4000, deathsPerHour: isSmall ? 400 : 100)
    #expect(scale.isComplete, "\(scale.accepted) of \(shards) after \(scale.seconds) s")
    #expect(scale.deaths > 0)
    // Without deaths it takes 500 s.
    #expect(scale.seconds < 1500)
  }
}
