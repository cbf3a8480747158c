// Mutated packets, classified by the receive program and by its twin in Swift.

import Foundation
import Kernel
import TestSupport
import Testing
import Wire

/// The number of frames: SYNBOX_FUZZ_FRAMES, or enough for a second or two.
private let frameCount = number("SYNBOX_FUZZ_FRAMES") ?? 400_000
private let fuzzSeed = Seed.next("mutated packets")

private func number(_ name: String) -> UInt64? {
  guard let text = ProcessInfo.processInfo.environment[name] else { return nil }
  guard let number = UInt64(text), number > 0 else {
    preconditionFailure("found \(name)=\(text), expected a number above 0")
  }
  return number
}

/// Offsets of the fields that decide a frame's fate, without tags and options: EtherType, version and header length,
/// total length, fragment offset, protocol, ICMP type or port, data offset, flags, checksums.
private let decisiveOffsets = [12, 13, 14, 16, 17, 20, 21, 23, 24, 25, 34, 36, 37, 42, 46, 47, 50, 51]
private let decisiveValues: [UInt8] = [0, 1, 6, 0x3f, 0x45, 0x46, 0x4f, 0x50, 0x60, 0xf0, 0xff]

/// Returns a frame with a few changes, and often with corrected checksums, without which nearly all would fail there.
private func mutate(_ frame: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
  var frame = frame
  for _ in 0..<Int(random.next() % 4) {
    let at = Int(random.next() % UInt64(frame.count))
    let early = min(frame.count - 1, 12 + Int(random.next() % 70))
    switch random.next() % 11 {
    case 0: frame[at] ^= 1 << UInt8(random.next() % 8)
    case 1, 2: frame[early] ^= 1 << UInt8(random.next() % 8)
    case 3: frame[early] = UInt8(truncatingIfNeeded: random.next())
    case 4: frame[early] = decisiveValues[Int(random.next() % UInt64(decisiveValues.count))]
    case 5, 6:
      let offset = decisiveOffsets[Int(random.next() % UInt64(decisiveOffsets.count))]
      if offset < frame.count {
        frame[offset] = decisiveValues[Int(random.next() % UInt64(decisiveValues.count))]
      }
    case 7: frame.removeLast(min(frame.count - 14, Int(random.next() % 24)))
    case 8:
      for _ in 0..<random.next() % 24 { frame.append(UInt8(truncatingIfNeeded: random.next())) }
    case 9 where frame.count < 2_000: frame.insert(contentsOf: [0x81, 0x00, 0, 1], at: 12)
    default:
      // Correct the total length, which turns padding into payload.
      if frame.count > 18, frame.count < 2_000 {
        frame.replaceSubrange(16..<18, with: big(UInt16(frame.count - 14)))
      }
    }
  }
  if random.next() % 2 == 0 { repairChecksums(&frame) }
  return frame
}

