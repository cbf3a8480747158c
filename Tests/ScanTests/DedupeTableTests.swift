import Scan
import TestSupport
import Testing
import Wire

/// Ordered as the table ranks them.
private let kinds: [Reply.Kind] = [.icmp, .closed, .open]

private func randomReply(_ random: inout SeededGenerator, addresses: UInt32, ports: UInt16) -> Reply {
  reply(
    kinds[Int.random(in: 0..<3, using: &random)],
    from: IPv4Address(0xc612_0000 + UInt32.random(in: 0..<addresses, using: &random)),
    port: UInt16.random(in: 1...ports, using: &random))
}

@Suite struct `A reply from a pair that` {
  @Test func `has not been seen is new, and a duplicate the second time`() {
    var table = DedupeTable(key: key)
    #expect(table.insert(reply()) == .new)
    #expect(table.insert(reply()) == .duplicate)
    #expect(table.count == 1)
  }

  @Test func `differs in address or port alone is new`() {
    var table = DedupeTable(key: key)
    #expect(table.insert(reply(port: 80)) == .new)
    #expect(table.insert(reply(port: 81)) == .new)
    #expect(table.insert(reply(from: IPv4Address(198, 18, 0, 10), port: 80)) == .new)
  }

  @Test func `is zero throughout is told apart from an empty slot`() {
    var table = DedupeTable(key: key)
    let zero = reply(.icmp, from: IPv4Address(0), port: 0)
    #expect(table.insert(zero) == .new)
    #expect(table.insert(zero) == .duplicate)
  }

  @Test func `sent a lesser reply is new when it is greater, a duplicate when it is not`() {
    for (before, first) in kinds.enumerated() {
      for (after, second) in kinds.enumerated() {
        var table = DedupeTable(key: key)
        _ = table.insert(reply(first))
        #expect(
          table.insert(reply(second)) == (after > before ? .greater : .duplicate),
          "\(first), \(second)")
        #expect(table.count == 1)
      }
    }
  }

  @Test func `sent RST, SYN-ACK, RST, SYN-ACK is reported twice`() {
    var table = DedupeTable(key: key)
    let verdicts = [Reply.Kind.closed, .open, .closed, .open].map { table.insert(reply($0)) }
    #expect(verdicts == [.new, .greater, .duplicate, .duplicate])
  }
}

@Suite struct `An answer table` {
  @Test func `agrees with a dictionary over 200,000 random replies, and forgets none as it grows`() {
    var random = SeededGenerator(seed)
    var table = DedupeTable(key: key)
    var best: [UInt64: Int] = [:]
    for _ in 0..<200_000 {
      let reply = randomReply(&random, addresses: 3_000, ports: 60)
      let pair = UInt64(reply.source.value) << 16 | UInt64(reply.sourcePort.value)
      let rank = kinds.firstIndex(of: reply.kind)!
      let earlier = best[pair]
      let verdict: DedupeTable.Verdict =
        earlier == nil ? .new : rank > earlier! ? .greater : .duplicate
      guard table.insert(reply) == verdict else {
        Issue.record("differs at \(reply.source):\(reply.sourcePort), seed \(seed)")
        return
      }
      if verdict != .duplicate { best[pair] = rank }
    }
    #expect(table.count == best.count)
    #expect(table.evictions == 0)
  }

  @Test(arguments: [8 << 10, 1 << 20])
  func `says of replies together what it says of them one by one, also at its bound`(bytesMax: Int) {
    var random = SeededGenerator(seed)
    var single = DedupeTable(key: key, bytesMax: bytesMax)
    var together = single
    var verdicts: [DedupeTable.Verdict] = []
    for size in [0, 1, 2, 256, 100_000, 256] {
      // Few pairs, so that the same one comes several times in one batch.
      let replies = (0..<size).map { _ in randomReply(&random, addresses: 3_000, ports: 20) }
      together.insert(replies, &verdicts)
      #expect(verdicts == replies.map { single.insert($0) }, "seed \(seed)")
    }
    #expect(together.count == single.count)
    #expect(together.evictions == single.evictions)
    #expect(single.evictions > 0 || bytesMax > 8 << 10)
  }

