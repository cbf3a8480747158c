// Frames from packet capture.
import Wire

private let key = SipHashKey(k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)
private let anotherKey = SipHashKey(k0: 0x1716_1514_1312_1110, k1: 0x1f1e_1d1c_1b1a_1918)
private let ports: ClosedRange<UInt16> = 39_990...40_010
private let ours = IPv4Address(198, 18, 0, 1)

private func classifier(_ key: SipHashKey, all: Bool = true) -> ReplyClassifier {
  ReplyClassifier(
    cookie: Cookie(key: key), sources: [ours], ports: ports, reportClosed: all, reportICMP: all)
}

/// Four slots for each of 16 hints: one without a key, one with each key, and another without.
private let severalJobs: ReplyClassifier = {
  var jobs = ReplyClassifier(
    sources: [ours], slots: KeySlots(KeySlots.most, ports: ports), reportClosed: true, reportICMP: true)
  for hint in 0..<16 {
    jobs.setKey(key, slot: 16 + hint)
    jobs.setKey(anotherKey, slot: 32 + hint)
  }
  return jobs
}()

extension Fate {
  /// Whether the cookie is valid.
  fileprivate var isValid: Bool {
    rawValue >= Fate.open.rawValue || self == .badChecksum || self == .badIdentification
  }
}

extension FuzzTarget {
  /// No packet is valid without a cookie: one that is valid under one key is not under another, and a TCP reply
  /// acknowledges the hash of its addresses and ports. Settings change only whether a reply is reported. Beside other
  /// jobs a packet has the same fate, in the slot of the key that it proves.
  static let packets = FuzzTarget("packets", maximumLength: 1514) { bytes in
    var frame = bytes
    // The classifier ignores the destination MAC address. Its first bit requests a valid cookie, without which every
    // change of an address or port would fail there. The second keeps the checksums; the third makes a TCP reply
    // acknowledge the sequence number itself.
    if let first = frame.first, first & 1 == 1 {
      forge(&frame, ahead: first & 4 == 0 ? 1 : 0)
      if first & 2 == 0 { complete(&frame) }
    }
    let (fate, _, reply) = classifier(key).classify(frame.span, time: 7)
    try require((reply != nil) == [.open, .closed, .icmp].contains(fate), "\(fate), a reply or none")
    // libFuzzer sees comparisons, so it finds cookies of either key, but none is valid under both.
    let (foreign, _, foreignReply) = classifier(anotherKey).classify(frame.span, time: 7)
    try require(!fate.isValid || !foreign.isValid, "\(fate), and \(foreign) under another key")
    let (one, other) = (fate.isValid ? .badCookie : fate, foreign.isValid ? .badCookie : foreign)
    try require(one == other, "\(fate), but \(foreign) under another key")
    let silent = classifier(key, all: false).classify(frame.span, time: 7).fate
    switch fate {
    case .closed: try require(silent == .closedUnreported, "\(silent)")
    case .icmp: try require(silent == .icmpUnreported, "\(silent)")
    default: try require(silent == fate, "\(silent) for \(fate)")
    }
    if let reply { try check(reply, of: fate, in: frame) }
    let several = severalJobs.classify(frame.span, time: 7)
    let expected = foreign.isValid ? foreign : fate
    try require(several.fate == expected, "\(several.fate) among several jobs, not \(expected)")
    try require((several.slot == nil) == (several.reply == nil), "\(several.fate), a slot or none")
    guard let slot = several.slot, let port = (reply ?? foreignReply)?.destinationPort else { return }
    let hint = severalJobs.slots.hint(of: port.value)
    try require(Int(slot) == (foreign.isValid ? 32 : 16) + hint, "slot \(slot) for hint \(hint)")
    try require(several.reply?.slot == slot, "not the reply's slot")
  }

