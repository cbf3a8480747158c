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
    var table = AnswerTable(key: key)
    #expect(table.insert(reply()) == .new)
    #expect(table.insert(reply()) == .duplicate)
    #expect(table.count == 1)
  }

  @Test func `differs in address or port alone is new`() {
    var table = AnswerTable(key: key)
    #expect(table.insert(reply(port: 80)) == .new)
    #expect(table.insert(reply(port: 81)) == .new)
    #expect(table.insert(reply(from: IPv4Address(198, 18, 0, 10), port: 80)) == .new)
  }

  @Test func `is zero throughout is told apart from an empty slot`() {
    var table = AnswerTable(key: key)
    let zero = reply(.icmp, from: IPv4Address(0), port: 0)
    #expect(table.insert(zero) == .new)
    #expect(table.insert(zero) == .duplicate)
  }

  @Test func `sent a lesser reply is new when it is greater, a duplicate when it is not`() {
    for (before, first) in kinds.enumerated() {
      for (after, second) in kinds.enumerated() {
        var table = AnswerTable(key: key)
        _ = table.insert(reply(first))
        #expect(
          table.insert(reply(second)) == (after > before ? .new : .duplicate), "\(first), \(second)")
        #expect(table.count == 1)
      }
    }
  }

  @Test func `sent RST, SYN-ACK, RST, SYN-ACK is reported twice`() {
    var table = AnswerTable(key: key)
    let verdicts = [Reply.Kind.closed, .open, .closed, .open].map { table.insert(reply($0)) }
    #expect(verdicts == [.new, .new, .duplicate, .duplicate])
  }
}

@Suite struct `An answer table` {
  @Test func `agrees with a dictionary over 200,000 random replies, and forgets none as it grows`() {
    var random = SeededGenerator(seed)
    var table = AnswerTable(key: key)
    var best: [UInt64: Int] = [:]
    for _ in 0..<200_000 {
      let reply = randomReply(&random, addresses: 3_000, ports: 60)
      let pair = UInt64(reply.source.value) << 16 | UInt64(reply.sourcePort.value)
      let rank = kinds.firstIndex(of: reply.kind)!
      let isNew = rank > best[pair] ?? -1
      guard table.insert(reply) == (isNew ? .new : .duplicate) else {
        Issue.record("differs at \(reply.source):\(reply.sourcePort), seed \(seed)")
        return
      }
      if isNew { best[pair] = rank }
    }
    #expect(table.count == best.count)
    #expect(table.evictions == 0)
  }

  @Test func `still knows everything after each of its growths`() {
    var table = AnswerTable(key: key)
    for number in 0..<UInt32(50_000) {
      #expect(table.insert(reply(from: IPv4Address(number))) == .new)
    }
    for number in 0..<UInt32(50_000) {
      #expect(table.insert(reply(from: IPv4Address(number))) == .duplicate)
    }
  }

  @Test func `is exact up to three quarters of its slots, and the next pair evicts one`() {
    var table = AnswerTable(key: key, bytesMax: 1024 * 8)
    for number in 0..<UInt32(768) { _ = table.insert(reply(from: IPv4Address(number))) }
    #expect(table.count == 768)
    #expect(table.evictions == 0)
    #expect(table.insert(reply(from: IPv4Address(768))) == .new)
    #expect(table.count == 768)
    #expect(table.evictions == 1)
  }

  @Test func `that is full ends every search, and counts each pair it forgets`() {
    var table = AnswerTable(key: key, bytesMax: 1024 * 8)
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

  @Test func `keeps to its bound of memory, a power of two below what it is given`() {
    // 3 KiB short of 4096 slots: 2048 slots, of which 1536 are used.
    var table = AnswerTable(key: key, bytesMax: 4096 * 8 - 3072)
    for number in 0..<UInt32(5_000) { _ = table.insert(reply(from: IPv4Address(number))) }
    #expect(table.count == 1536)
  }
}