  @Test func `still knows everything after each of its growths`() {
    var table = DedupeTable(key: key)
    for number in 0..<UInt32(50_000) {
      #expect(table.insert(reply(from: IPv4Address(number))) == .new)
    }
    for number in 0..<UInt32(50_000) {
      #expect(table.insert(reply(from: IPv4Address(number))) == .duplicate)
    }
  }

  @Test func `knows what is in it, and nothing else, whenever it has grown`() {
    var random = SeededGenerator(seed)
    var table = DedupeTable(key: key)
    var model: Set<UInt32> = []
    var bytes = table.bytes
    while model.count < 60_000 {
      let number = UInt32.random(in: .min ... .max, using: &random)
      guard (table.insert(pair(number)) == .new) == model.insert(number).inserted else {
        Issue.record("differs at pair \(number), seed \(seed)")
        return
      }
      if table.bytes > bytes, model.count >= 10_000 {
        // After each growth a hundred of what it holds, and the one it grew for.
        let known = model.prefix(100).allSatisfy { table.insert(pair($0)) == .duplicate }
        #expect(known && table.insert(pair(number)) == .duplicate, "seed \(seed)")
      }
      bytes = table.bytes
    }
    #expect(model.allSatisfy { table.insert(pair($0)) == .duplicate })
    #expect(table.count == model.count)
    #expect(table.evictions == 0)
  }
}

/// One of 2^32 pairs that differ in address and port.
private func pair(_ number: UInt32) -> Reply {
  reply(from: IPv4Address(number), port: UInt16(truncatingIfNeeded: number >> 7))
}

@Suite struct `The memory of an answer table` {
  @Test func `is at most 13 bytes a pair, from 20,000 pairs to 1.7 million`() {
    var table = DedupeTable(key: key)
    var most = 0.0
    for number in 0..<UInt32(1_700_000) {
      _ = table.insert(pair(number))
      // Often enough to see each state between two growths of a segment.
      if number >= 20_000, number % 256 == 0 {
        most = max(most, Double(table.bytes) / Double(table.count))
      }
    }
    #expect(table.count == 1_700_000)
    // Each segment takes 15 when it has just grown; did they all grow together, so would the table.
    #expect(most < 13)
    #expect(table.bytes < 22_000_000)
  }

  @Test func `is small at first, and grows a segment at a time`() {
    var table = DedupeTable(key: key)
    #expect(table.bytes < 160 << 10)
    var bytes = table.bytes
    for number in 0..<UInt32(100_000) {
      _ = table.insert(pair(number))
      // Half of one of 64, and that one may be a third larger than the average.
      #expect(Double(table.bytes - bytes) < Double(bytes) / 64 / 2 * 1.35)
      bytes = table.bytes
    }
  }

  @Test(arguments: [8 << 10, 100_000, 1 << 20])
  func `stays within its bound, with room for the copy of the segment that grows`(bytesMax: Int) {
    var table = DedupeTable(key: key, bytesMax: bytesMax)
    var most = 0
    for number in 0..<UInt32(bytesMax / 8) {
      _ = table.insert(pair(number))
      most = max(most, table.bytes)
    }
    #expect(most <= bytesMax)
    #expect(most >= bytesMax * 9 / 10)
    #expect(table.bytes == most)
  }
}

@Suite struct `An answer table at its bound` {
  /// Pairs that a table of 1 MiB holds at most: four fifths of the slots of 64 segments and a copy.
  private static let pairsMax = (1 << 20) / 8 / 65 * 4 / 5 * 64

  @Test func `has forgotten nothing at nine tenths of what it holds at most`() {
    var table = DedupeTable(key: key, bytesMax: 1 << 20)
    let numbers = 0..<UInt32(Self.pairsMax * 9 / 10)
    for number in numbers { _ = table.insert(pair(number)) }
    #expect(table.count == numbers.count)
    #expect(table.evictions == 0)
    #expect(numbers.allSatisfy { table.insert(pair($0)) == .duplicate })
  }

