// Jobs whose replies are valid at the same time: the receive program and its twin with several keys.

import Kernel
import Synchronization
import Testing
import Wire

private let replyFates: [Fate] = [.open, .closed, .icmp]
private let rejected = Finding(fate: .badCookie, slot: nil)

private func accepted(_ fate: Fate, in slot: Int) -> Finding { Finding(fate: fate, slot: UInt8(slot)) }

/// A key by the number of its slot.
private func jobKey(_ slot: Int) -> SipHashKey { SipHashKey(k0: UInt64(slot + 1), k1: ~UInt64(slot)) }

@Suite(.timeLimit(.minutes(5))) struct `A slot without a key` {
  /// All that memory may hold before a key is set, and what a slot's memory may look like between two keys.
  private static let guesses = [
    SipHashKey(k0: 0, k1: 0), SipHashKey(k0: 1, k1: 0), SipHashKey(k0: .max, k1: .max),
  ]

  @Test(arguments: [1, 64])
  func `proves nothing, neither under a key of zeros nor under another`(slots: Int) throws {
    let twins = try Twins(ReceiveProgramSettings(keys: [:], slots: slots))
    for key in Self.guesses + [referenceKey] {
      for frame in repliesToUs(key) { #expect(try twins.find(frame) == rejected, "\(key)") }
    }
    #expect(try twins.program.takeReplies().isEmpty)
  }

  @Test func `proves nothing beside slots with keys`() throws {
    let twins = try Twins(severalJobs)
    for key in Self.guesses {
      for frame in repliesToUs(key) { #expect(try twins.find(frame) == rejected, "\(key)") }
    }
  }

  @Test func `proves nothing once its key is cleared; the other slots still do`() throws {
    // Port 40,000 has hint 10.
    let twins = try Twins(ReceiveProgramSettings(keys: [10: referenceKey, 26: secondKey], slots: 64))
    func check(_ key: SipHashKey, _ slot: Int?) throws {
      for (frame, fate) in zip(repliesToUs(key, ourPort: ourPort), replyFates) {
        #expect(try twins.find(frame) == (slot.map { accepted(fate, in: $0) } ?? rejected))
      }
    }
    try check(referenceKey, 10)
    try check(secondKey, 26)
    twins.setKey(nil, slot: 10)
    try check(referenceKey, nil)
    try check(SipHashKey(k0: 0, k1: 0), nil)
    try check(secondKey, 26)
    twins.setKey(thirdKey, slot: 10)
    try check(thirdKey, 10)
    try check(referenceKey, nil)
    twins.setKey(referenceKey, slot: 42)
    try check(referenceKey, 42)
  }

  @Test func `may be set and cleared while packets arrive, and never has a key that is half another`()
    throws
  {
    let program = try ReceiveProgram(ReceiveProgramSettings(wantsResets: false, keys: [:], slots: 64))
    let changes = Changes()
    let thread = try KernelThread(name: "keys", processor: nil) {
      while !changes.haveEnded.load(ordering: .relaxed) {
        for key in [jobKey(1), nil, jobKey(2)] as [SipHashKey?] { program.setKey(key, slot: 10) }
      }
    }
    let outcome = Result { try requireWholeKeys(program) }
    changes.haveEnded.store(true, ordering: .relaxed)
    thread.join()
    try outcome.get()
  }

  private final class Changes: Sendable { let haveEnded = Atomic<Bool>(false) }

  private func requireWholeKeys(_ program: ReceiveProgram) throws {
    func run(_ key: SipHashKey, times: UInt32 = 20_000) throws {
      _ = try program.execute(repliesToUs(key, ourPort: ourPort)[0], times: times)
    }
    // The keys' words in wrong combinations, and zeros.
    let (one, other) = (jobKey(1), jobKey(2))
    let mixed = [SipHashKey(k0: one.k0, k1: other.k1), SipHashKey(k0: other.k0, k1: one.k1)]
    let partial = [(0, 0), (0, one.k1), (one.k0, 0), (0, other.k1), (other.k0, 0)]
    for key in mixed { try run(key, times: 2_000_000) }
    for (k0, k1) in partial { try run(SipHashKey(k0: k0, k1: k1)) }
    var fates = try program.fates()
    #expect(fates[.badCookie] == fates.seen && fates.seen == 4_100_000)
    // The key does change meanwhile: sometimes a reply is valid, and sometimes it is not.
    let hasChanged = try eventually {
      let before = fates
      try run(jobKey(1))
      fates = try program.fates()
      let change = fates - before
      return change[.badCookie] > 0 && change.seen > change[.badCookie]
    }
    #expect(hasChanged)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Two jobs that probe the same targets` {
  /// Ports of the two jobs' slots.
  private let ports = (first: ourPort, second: ourPort + 1)
  private func twins() throws -> Twins {
    try Twins(ReceiveProgramSettings(keys: [10: referenceKey, 11: secondKey], slots: 64))
  }

  @Test func `get each the replies to its own probes`() throws {
    let twins = try twins()
    for _ in 0..<3 {
      for (index, fate) in replyFates.enumerated() {
        let one = repliesToUs(referenceKey, ourPort: ports.first)[index]
        let other = repliesToUs(secondKey, ourPort: ports.second)[index]
        #expect(try twins.find(one) == accepted(fate, in: 10))
        #expect(try twins.find(other) == accepted(fate, in: 11))
      }
    }
  }

  @Test func `have their fates counted apart, and everything together`() throws {
    let twins = try twins()
    for _ in 0..<3 { _ = try twins.find(repliesToUs(referenceKey, ourPort: ports.first)[0]) }
    for frame in repliesToUs(secondKey, ourPort: ports.second) { _ = try twins.find(frame) }
    _ = try twins.find(repliesToUs(thirdKey, ourPort: ports.second)[0])
    var (one, other, all) = (FateCounts(), FateCounts(), FateCounts())
    one[.open] = 3
    for fate in replyFates { other[fate] = 1 }
    (all[.open], all[.closed], all[.icmp], all[.badCookie]) = (4, 1, 1, 1)
    let program = twins.program
    #expect(try program.fates(slot: 10) == one)
    #expect(try program.fates(slot: 11) == other)
    #expect(try program.fates(slot: 12) == FateCounts())
    #expect(try program.fates() == all)
    // A slot that is used again keeps its counts.
    twins.setKey(nil, slot: 10)
    twins.setKey(thirdKey, slot: 10)
    #expect(try program.fates(slot: 10) == one)
  }

  @Test func `have the fates of unreported replies counted apart, too`() throws {
    let program = try ReceiveProgram(
      ReceiveProgramSettings(
        reportClosed: false, reportICMP: false, keys: [10: referenceKey, 11: secondKey], slots: 64))
    for frame in repliesToUs(secondKey, ourPort: ports.second).dropFirst() {
      #expect(try program.run(frame).verdict == .drop)
    }
    let fates = try program.fates(slot: 11)
    #expect(fates[.closedUnreported] == 1 && fates[.icmpUnreported] == 1 && fates.seen == 2)
    #expect(try program.fates(slot: 10) == FateCounts())
  }

  @Test func `do not get replies to ports of the other's slot, whatever they acknowledge`() throws {
    let twins = try twins()
    for frame in repliesToUs(referenceKey, ourPort: ports.second)
      + repliesToUs(secondKey, ourPort: ports.first)
    {
      #expect(try twins.find(frame) == rejected)
    }
  }

  @Test func `are told apart by their keys if their slots share a hint`() throws {
    let twins = try Twins(severalJobs)
    for (key, slot) in [(secondKey, 10), (referenceKey, 26), (thirdKey, 42)] {
      for (frame, fate) in zip(repliesToUs(key, ourPort: ourPort), replyFates) {
        #expect(try twins.find(frame) == accepted(fate, in: slot))
      }
    }
  }

  @Test func `get the reply in the first of their slots if they have the same key`() throws {
    let keys = [10: referenceKey, 26: referenceKey, 42: referenceKey]
    let twins = try Twins(ReceiveProgramSettings(keys: keys, slots: 64))
    let frame = repliesToUs(referenceKey, ourPort: ourPort)[0]
    #expect(try twins.find(frame) == accepted(.open, in: 10))
    twins.setKey(nil, slot: 10)
    #expect(try twins.find(frame) == accepted(.open, in: 26))
  }
}

@Suite(.timeLimit(.minutes(5))) struct `64 jobs` {
  /// One port, fewer ports than slots, as many, and the widest range.
  private static let ranges: [ClosedRange<UInt16>] = [
    40_000...40_000, 39_990...40_010, 40_000...40_063, 1...100, 0...65_535,
  ]

  @Test(arguments: ranges)
  func `get each the replies to every port of its slot, with any range of ports`(
    ports: ClosedRange<UInt16>
  ) throws {
    let keys = Dictionary(uniqueKeysWithValues: (0..<64).map { ($0, jobKey($0)) })
    let twins = try Twins(ReceiveProgramSettings(keys: keys, ports: ports, slots: 64))
    let slots = KeySlots(64, ports: ports)
    for slot in 0..<64 {
      let own = slots.sourcePorts(of: slot)
      for number in Set([0, own.count / 2, own.count - 1]) {
        let port = own.first + UInt16(number * slots.hints)
        for (frame, fate) in zip(repliesToUs(jobKey(slot), ourPort: port), replyFates) {
          #expect(try twins.find(frame) == accepted(fate, in: slot), "port \(port)")
        }
      }
    }
    for port in Set([ports.lowerBound, ports.upperBound]) {
      for frame in repliesToUs(jobKey(64), ourPort: port) { #expect(try twins.find(frame) == rejected) }
    }
  }

  @Test(arguments: [2, 3, 30, 63])
  func `may be fewer, which need not be a power of two`(count: Int) throws {
    let keys = Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, jobKey($0)) })
    let twins = try Twins(ReceiveProgramSettings(keys: keys, slots: count))
    let slots = KeySlots(count, ports: ourPorts)
    for slot in 0..<count {
      let frame = repliesToUs(jobKey(slot), ourPort: slots.sourcePorts(of: slot).first)[0]
      #expect(try twins.find(frame) == accepted(.open, in: slot))
    }
  }

  @Test(arguments: [1, 2, 30, 64], ranges)
  func `agree about every packet of the table`(count: Int, ports: ClosedRange<UInt16>) throws {
    let keys = Dictionary(
      uniqueKeysWithValues: (0..<count).map { ($0, $0 % 3 == 1 ? referenceKey : jobKey($0)) })
    let settings = ReceiveProgramSettings(keys: keys, ports: ports, slots: count)
    let program = try ReceiveProgram(settings)
    var expected = FateCounts()
    for row in packetTable {
      _ = try program.execute(row.frame)
      let (fate, _, reply) = settings.classifier.classify(row.frame.span, time: 1)
      expected[fate] += 1
      let replies = try program.takeReplies()
      #expect(replies.map(account) == [reply].compactMap { $0 }.map(account), "\(row.name)")
    }
    #expect(try program.fates() == expected)
  }
}
