import TestSupport
import Testing
import Wire

private let ours = IPv4Address(198, 19, 0, 1)
private let target = IPv4Address(198, 18, 7, 8)
private let cookie = Cookie(key: referenceKey)
private let sequence = cookie.sequenceNumber(
  source: ours.value, destination: target.value, sourcePort: 40_000, destinationPort: 443)

private func classifier(closed: Bool = true, icmp: Bool = true) -> ReplyClassifier {
  ReplyClassifier(
    cookie: cookie, sources: [ours], ports: 40_000...40_009, reportClosed: closed, reportICMP: icmp)
}

private func packet(_ number: IPProtocol, _ payload: [UInt8], from source: IPv4Address = target)
  -> [UInt8]
{
  [UInt8](repeating: 2, count: 12) + [8, 0]
    + IPv4Header(
      totalLength: UInt16(20 + payload.count), timeToLive: 57, protocolNumber: number, source: source,
      destination: ours
    ).bytes + payload
}

private func segment(_ flags: TCPFlags, acknowledging: UInt32, options: [UInt8] = []) -> [UInt8] {
  packet(
    .tcp,
    TCPHeader(
      sourcePort: Port(443), destinationPort: Port(40_000), sequenceNumber: 9,
      acknowledgmentNumber: acknowledging, flags: flags, window: 512, options: options
    ).bytes(source: target, destination: ours))
}

private let identification = UInt16(
  truncatingIfNeeded: cookie.hash(
    source: ours.value, destination: target.value, sourcePort: 40_000, destinationPort: 443) >> 32)

/// An ICMP error that quotes a probe with `bytes` of its TCP header.
private func failure(
  _ type: UInt8, bytes: Int = 8, sequence: UInt32 = sequence, identification: UInt16 = identification
) -> [UInt8] {
  let tcp = TCPHeader(
    sourcePort: Port(40_000), destinationPort: Port(443), sequenceNumber: sequence, flags: .syn,
    window: 512)
  var ip = IPv4Header(
    totalLength: 40, timeToLive: 1, protocolNumber: .tcp, source: ours, destination: target)
  ip.identification = identification
  var message =
    [type, 1, 0, 0, 0, 0, 0, 0] + ip.bytes
    + tcp.bytes(source: ours, destination: target).prefix(bytes)
  var checksum = InternetChecksum()
  checksum.add(message)
  message.replaceSubrange(2..<4, with: [UInt8(checksum.value >> 8), UInt8(checksum.value & 0xff)])
  return packet(.icmp, message, from: IPv4Address(198, 18, 255, 254))
}

private let table: [(name: String, frame: [UInt8], fate: Fate)] = [
  ("a SYN-ACK", segment([.syn, .ack], acknowledging: sequence &+ 1), .open),
  ("a SYN-ACK of the cookie", segment([.syn, .ack], acknowledging: sequence), .badCookie),
  ("an RST of the cookie", segment([.rst, .ack], acknowledging: sequence), .closed),
  ("an RST of cookie + 1", segment([.rst, .ack], acknowledging: sequence &+ 1), .closed),
  ("an RST of cookie + 2", segment([.rst, .ack], acknowledging: sequence &+ 2), .badCookie),
  ("a bare RST", segment([.rst], acknowledging: sequence &+ 1), .notReply),
  ("an ICMP error", failure(3), .icmp),
  ("an ICMP error that is too short", failure(3, bytes: 7), .malformed),
  (
    "an ICMP error that quotes another sequence number", failure(11, sequence: sequence ^ 1), .badCookie
  ),
  (
    "an ICMP error that quotes another identification", failure(3, identification: identification ^ 1),
    .badIdentification
  ),
  ("an echo request", failure(8), .otherProtocol),
  ("nothing", [], .malformed),
  ("half an Ethernet header", [2, 0, 0, 0, 0, 1, 2], .malformed),
]