  @Test func `forgets a pair for each new one once it is full`() {
    var table = DedupeTable(key: key, bytesMax: 1 << 20)
    let numbers = 0..<UInt32(Self.pairsMax * 5 / 4)
    for number in numbers { #expect(table.insert(pair(number)) == .new) }
    #expect(table.count == Self.pairsMax)
    #expect(table.evictions == UInt64(numbers.count - Self.pairsMax))
    for number in numbers.endIndex..<numbers.endIndex + 1000 { _ = table.insert(pair(number)) }
    #expect(table.count == Self.pairsMax)
    #expect(table.evictions == UInt64(numbers.count - Self.pairsMax + 1000))
  }

  @Test func `ends every search, and counts each pair it forgets`() {
    var table = DedupeTable(key: key, bytesMax: 8 << 10)
    var news: UInt64 = 0
    for number in 0..<UInt32(100_000) where table.insert(reply(from: IPv4Address(number))) == .new {
      news += 1
    }
    #expect(news == 100_000)
    #expect(table.evictions == news - UInt64(table.count))
    // What it still holds it still knows: repeats of held pairs are duplicates.
    var copy = table
    let known = (0..<UInt32(100_000)).count {
      copy = table
      return copy.insert(reply(from: IPv4Address($0))) == .duplicate
    }
    #expect(known == table.count)
  }

  @Test func `lets a greater reply replace the lesser from that pair, and forgets nothing for it`()
    throws
  {
    var table = DedupeTable(key: key, bytesMax: 8 << 10)
    for number in 0..<UInt32(5_000) { _ = table.insert(reply(.closed, from: IPv4Address(number))) }
    let held = try #require(
      (0..<UInt32(5_000)).first {
        var copy = table
        return copy.insert(reply(.closed, from: IPv4Address($0))) == .duplicate
      })
    let evictions = table.evictions
    #expect(table.insert(reply(.open, from: IPv4Address(held))) == .greater)
    #expect(table.insert(reply(.closed, from: IPv4Address(held))) == .duplicate)
    #expect(table.evictions == evictions)
  }
}

@Suite struct `Pairs chosen to collide` {
  private func hash(_ reply: Reply, _ key: SipHashKey) -> UInt64 {
    var state = SipHash24(key: key)
    state.compress(UInt64(reply.source.value) << 16 | UInt64(reply.sourcePort.value))
    return state.finish()
  }

  @Test func `overflow a segment for who knows the key, and do nothing under any other`() {
    // All of them in the one segment that the low six bits name; it has 1612 of the table's 100,000 places.
    let chosen = (0..<UInt32(200_000)).filter { hash(pair($0), key) % 64 == 5 }.map(pair)
    var known = DedupeTable(key: key, bytesMax: 1 << 20)
    for reply in chosen { _ = known.insert(reply) }
    #expect(known.count == 2016 * 4 / 5)
    #expect(known.evictions > 1000)

    var random = SeededGenerator(seed)
    for _ in 0..<5 {
      let other = SipHashKey(k0: random.next(), k1: random.next())
      var table = DedupeTable(key: other, bytesMax: 1 << 20)
      for reply in chosen { _ = table.insert(reply) }
      #expect(table.evictions == 0, "key \(other), seed \(seed)")
    }
  }

  @Test(arguments: [0, 6, 10, 16])
  func `by a pattern in the address spread like any others`(shift: UInt32) {
    var table = DedupeTable(key: key, bytesMax: 1 << 20)
    // Addresses that agree in their low bits; 65,536 pairs, two thirds of what the table holds.
    for number in 0..<UInt32(1 << 16) {
      _ = table.insert(reply(from: IPv4Address(number << shift)))
    }
    #expect(table.count == 1 << 16)
    #expect(table.evictions == 0)
  }
}