  private static func check(_ reply: Reply, of fate: Fate, in frame: [UInt8]) throws {
    let kinds: [Fate: Reply.Kind] = [.open: .open, .closed: .closed, .icmp: .icmp]
    try require(kinds[fate] == reply.kind, "\(reply.kind) for \(fate)")
    try require(ports.contains(reply.destinationPort.value), "\(reply.destinationPort)")
    try require(reply.time == 7 && !reply.needsRST, "not from the frame")
    try require(
      reply.optionsLength <= 40 && reply.optionsLength % 4 == 0
        && Int(reply.optionsLength) + 54 <= frame.count,
      "\(reply.optionsLength) bytes of options")
    guard reply.kind != .icmp else { return }
    try require(reply.destination == ours, "to \(reply.destination)")
    let sequence = Cookie(key: key).sequenceNumber(
      source: reply.destination.value, destination: reply.source.value,
      sourcePort: reply.destinationPort.value, destinationPort: reply.sourcePort.value)
    let ahead = reply.acknowledgmentNumber &- sequence
    try require(reply.kind == .open ? ahead == 1 : ahead <= 1, "\(ahead) bytes ahead")
  }

  /// Writes the cookie into a frame without VLAN tags, if it has room.
  private static func forge(_ frame: inout [UInt8], ahead: UInt32) {
    guard frame.count > 23 else { return }
    let ip = 14 + (frame[23] == 1 ? 28 + Int(frame[14] & 15) * 4 - 20 : 0)
    guard frame.count > ip else { return }
    let payload = ip + Int(frame[ip] & 15) * 4
    let isProbe = ip > 14
    let place = payload + (isProbe ? 4 : 8)
    guard frame.count >= place + 4, frame.count >= ip + 20 else { return }
    let original = frame
    let span = original.span
    let (from, to) = (span.word32(at: ip + 12), span.word32(at: ip + 16))
    let (fromPort, toPort) = (span.word16(at: payload), span.word16(at: payload + 2))
    let cookie = Cookie(key: key)
    let number =
      isProbe
      ? cookie.sequenceNumber(
        source: from, destination: to, sourcePort: fromPort, destinationPort: toPort)
      : cookie.sequenceNumber(
        source: to, destination: from, sourcePort: toPort, destinationPort: fromPort) &+ ahead
    for index in 0..<4 {
      frame[place + index] = UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * index))
    }
    guard isProbe else { return }
    let hash = cookie.hash(
      source: from, destination: to, sourcePort: fromPort, destinationPort: toPort)
    frame[ip + 4] = UInt8(truncatingIfNeeded: hash >> 40)
    frame[ip + 5] = UInt8(truncatingIfNeeded: hash >> 32)
  }

  /// Writes correct checksums into a frame without VLAN tags whose lengths are plausible.
  private static func complete(_ frame: inout [UInt8]) {
    guard frame.count >= 34 else { return }
    let total = Int(frame[16]) << 8 | Int(frame[17])
    let (header, end) = (Int(frame[14] & 15) * 4, 14 + total)
    guard header >= 20, total >= header, end <= frame.count else { return }
    write(InternetChecksum(), over: 14..<14 + header, at: 24, into: &frame)
    let payload = 14 + header
    if frame[23] == 1, end >= payload + 4 {
      write(InternetChecksum(), over: payload..<end, at: payload + 2, into: &frame)
    } else if end >= payload + 20 {
      var sum = InternetChecksum.tcpPseudoHeader(length: end - payload)
      sum.add(frame[26..<34])
      write(sum, over: payload..<end, at: payload + 16, into: &frame)
    }
  }

  private static func write(
    _ start: InternetChecksum, over range: Range<Int>, at place: Int, into frame: inout [UInt8]
  ) {
    frame[place] = 0
    frame[place + 1] = 0
    var sum = start
    sum.add(frame[range])
    frame[place] = UInt8(sum.value >> 8)
    frame[place + 1] = UInt8(truncatingIfNeeded: sum.value)
  }
}