@Suite(.timeLimit(.minutes(5))) struct `The classifier` {
  @Test(arguments: table.indices)
  func `returns the fate of each frame, and the reply if it is valid`(index: Int) {
    let (name, frame, expected) = table[index]
    let (fate, _, reply) = classifier().classify(frame.span, time: 5)
    #expect(fate == expected, "\(name)")
    switch expected {
    case .open, .closed, .icmp:
      #expect(reply?.source == target && reply?.destination == ours, "\(name)")
      #expect(reply?.sourcePort == Port(443) && reply?.destinationPort == Port(40_000))
      #expect(reply?.time == 5)
    default: if reply != nil { Issue.record("\(name) has a reply") }
    }
  }

  @Test func `does not report RSTs and ICMP errors unless configured to`() {
    let silent = classifier(closed: false, icmp: false)
    let reset = silent.classify(segment([.rst, .ack], acknowledging: sequence).span, time: 0)
    let error = silent.classify(failure(3).span, time: 0)
    #expect(reset.fate == .closedUnreported && error.fate == .icmpUnreported)
    if reset.reply != nil || error.reply != nil { Issue.record("a reply was reported") }
  }

  @Test func `accepts nothing before it has a key, and nothing of a job whose key is cleared`() {
    let port = 40_000 as UInt16
    var several = ReplyClassifier(
      sources: [ours], slots: KeySlots(64, ports: port...port), reportClosed: true, reportICMP: true)
    let frame = segment([.syn, .ack], acknowledging: sequence &+ 1)
    func slot() -> UInt8? { several.classify(frame.span, time: 0).slot }
    #expect(slot() == nil)
    several.setKey(SipHashKey(k0: 1, k1: 2), slot: 3)
    #expect(slot() == nil)
    several.setKey(referenceKey, slot: 63)
    #expect(slot() == 63)
    several.setKey(referenceKey, slot: 5)
    #expect(slot() == 5)
    several.setKey(nil, slot: 5)
    #expect(slot() == 63)
    several.setKey(nil, slot: 63)
    #expect(slot() == nil)
  }

  @Test func `names the job of a valid reply that is not reported`() {
    var several = ReplyClassifier(
      sources: [ours], slots: KeySlots(2, ports: 40_000...40_001), reportClosed: false,
      reportICMP: false)
    several.setKey(referenceKey, slot: 0)
    for frame in [segment([.rst, .ack], acknowledging: sequence), failure(3)] {
      #expect(several.classify(frame.span, time: 0).slot == 0)
    }
    several.setKey(nil, slot: 0)
    several.setKey(referenceKey, slot: 1)
    for frame in [segment([.rst, .ack], acknowledging: sequence), failure(3)] {
      #expect(several.classify(frame.span, time: 0).fate == .badCookie)
    }
  }

  @Test func `does not trap on truncated frames`() {
    for frame in table.map(\.frame) {
      for length in 0...frame.count {
        _ = classifier().classify(Array(frame.prefix(length)).span, time: 0)
      }
    }
  }

  @Test func `reports no corrupted frame whose cookie is wrong`() {
    var random = SeededGenerator(20_261_122)
    let classifier = classifier()
    var replies = 0
    for _ in 0..<100_000 {
      var frame = table.randomElement(using: &random)!.frame
      for _ in 0..<Int.random(in: 0...3, using: &random) where !frame.isEmpty {
        frame[Int.random(in: 0..<frame.count, using: &random)] = random.next()
      }
      frame.removeLast(Int.random(in: 0...min(frame.count, 3), using: &random))
      guard let reply = classifier.classify(frame.span, time: 0).reply else { continue }
      replies += 1
      let expected = cookie.sequenceNumber(
        source: reply.destination.value, destination: reply.source.value,
        sourcePort: reply.destinationPort.value, destinationPort: reply.sourcePort.value)
      switch reply.kind {
      case .open: #expect(reply.acknowledgmentNumber == expected &+ 1)
      case .closed: #expect(reply.acknowledgmentNumber &- expected <= 1)
      case .icmp:
        let quoted = frame.span.word32(at: frame.count > 66 ? 66 : frame.count - 4)
        #expect(quoted == expected || frame[34 + 8] != 0x45)
      }
    }
    #expect(replies > 1_000)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Counts of fates` {
  /// A different power of two for each fate, so that a sum shows its parts.
  private var counts: FateCounts {
    var counts = FateCounts()
    for fate in Fate.allCases { counts[fate] = 1 << UInt64(fate.rawValue) }
    counts.withheld = 1 << 21
    return counts
  }

  private func sum(_ fates: Fate...) -> UInt64 { fates.reduce(0) { $0 + counts[$1] } }

  @Test func `add up to the packets seen, without the packets withheld`() {
    #expect(counts.seen == (1 << 18) - 1)
    #expect(counts.withheld == 1 << 21)
  }

  @Test func `do not count a SYN-ACK that found the ring full as valid, because it is retransmitted`() {
    #expect(counts.open == sum(.open))
    #expect(counts.closed == sum(.closed, .closedUnreported, .closedRingFull))
    #expect(counts.icmp == sum(.icmp, .icmpUnreported, .icmpRingFull))
    #expect(counts.valid == counts.open + counts.closed + counts.icmp)
    #expect(counts.eventsLost == sum(.openRingFull, .closedRingFull, .icmpRingFull))
  }

  @Test func `are subtracted fate by fate`() {
    var later = counts
    later[.open] += 5
    later.withheld += 7
    let difference = later - counts
    #expect(difference[.open] == 5 && difference.withheld == 7 && difference.seen == 5)
  }
}