/// Corrects the checksums of an untagged IPv4 packet whose lengths are plausible.
private func repairChecksums(_ frame: inout [UInt8]) {
  guard frame.count >= 34, frame[14] >> 4 == 4 else { return }
  let payload = 14 + Int(frame[14] & 15) * 4
  let end = 14 + (Int(frame[16]) << 8 | Int(frame[17]))
  guard payload >= 34, payload <= end, end <= frame.count else { return }
  func put(_ range: Range<Int>, at field: Int, after prefix: [UInt8] = []) {
    frame.replaceSubrange(field..<field + 2, with: [0, 0])
    var checksum = InternetChecksum()
    checksum.add(prefix)
    checksum.add(frame.span, range)
    frame.replaceSubrange(field..<field + 2, with: big(checksum.value))
  }
  put(14..<payload, at: 24)
  if frame[23] == 6, end >= payload + 18 {
    put(payload..<end, at: payload + 16, after: frame[26..<34] + [0, 6] + big(UInt16(end - payload)))
  } else if frame[23] == 1, end >= payload + 4 {
    put(payload..<end, at: payload + 2)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Mutated packets` {
  @Test(arguments: [false, true], [ReceiveProgramSettings(), severalJobs])
  func `have the same fate in the receive program and its twin, and none is valid without a cookie`(
    partial: Bool, settings: ReceiveProgramSettings
  )
    throws
  {
    var random = SeededGenerator(partial ? ~fuzzSeed : fuzzSeed)
    var settings = settings
    settings.partialChecksums = partial
    let program = try ReceiveProgram(settings)
    let classifier = settings.classifier
    let table = packetTable.map(\.frame) + Set(settings.keys.values).flatMap(repliesToUs)
    let count = max(1, frameCount / 4)
    var expected = FateCounts()
    var bySlot = (0..<settings.slots).map { _ in FateCounts() }
    for number in 0..<count {
      let frame = mutate(table[Int(random.next() % UInt64(table.count))], &random)
      let run = try program.execute(frame)
      let (fate, slot, reply) = classifier.classify(frame.span, time: 1, partialChecksum: partial)
      expected[fate] += 1
      if let slot { bySlot[Int(slot)][fate] += 1 }
      let replies = try program.takeReplies()
      guard [.pass, .drop].contains(run.verdict),
        // Compare accounts only if there is a reply, because making their text is slow.
        replies.isEmpty && reply == nil
          || replies.map(account) == [reply].compactMap({ $0 }).map(account),
        (run.verdict == .pass) == !fate.isValid, (slot != nil) == fate.isValid,
        run.output == frame,
        replies.allSatisfy({ reply in
          settings.keys[Int(reply.slot)].map { reply.proves(Cookie(key: $0), in: frame) } ?? false
        })
      else {
        Issue.record(
          "seed \(fuzzSeed), packet \(number), partial \(partial), fate \(fate), code \(run.code): \(hex(frame))"
        )
        return
      }
    }
    #expect(try program.fates() == expected)
    for slot in bySlot.indices {
      #expect(try program.fates(slot: slot) == bySlot[slot], "slot \(slot)")
    }
    #expect(expected.seen == count)
    // Make sure that every branch is tested, except those that need a full ring or other settings.
    guard count >= 100_000 else { return }
    for slot in settings.keys.keys {
      #expect((bySlot[slot].valid > 0) == settings.isProvable(slot), "slot \(slot)")
    }
    for fate in Fate.allCases where ![.openRingFull, .closedRingFull, .icmpRingFull].contains(fate) {
      let share = [.closedUnreported, .icmpUnreported].contains(fate) ? 0 : count / 1_000
      #expect(expected[fate] >= share, "\(fate)")
    }
  }
}

extension Fate {
  /// Whether the packet is a valid reply, which the host's own stack does not get.
  fileprivate var isValid: Bool { rawValue >= Fate.open.rawValue }
}

extension Reply {
  /// Returns whether the reply carries the probe's sequence number: a TCP segment acknowledges it, and an ICMP error
  /// quotes it in the frame.
  fileprivate func proves(_ cookie: Cookie, in frame: [UInt8]) -> Bool {
    let sequence = cookie.sequenceNumber(
      source: destination.value, destination: source.value, sourcePort: destinationPort.value,
      destinationPort: sourcePort.value)
    switch kind {
    case .open: return acknowledgmentNumber == sequence &+ 1
    case .closed: return acknowledgmentNumber &- sequence <= 1
    case .icmp: return Self.quotedSequence(frame) == sequence
    }
  }

  private static func quotedSequence(_ frame: [UInt8]) -> UInt32? {
    var at = 14
    while at + 60 <= frame.count, [[0x81, 0x00], [0x88, 0xa8]].contains(Array(frame[at - 2..<at])) {
      at += 4
    }
    // Two IPv4 headers, and the ICMP header between them.
    for gap in [8, 4] {
      guard at < frame.count else { return nil }
      at += Int(frame[at] & 15) * 4 + gap
    }
    return at + 4 <= frame.count ? frame.span.word32(at: at) : nil
  }
}
