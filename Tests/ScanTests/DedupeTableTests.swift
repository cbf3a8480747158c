import Scan
import TestSupport
import Testing
import Wire

/// In ascending order of rank.
private let kinds: [Reply.Kind] = [.icmp, .closed, .open]

private func randomReply(_ random: inout SeededGenerator, addresses: UInt32, ports: UInt16) -> Reply {
  reply(
    kinds[Int.random(in: 0..<3, using: &random)],
    from: IPv4Address(0xc612_0000 + UInt32.random(in: 0..<addresses, using: &random)),
    port: UInt16.random(in: 1...ports, using: &random))
}

@Suite(.timeLimit(.minutes(5))) struct `A reply from a pair that` {
  @Test func `is not in the table is new, and a duplicate the second time`() {
    var table = DedupeTable(key: key)
    #expect(table.insert(reply()) == .new)
    #expect(table.insert(reply()) == .duplicate)
    #expect(table.count == 1)
  }

  @Test func `differs in address or port only is new`() {
    var table = DedupeTable(key: key)
    #expect(table.insert(reply(port: 80)) == .new)
    #expect(table.insert(reply(port: 81)) == .new)
    #expect(table.insert(reply(from: IPv4Address(198, 18, 0, 10), port: 80)) == .new)
  }

  @Test func `is zero throughout differs from an empty slot`() {
    var table = DedupeTable(key: key)
    let zero = reply(.icmp, from: IPv4Address(0), port: 0)
    #expect(table.insert(zero) == .new)
    #expect(table.insert(zero) == .duplicate)
  }

  @Test func `sent an earlier reply is greater if it outranks that, and else a duplicate`() {
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

@Suite(.timeLimit(.minutes(5))) struct `A dedupe table` {
  @Test func `agrees with a dictionary over 200,000 random replies, and forgets none`() {
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
  func `returns the same verdicts for a batch as for single replies, also when it is full`(
    bytesMax: Int
  ) {
    var random = SeededGenerator(seed)
    var single = DedupeTable(key: key, bytesMax: bytesMax)
    var together = single
    var verdicts: [DedupeTable.Verdict] = []
    for size in [0, 1, 2, 256, 100_000, 256] {
      // Few pairs, so that the same one occurs several times in a batch.
      let replies = (0..<size).map { _ in randomReply(&random, addresses: 3_000, ports: 20) }
      together.insert(replies, &verdicts)
      #expect(verdicts == replies.map { single.insert($0) }, "seed \(seed)")
    }
    #expect(together.count == single.count)
    #expect(together.evictions == single.evictions)
    #expect(single.evictions > 0 || bytesMax > 8 << 10)
  }

  @Test func `contains every pair after it has grown`() {
    var table = DedupeTable(key: key)
    for number in 0..<UInt32(50_000) {
      #expect(table.insert(reply(from: IPv4Address(number))) == .new)
    }
    for number in 0..<UInt32(50_000) {
      #expect(table.insert(reply(from: IPv4Address(number))) == .duplicate)
    }
  }

  @Test func `contains the pairs added, and no others, each time it grows`() {
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
        // After each growth test a hundred pairs and the one that made the table grow.
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

@Suite(.timeLimit(.minutes(5))) struct `The memory of a dedupe table` {
  @Test func `is at most 13 bytes a pair, from 20,000 pairs to 1.7 million`() {
    var table = DedupeTable(key: key)
    var most = 0.0
    for number in 0..<UInt32(1_700_000) {
      _ = table.insert(pair(number))
      // Often enough to see every state between two growths of a segment.
      if number >= 20_000, number % 256 == 0 {
        most = max(most, Double(table.bytes) / Double(table.count))
      }
    }
    #expect(table.count == 1_700_000)
    // A segment that has just grown takes 15 bytes a pair; so would the table if all grew together.
    #expect(most < 13)
    #expect(table.bytes < 22_000_000)
  }

  @Test func `is small at first, and grows by a segment at a time`() {
    var table = DedupeTable(key: key)
    #expect(table.bytes < 160 << 10)
    var bytes = table.bytes
    for number in 0..<UInt32(100_000) {
      _ = table.insert(pair(number))
      // Half of one of 64 segments, which may be a third larger than the average.
      #expect(Double(table.bytes - bytes) < Double(bytes) / 64 / 2 * 1.35)
      bytes = table.bytes
    }
  }

  @Test(arguments: [8 << 10, 100_000, 1 << 20])
  func `stays within its bound, with the copy of the segment that grows`(bytesMax: Int) {
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

@Suite(.timeLimit(.minutes(5))) struct `A full dedupe table` {
  /// The most pairs in a table of 1 MiB: four fifths of the slots of 64 segments, with room for the copy of one.
  private static let pairsMax = (1 << 20) / 8 / 65 * 4 / 5 * 64

  @Test func `forgets nothing up to nine tenths of its capacity`() {
    var table = DedupeTable(key: key, bytesMax: 1 << 20)
    let numbers = 0..<UInt32(Self.pairsMax * 9 / 10)
    for number in numbers { _ = table.insert(pair(number)) }
    #expect(table.count == numbers.count)
    #expect(table.evictions == 0)
    #expect(numbers.allSatisfy { table.insert(pair($0)) == .duplicate })
  }

  @Test func `forgets one pair for each new one`() {
    var table = DedupeTable(key: key, bytesMax: 1 << 20)
    let numbers = 0..<UInt32(Self.pairsMax * 5 / 4)
    for number in numbers { #expect(table.insert(pair(number)) == .new) }
    #expect(table.count == Self.pairsMax)
    #expect(table.evictions == UInt64(numbers.count - Self.pairsMax))
    for number in numbers.endIndex..<numbers.endIndex + 1000 { _ = table.insert(pair(number)) }
    #expect(table.count == Self.pairsMax)
    #expect(table.evictions == UInt64(numbers.count - Self.pairsMax + 1000))
  }

  @Test func `ends every search, and counts the pairs that it forgets`() {
    var table = DedupeTable(key: key, bytesMax: 8 << 10)
    var inserted: UInt64 = 0
    for number in 0..<UInt32(100_000) where table.insert(reply(from: IPv4Address(number))) == .new {
      inserted += 1
    }
    #expect(inserted == 100_000)
    #expect(table.evictions == inserted - UInt64(table.count))
    // Replies from pairs still in the table are duplicates.
    var copy = table
    let known = (0..<UInt32(100_000)).count {
      copy = table
      return copy.insert(reply(from: IPv4Address($0))) == .duplicate
    }
    #expect(known == table.count)
  }

  @Test func `replaces the rank of a pair without forgetting another`()
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

@Suite(.timeLimit(.minutes(5))) struct `Pairs chosen to collide` {
  private func hash(_ reply: Reply, _ key: SipHashKey) -> UInt64 {
    var state = SipHash13(key: key)
    state.compress(UInt64(reply.source.value) << 16 | UInt64(reply.sourcePort.value))
    return state.finish()
  }

  @Test func `fill a segment under the key they were chosen for, and spread under any other`() {
    // All in the segment of the low six bits 5, which has 1612 of the table's 100,000 slots.
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
  func `by a pattern in their addresses spread like any others`(shift: UInt32) {
    var table = DedupeTable(key: key, bytesMax: 1 << 20)
    // Addresses that agree in their low bits; 65,536 pairs, two thirds of what the table holds.
    for number in 0..<UInt32(1 << 16) {
      _ = table.insert(reply(from: IPv4Address(number << shift)))
    }
    #expect(table.count == 1 << 16)
    #expect(table.evictions == 0)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A dedupe table that is given its slots` {
  /// Brings the growths asked for when there are `waiting`, or when a reply is not taken.
  private static func insertAll(_ count: Int, into table: inout DedupeTable, waiting: Int) -> Int {
    table.growsItself = false
    var growths: [DedupeGrowth] = []
    var verdicts: [DedupeTable.Verdict] = []
    var refusals = 0
    for first in stride(from: 0, to: count, by: 256) {
      var batch = (first..<min(count, first + 256)).map { pair(UInt32($0)) }
      while !batch.isEmpty {
        table.insert(batch, &verdicts)
        #expect(verdicts.allSatisfy { $0 == .new })
        batch.removeFirst(verdicts.count)
        while let growth = table.nextGrowth() { growths.append(growth) }
        if !batch.isEmpty { refusals += 1 }
        guard !batch.isEmpty || growths.count >= waiting else { continue }
        for var growth in growths {
          growth.allocate()
          table.grow(by: &growth)
        }
        growths = []
      }
    }
    return refusals
  }

  @Test(arguments: [1, 5, 1000])
  func `forgets nothing, whether they come soon or late`(waiting: Int) {
    var table = DedupeTable(key: key)
    let refusals = Self.insertAll(300_000, into: &table, waiting: waiting)
    #expect(table.count == 300_000)
    #expect(table.evictions == 0)
    #expect(waiting == 1000 ? refusals > 0 : waiting > 1 || refusals == 0)
    var verdicts: [DedupeTable.Verdict] = []
    table.insert((0..<300_000).map { pair(UInt32($0)) }, &verdicts)
    #expect(verdicts.count == 300_000 && verdicts.allSatisfy { $0 == .duplicate })
  }

  @Test func `takes no reply for a full segment until then, and changes nothing`() {
    var table = DedupeTable(key: key)
    table.growsItself = false
    let replies = (0..<UInt32(100_000)).map(pair)
    var verdicts: [DedupeTable.Verdict] = []
    table.insert(replies, &verdicts)
    let taken = verdicts.count
    // At least nine tenths of the smallest segment, and at most of all.
    #expect(taken > 64 * 4 * 9 / 10 && taken < 64 * 384 * 9 / 10)
    table.insert(Array(replies[taken...]), &verdicts)
    #expect(verdicts.isEmpty)
    #expect(table.count == taken)
  }

  @Test(arguments: [8 << 10, 1 << 20])
  func `stays within its bound with all growths under way, and evicts then`(bytesMax: Int) {
    var table = DedupeTable(key: key, bytesMax: bytesMax)
    table.growsItself = false
    var growths: [DedupeGrowth] = []
    var verdicts: [DedupeTable.Verdict] = []
    var most = 0
    var numbers = (0..<UInt32(bytesMax / 4))[...]
    while !numbers.isEmpty {
      table.insert(numbers.prefix(256).map(pair), &verdicts)
      numbers.removeFirst(verdicts.count)
      while var growth = table.nextGrowth() {
        growth.allocate()
        growths.append(growth)
      }
      most = max(most, table.bytes + growths.reduce(0) { $0 + $1.bytes })
      if growths.isEmpty { continue }
      table.grow(by: &growths[0])
      growths.removeFirst()
    }
    #expect(most <= bytesMax)
    #expect(table.evictions > 0)
  }
}
