import Plan
import Scan
import TestSupport
import Testing
import Wire

private let sources = (0..<4).map { IPv4Address(0xc613_0001 + UInt32($0)) }
private let ports: ClosedRange<UInt16> = 40_000...40_999
private let selection = SourceSelection(addresses: sources.count, ports: ports, key: key)

private func sequence(_ text: String, passes: UInt8 = 1) throws -> ProbeSequence {
  let file = try TargetFile.parse(Array(text.utf8), name: "t")
  let plan = try TargetPlan([file], defaultPorts: nil, scope: Scope())
  return ProbeSequence(plan: plan, seed: Seed(3), probes: ProbeCount(passes))
}

/// A reply to the probe of a target in a pass.
private func answer(_ address: UInt32, _ port: UInt16, pass: UInt8 = 0) -> Reply {
  let chosen = selection.choose(destination: address, port: port, pass: pass)
  var answer = reply(from: IPv4Address(address), port: port)
  answer.destination = sources[Int(chosen.source)]
  answer.destinationPort = Port(chosen.port)
  return answer
}

private let network: UInt32 = 0xc612_0000

@Suite(.timeLimit(.minutes(5))) struct `A reply with a valid cookie` {
  @Test(arguments: [1, 3, 255] as [UInt8])
  func `is believed if it answers the probe of any pass`(passes: UInt8) throws {
    var sent = SentProbes(
      try sequence("198.18.0.0/24:80,443", passes: passes), selection: selection, sources: sources)
    for number in 0..<UInt32(500) {
      let pass = UInt8(UInt32.random(in: 0..<UInt32(passes)))
      let mismatch = sent.mismatch(of: answer(network + number % 256, 443, pass: pass))
      #expect(mismatch == nil)
    }
  }

  @Test func `is not believed if it came to the source of a pass that the scan does not have`() throws {
    var sent = SentProbes(
      try sequence("198.18.0.0/24:80", passes: 2), selection: selection, sources: sources)
    let believed = (0..<UInt32(256)).count {
      sent.mismatch(of: answer(network + $0, 80, pass: 2)) == nil
    }
    // One in 2,000 by chance.
    #expect(believed < 5)
  }

  /// With the default ports, chance would believe one in 28,233.
  @Test func `is believed from no other address or port of ours, of 100,000 replies`() throws {
    var sent = SentProbes(
      try sequence("198.18.0.0/15:80"), selection: selection, sources: sources)
    var random = SeededGenerator(seed)
    for number in 0..<UInt32(100_000) {
      var forged = answer(network + number, 80)
      let (address, port) = (forged.destination, forged.destinationPort)
      while forged.destination == address, forged.destinationPort == port {
        forged.destination = sources.randomElement(using: &random)!
        forged.destinationPort = Port(.random(in: ports, using: &random))
      }
      let mismatch = sent.mismatch(of: forged)
      #expect(mismatch == .source)
    }
  }

  @Test func `is not believed from a target that is not in the plan`() throws {
    var sent = SentProbes(
      try sequence("198.18.0.0/24:80\n198.18.1.0/24:443"), selection: selection, sources: sources)
    var pairs: [(UInt32, UInt16, SentProbes.Mismatch?)] = [
      (network - 1, 80, .target), (network + 5, 81, .target),
    ]
    for number in 0..<UInt32(512) {
      pairs.append((network + number, 80, number < 256 ? nil : .target))
      pairs.append((network + number, 443, number < 256 ? .target : nil))
    }
    for (address, port, expected) in pairs {
      let mismatch = sent.mismatch(of: answer(address, port))
      #expect(mismatch == expected)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `RSTs` {
  private static func pair(_ number: UInt32) -> Reply { reply(from: IPv4Address(network + number)) }

  @Test(arguments: [(1, 3), (4, 6), (255, 257)] as [(UInt8, Int)])
  func `are at most two more for a pair than the scan has passes`(passes: UInt8, most: Int) {
    var limiter = ResetLimiter(key: key, passes: passes, rate: 0)
    let allowed = (0..<2_000).count { _ in limiter.allows(Self.pair(1), probes: 10_000) }
    #expect(allowed == most && limiter.withheld == UInt64(2_000 - most))
    let isOther = limiter.allows(Self.pair(2), probes: 10_000)
    #expect(isOther)
  }

  @Test func `are never withheld from pairs that reply once, however many they are`() {
    var limiter = ResetLimiter(key: key, passes: 1, rate: 0)
    for number in 0..<UInt32(300_000) {
      let isAllowed = limiter.allows(Self.pair(number), probes: UInt64(number))
      #expect(isAllowed)
      // And a pair that has drawn all of its own stays known among them.
      if number == 100 { for _ in 0..<9 { _ = limiter.allows(Self.pair(1 << 20), probes: 1_000) } }
    }
    let isAllowed = limiter.allows(Self.pair(1 << 20), probes: 300_000)
    #expect(!isAllowed)
  }

  @Test(arguments: [(10, 64), (1_000, 100), (100_000, 10_000), (0, 16_384)] as [(UInt64, UInt64)])
  func `are at most two for each probe sent, and a few in advance`(rate: UInt64, advance: UInt64) {
    var limiter = ResetLimiter(key: key, passes: 1, rate: rate)
    var allowed: UInt64 = 0
    for number in 0..<UInt32(60_000) where limiter.allows(Self.pair(number), probes: 500) {
      allowed += 1
    }
    #expect(allowed == 1_000 + advance)
    #expect(limiter.withheld == 60_000 - allowed)
    let isAllowed = limiter.allows(Self.pair(70_000), probes: 501)
    #expect(isAllowed)
  }
}
