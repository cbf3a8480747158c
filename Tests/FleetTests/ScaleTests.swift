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

  /// Boxes, of which each has 100 shards, 10 million targets and 5,000 probes/s: `make fleet-scale`.
  private static let wanted = ProcessInfo.processInfo.environment["SYNBOX_SCALE"].flatMap { Int($0) }

  @Test(.enabled(if: wanted != nil, "make fleet-scale")) func `has its cost measured`() throws {
    let boxes = try #require(Self.wanted)
    let begin = ContinuousClock.now
    var scale = try Scale(
      boxes: boxes, shards: UInt32(100 * boxes), targets: 10_000_000 * UInt64(boxes),
      rate: 5000 * UInt64(boxes), seed: TestSupport.Seed.next())
    scale.run(limit: 4000, deathsPerHour: 1)
    #expect(scale.isComplete, "\(scale.accepted) shards after \(scale.seconds) s")
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let peak = try #require(status.firstMatch(of: /VmHWM:\s+(\d+) kB/)?.output.1)
    let microseconds = scale.collectorTime / .microseconds(1) / Double(scale.messages)
    print(
      "scale", boxes, scale.seconds, scale.deaths, scale.messages, scale.messageBytes, microseconds,
      peak, (ContinuousClock.now - begin) / .seconds(1))
  }
}
