// Mutated packets against the receive program and its twin in Swift at once.

import Kernel
import TestSupport
import Testing
import Wire

/// One frame of the table with a few things changed.
private func mutate(_ frame: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
  var frame = frame
  for _ in 0..<Int.random(in: 0...3, using: &random) {
    let at = Int.random(in: 0..<frame.count, using: &random)
    // Most headers lie early; there a change decides something.
    let early = Int.random(in: 12..<max(13, min(62, frame.count)), using: &random)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: frame[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1, 2: frame[early % frame.count] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 3: frame[early % frame.count] = random.next()
    case 4:
      frame[early % frame.count] = [0, 1, 0x45, 0x4f, 0x50, 0xf0, 0xff].randomElement(using: &random)!
    case 5: frame.removeLast(min(frame.count - 14, Int.random(in: 0..<24, using: &random)))
    case 6: frame += (0..<Int.random(in: 0..<24, using: &random)).map { _ in random.next() }
    default: frame.insert(contentsOf: [0x81, 0x00, 0, 1], at: 12)
    }
  }
  return frame
}

@Suite struct `Over 200,000 mutated packets` {
  @Test func `the receive program and its twin agree, and nobody gets in without a cookie`() throws {
    var random = SeededGenerator(seed)
    let program = try AnswersProgram()
    let classifier = AnswersSettings().classifier
    let cookie = Cookie(key: referenceKey)
    var expected = FateCounts()
    for number in 0..<200_000 {
      let frame = mutate(packetTable.randomElement(using: &random)!.frame, &random)
      let run = try program.execute(frame)
      let (fate, reply) = classifier.classify(frame.span, time: 1)
      expected[fate] += 1
      if run.verdict == .transmit { expected.resetsSent += 1 }
      let replies = try program.takeReplies()
      guard [.pass, .drop, .transmit].contains(run.verdict),
        replies.map(account) == [reply].compactMap({ $0 }).map(account),
        (run.verdict == .pass) == !fate.isValid, replies.allSatisfy({ $0.proves(cookie) })
      else {
        Issue.record("seed \(seed), packet \(number), fate \(fate), code \(run.code): \(hex(frame))")
        return
      }
    }
    #expect(try program.fates() == expected)
    #expect(expected.seen == 200_000)
    // Most rows come through unharmed often enough to make this a test of both branches.
    #expect(expected.valid > 20_000 && expected[.malformed] > 10_000)
  }
}

extension Fate {
  /// The packet proved itself, so the host's own stack does not get it.
  fileprivate var isValid: Bool { rawValue >= Fate.open.rawValue }
}

extension Reply {
  /// For TCP the number that the peer acknowledged must be the probe's; an ICMP error's event does not
  /// carry the number that it quoted.
  fileprivate func proves(_ cookie: Cookie) -> Bool {
    let sequence = cookie.sequenceNumber(
      source: destination.value, destination: source.value, sourcePort: destinationPort.value,
      destinationPort: sourcePort.value)
    switch kind {
    case .open: return acknowledgmentNumber == sequence &+ 1
    case .closed: return acknowledgmentNumber &- sequence <= 1
    case .icmp: return true
    }
  }
}
