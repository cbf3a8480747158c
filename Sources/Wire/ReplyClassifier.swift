// The receive program in Swift, for NICs that cannot run an XDP program: the same checks in the same order as
// bpf/receive.bpf.c, on a captured frame.

/// Determines the fate of a captured frame. Checks lengths before it reads any field.
public struct ReplyClassifier: Sendable {
  /// The most bytes of an IPv4 packet that may be a reply (`SYNBOX_LONGEST_REPLY` in bpf/synbox.h).
  public static let longestReply = 1500

  /// The scan's source addresses.
  public let sources: Set<IPv4Address>
  /// The slots, and the scan's source ports.
  public let slots: KeySlots
  public let reportClosed: Bool
  public let reportICMP: Bool
  /// By slot; nil where no reply is valid.
  private var cookies: [Cookie?]

  /// Makes a classifier without keys, under which no reply is valid.
  public init(
    sources: Set<IPv4Address>, slots: KeySlots, reportClosed: Bool, reportICMP: Bool
  ) {
    self.sources = sources
    self.slots = slots
    self.reportClosed = reportClosed
    self.reportICMP = reportICMP
    cookies = [Cookie?](repeating: nil, count: slots.count)
  }

  /// Makes a classifier of a single slot with its key.
  public init(
    cookie: Cookie, sources: Set<IPv4Address>, ports: ClosedRange<UInt16>, reportClosed: Bool,
    reportICMP: Bool
  ) {
    self.init(
      sources: sources, slots: KeySlots(1, ports: ports), reportClosed: reportClosed,
      reportICMP: reportICMP)
    setKey(cookie.key, slot: 0)
  }

  /// Sets the key of a slot; under nil no reply is valid.
  public mutating func setKey(_ key: SipHashKey?, slot: Int) {
    cookies[slot] = key.map { Cookie(key: $0) }
  }

  /// Returns the slot that `number` proves: it is the sequence number of the probe, whose four-tuple is given in host
  /// order, under the slot's key, or at most `slack` more. Also returns the probe's IPv4 identification. nil if there is
  /// none.
  private func slot(
    proving number: UInt32, slack: UInt32, source: IPv4Address, destination: IPv4Address,
    sourcePort: Port,
    destinationPort: Port
  ) -> (slot: UInt8, identification: UInt16)? {
    for slot in slots.slots(for: sourcePort.value) {
      guard let cookie = cookies[slot] else { continue }
      let hash = cookie.hash(
        source: source.value, destination: destination.value, sourcePort: sourcePort.value,
        destinationPort: destinationPort.value)
      guard number &- UInt32(truncatingIfNeeded: hash) <= slack else { continue }
      return (UInt8(slot), UInt16(truncatingIfNeeded: hash >> 32))
    }
    return nil
  }

  /// Returns the frame's fate, the slot that a valid reply proves, and the reply if it must be reported.
  ///
  /// - Parameters:
  ///   - frame: the frame as received, from the Ethernet header on.
  ///   - time: the time of receipt for the reply: CLOCK_MONOTONIC, nanoseconds.
  ///   - partialChecksum: whether to accept a checksum field that holds only the pseudo-header's sum. A local TCP leaves
  ///     it to the NIC to complete it (the kernel's `CHECKSUM_PARTIAL`), and a virtual NIC does not.
  public func classify(_ frame: Span<UInt8>, time: UInt64, partialChecksum: Bool = false) -> (
    fate: Fate, slot: UInt8?, reply: Reply?
  ) {
    let (found, fate) = Self.packet(in: frame)
    guard let ip = found else { return (fate, nil, nil) }
    guard sources.contains(ip.destination) else { return (.notOurs, nil, nil) }
    guard !ip.isFragment else { return (.fragment, nil, nil) }
    switch ip.protocolNumber {
    case .tcp: return classifyTCP(frame, ip, time, partialChecksum)
    case .icmp: return classifyICMP(frame, ip, time)
    default: return (.otherProtocol, nil, nil)
    }
  }

  /// Returns the whole IPv4 packet behind at most two VLAN tags; `fate` is that of a frame without one.
  private static func packet(in frame: Span<UInt8>) -> (packet: IPv4View?, fate: Fate) {
    guard frame.count >= FrameLayout.ipv4 else { return (nil, .malformed) }
    var etherType = EtherType(rawValue: frame.word16(at: FrameLayout.etherType))
    var offset = FrameLayout.ipv4
    for _ in 0..<2 where etherType == .vlan || etherType == .serviceVLAN {
      guard frame.count >= offset + 4 else { return (nil, .malformed) }
      etherType = EtherType(rawValue: frame.word16(at: offset + 2))
      offset += 4
    }
    guard etherType == .ipv4 else { return (nil, .notIPv4) }
    guard let ip = IPv4View(frame, at: offset), ip.end <= frame.count else { return (nil, .malformed) }
    return (ip, .malformed)
  }

  /// Returns where a whole IPv4 packet goes; nil if the frame holds none.
  public static func destination(of frame: Span<UInt8>) -> IPv4Address? {
    packet(in: frame).packet?.destination
  }

  private func classifyTCP(
    _ frame: Span<UInt8>, _ ip: IPv4View, _ time: UInt64, _ partialChecksum: Bool
  ) -> (Fate, UInt8?, Reply?) {
    let at = ip.payload
    guard ip.end >= at + 20, frame[at + 12] >> 4 >= 5 else { return (.malformed, nil, nil) }
    let header = Int(frame[at + 12] >> 4) * 4
    guard ip.end >= at + header else { return (.malformed, nil, nil) }
    let destinationPort = Port(frame.word16(at: at + 2))
    guard slots.ports.contains(destinationPort.value) else { return (.otherPort, nil, nil) }
    // No TCP replies with both SYN and RST, or with FIN beside either. Other bits do not matter.
    let flags = TCPFlags(rawValue: frame[at + 13])
    let kind: Reply.Kind
    switch flags.intersection([.fin, .syn, .rst, .ack]) {
    case [.syn, .ack]: kind = .open
    case [.rst, .ack]: kind = .closed
    default: return (.notReply, nil, nil)
    }
    let sourcePort = Port(frame.word16(at: at))
    // Some stacks do not count the SYN when they acknowledge it with an RST, so both numbers are valid.
    let acknowledged = frame.word32(at: at + 8)
    let slot = slot(
      proving: kind == .open ? acknowledged &- 1 : acknowledged, slack: kind == .open ? 0 : 1,
      source: ip.destination, destination: ip.source, sourcePort: destinationPort,
      destinationPort: sourcePort)?.slot
    guard let slot else { return (.badCookie, nil, nil) }
    guard ip.length <= Self.longestReply else { return (.malformed, nil, nil) }
    guard ip.checksumHolds(in: frame), tcpChecksumHolds(frame, ip, partial: partialChecksum) else {
      return (.badChecksum, nil, nil)
    }
    guard kind == .open || reportClosed else { return (.closedUnreported, slot, nil) }
    var reply = Reply(
      kind: kind, time: time, source: ip.source, sourcePort: sourcePort,
      destination: ip.destination, destinationPort: destinationPort,
      identification: ip.identification, timeToLive: ip.timeToLive)
    reply.slot = slot
    reply.sequenceNumber = frame.word32(at: at + 4)
    reply.acknowledgmentNumber = frame.word32(at: at + 8)
    reply.window = frame.word16(at: at + 14)
    reply.flags = flags
    reply.optionsLength = UInt8(header - 20)
    for index in 0..<header - 20 { reply.options[index] = frame[at + 20 + index] }
    return (kind == .open ? .open : .closed, slot, reply)
  }

  /// Returns whether the TCP checksum is correct (RFC 9293, section 3.1), or partial where that is accepted.
  private func tcpChecksumHolds(_ frame: Span<UInt8>, _ ip: IPv4View, partial: Bool) -> Bool {
    var pseudoHeader = InternetChecksum.tcpPseudoHeader(length: ip.end - ip.payload)
    pseudoHeader.add(ip.source.value)
    pseudoHeader.add(ip.destination.value)
    var complete = pseudoHeader
    complete.add(frame, ip.payload..<ip.end)
    return complete.folded == 0xffff
      || partial && frame.word16(at: ip.payload + 16) == pseudoHeader.folded
  }

  private func classifyICMP(_ frame: Span<UInt8>, _ ip: IPv4View, _ time: UInt64) -> (
    Fate, UInt8?, Reply?
  ) {
    let at = ip.payload
    guard ip.end >= at + 8 else { return (.malformed, nil, nil) }
    let type = frame[at]
    // Destination unreachable, source quench, time exceeded, parameter problem (RFC 792).
    guard [3, 4, 11, 12].contains(type) else { return (.otherProtocol, nil, nil) }
    // The quoted total length is the probe's, but the error may quote only part of the probe.
    guard let quoted = IPv4View(frame, at: at + 8), quoted.payload <= ip.end else {
      return (.malformed, nil, nil)
    }
    guard quoted.protocolNumber == .tcp else { return (.otherProtocol, nil, nil) }
    // Every error quotes these eight bytes: both ports and the sequence number.
    let probe = quoted.payload
    guard ip.end >= probe + 8 else { return (.malformed, nil, nil) }
    let sourcePort = Port(frame.word16(at: probe))
    let destinationPort = Port(frame.word16(at: probe + 2))
    guard slots.ports.contains(sourcePort.value) else { return (.otherPort, nil, nil) }
    let proof = slot(
      proving: frame.word32(at: probe + 4), slack: 0, source: quoted.source,
      destination: quoted.destination, sourcePort: sourcePort, destinationPort: destinationPort)
    guard let (slot, identification) = proof else { return (.badCookie, nil, nil) }
    guard quoted.identification == identification else { return (.badIdentification, nil, nil) }
    guard ip.length <= Self.longestReply else { return (.malformed, nil, nil) }
    var checksum = InternetChecksum()
    checksum.add(frame, at..<ip.end)
    guard ip.checksumHolds(in: frame), checksum.folded == 0xffff else {
      return (.badChecksum, nil, nil)
    }
    guard reportICMP else { return (.icmpUnreported, slot, nil) }
    var reply = Reply(
      kind: .icmp, time: time, source: quoted.destination, sourcePort: destinationPort,
      destination: quoted.source, destinationPort: sourcePort, identification: ip.identification,
      timeToLive: ip.timeToLive)
    reply.slot = slot
    reply.icmpType = type
    reply.icmpCode = frame[at + 1]
    reply.icmpResponder = ip.source
    return (.icmp, slot, reply)
  }
}

/// An IPv4 header in a frame (RFC 791), with its lengths checked.
private struct IPv4View {
  let source: IPv4Address
  let destination: IPv4Address
  let protocolNumber: IPProtocol
  let identification: UInt16
  let timeToLive: UInt8
  let isFragment: Bool
  /// The total length field: bytes of header and payload.
  let length: Int
  /// The offset of the header.
  let start: Int
  /// The offset of the payload.
  let payload: Int
  /// The offset one past the payload by the total length field. It may lie outside the frame.
  var end: Int { start + length }

  init?(_ frame: Span<UInt8>, at offset: Int) {
    guard frame.count >= offset + 20, frame[offset] >> 4 == 4 else { return nil }
    let header = Int(frame[offset] & 15) * 4
    length = Int(frame.word16(at: offset + 2))
    guard header >= 20, frame.count >= offset + header, length >= header else { return nil }
    source = IPv4Address(frame.word32(at: offset + 12))
    destination = IPv4Address(frame.word32(at: offset + 16))
    protocolNumber = IPProtocol(rawValue: frame[offset + 9])
    identification = frame.word16(at: offset + 4)
    timeToLive = frame[offset + 8]
    isFragment = frame.word16(at: offset + 6) & 0x3fff != 0
    start = offset
    payload = offset + header
  }

  func checksumHolds(in frame: Span<UInt8>) -> Bool {
    var checksum = InternetChecksum()
    checksum.add(frame, start..<payload)
    return checksum.folded == 0xffff
  }
}
