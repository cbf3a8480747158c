// The receive program once more in Swift, for NICs on which no XDP program can run: the same questions in
// the same order as bpf/receive.bpf.c, on a captured frame.

/// Decides what a captured frame is. Nothing in a frame is believed before its length is checked.
public struct ReplyClassifier: Sendable {
  /// Bytes of an IPv4 packet that may be a reply (SYNBOX_LONGEST_REPLY in bpf/synbox.h).
  public static let longestReply = 1500

  public var cookie: Cookie
  public let sources: Set<IPv4Address>
  public let ports: ClosedRange<UInt16>
  public let reportClosed: Bool
  public let reportICMP: Bool

  public init(
    cookie: Cookie, sources: Set<IPv4Address>, ports: ClosedRange<UInt16>, reportClosed: Bool,
    reportICMP: Bool
  ) {
    self.cookie = cookie
    self.sources = sources
    self.ports = ports
    self.reportClosed = reportClosed
    self.reportICMP = reportICMP
  }

  /// The frame's fate, and the reply where it is to be reported.
  ///
  /// - Parameters:
  ///   - frame: all of it as received, from the Ethernet header on.
  ///   - time: CLOCK_MONOTONIC at receipt, nanoseconds; goes into the reply.
  ///   - partialChecksum: a local TCP may have left the TCP checksum to an adapter that there is not. Then
  ///     the field may hold the pseudo-header's sum alone.
  public func classify(_ frame: Span<UInt8>, time: UInt64, partialChecksum: Bool = false) -> (
    fate: Fate, reply: Reply?
  ) {
    guard frame.count >= FrameLayout.ipv4 else { return (.malformed, nil) }
    var etherType = EtherType(rawValue: frame.word16(at: FrameLayout.etherType))
    var offset = FrameLayout.ipv4
    for _ in 0..<2 where etherType == .vlan || etherType == .serviceVLAN {
      guard frame.count >= offset + 4 else { return (.malformed, nil) }
      etherType = EtherType(rawValue: frame.word16(at: offset + 2))
      offset += 4
    }
    guard etherType == .ipv4 else { return (.notIPv4, nil) }
    guard let ip = IPv4View(frame, at: offset), ip.end <= frame.count else { return (.malformed, nil) }
    guard sources.contains(ip.destination) else { return (.notOurs, nil) }
    guard !ip.isFragment else { return (.fragment, nil) }
    switch ip.protocolNumber {
    case .tcp: return classifyTCP(frame, ip, time, partialChecksum)
    case .icmp: return classifyICMP(frame, ip, time)
    default: return (.otherProtocol, nil)
    }
  }

  private func classifyTCP(
    _ frame: Span<UInt8>, _ ip: IPv4View, _ time: UInt64, _ partialChecksum: Bool
  ) -> (Fate, Reply?) {
    let at = ip.payload
    guard ip.end >= at + 20, frame[at + 12] >> 4 >= 5 else { return (.malformed, nil) }
    let header = Int(frame[at + 12] >> 4) * 4
    guard ip.end >= at + header else { return (.malformed, nil) }
    let destinationPort = Port(frame.word16(at: at + 2))
    guard ports.contains(destinationPort.value) else { return (.otherPort, nil) }
    // FIN beside SYN or RST, or both of these: no TCP answers so. Other bits say nothing about the port.
    let flags = TCPFlags(rawValue: frame[at + 13])
    let kind: Reply.Kind
    switch flags.intersection([.fin, .syn, .rst, .ack]) {
    case [.syn, .ack]: kind = .open
    case [.rst, .ack]: kind = .closed
    default: return (.notReply, nil)
    }
    let sourcePort = Port(frame.word16(at: at))
    let expected = cookie.sequenceNumber(
      source: ip.destination.value, destination: ip.source.value,
      sourcePort: destinationPort.value, destinationPort: sourcePort.value)
    // Some stacks acknowledge the SYN in their RST, some do not: seq and seq + 1 both prove it.
    let ahead = frame.word32(at: at + 8) &- expected
    guard ahead == 1 || kind == .closed && ahead == 0 else { return (.badCookie, nil) }
    guard ip.length <= Self.longestReply else { return (.malformed, nil) }
    guard ip.checksumHolds(in: frame), tcpChecksumHolds(frame, ip, partial: partialChecksum) else {
      return (.badChecksum, nil)
    }
    guard kind == .open || reportClosed else { return (.closedUnreported, nil) }
    var reply = Reply(
      kind: kind, time: time, source: ip.source, sourcePort: sourcePort,
      destination: ip.destination, destinationPort: destinationPort,
      identification: ip.identification, timeToLive: ip.timeToLive)
    reply.sequenceNumber = frame.word32(at: at + 4)
    reply.acknowledgmentNumber = frame.word32(at: at + 8)
    reply.window = frame.word16(at: at + 14)
    reply.flags = flags
    reply.optionsLength = UInt8(header - 20)
    for index in 0..<header - 20 { reply.options[index] = frame[at + 20 + index] }
    return (kind == .open ? .open : .closed, reply)
  }

  /// RFC 9293, section 3.1; or the form that Linux calls CHECKSUM_PARTIAL.
  private func tcpChecksumHolds(_ frame: Span<UInt8>, _ ip: IPv4View, partial: Bool) -> Bool {
    var pseudoHeader = InternetChecksum.tcpPseudoHeader(length: ip.end - ip.payload)
    pseudoHeader.add(ip.source.value)
    pseudoHeader.add(ip.destination.value)
    var whole = pseudoHeader
    whole.add(frame, ip.payload..<ip.end)
    return whole.folded == 0xffff
      || partial && frame.word16(at: ip.payload + 16) == pseudoHeader.folded
  }

  private func classifyICMP(_ frame: Span<UInt8>, _ ip: IPv4View, _ time: UInt64) -> (Fate, Reply?) {
    let at = ip.payload
    guard ip.end >= at + 8 else { return (.malformed, nil) }
    let type = frame[at]
    // Destination unreachable, source quench, time exceeded, parameter problem (RFC 792).
    guard [3, 4, 11, 12].contains(type) else { return (.otherProtocol, nil) }
    // Its total length is the probe's, most of which may have been left out.
    guard let quoted = IPv4View(frame, at: at + 8), quoted.payload <= ip.end else {
      return (.malformed, nil)
    }
    guard quoted.protocolNumber == .tcp else { return (.otherProtocol, nil) }
    // Both ports and the sequence number: the eight bytes that every error quotes.
    let probe = quoted.payload
    guard ip.end >= probe + 8 else { return (.malformed, nil) }
    let ours = Port(frame.word16(at: probe))
    let theirs = Port(frame.word16(at: probe + 2))
    guard ports.contains(ours.value) else { return (.otherPort, nil) }
    let expected = cookie.sequenceNumber(
      source: quoted.source.value, destination: quoted.destination.value,
      sourcePort: ours.value, destinationPort: theirs.value)
    guard frame.word32(at: probe + 4) == expected else { return (.badCookie, nil) }
    guard ip.length <= Self.longestReply else { return (.malformed, nil) }
    var checksum = InternetChecksum()
    checksum.add(frame, at..<ip.end)
    guard ip.checksumHolds(in: frame), checksum.folded == 0xffff else { return (.badChecksum, nil) }
    guard reportICMP else { return (.icmpUnreported, nil) }
    var reply = Reply(
      kind: .icmp, time: time, source: quoted.destination, sourcePort: theirs,
      destination: quoted.source, destinationPort: ours, identification: ip.identification,
      timeToLive: ip.timeToLive)
    reply.icmpType = type
    reply.icmpCode = frame[at + 1]
    reply.icmpResponder = ip.source
    return (.icmp, reply)
  }
}

/// An IPv4 header found in a frame, its lengths checked (RFC 791).
private struct IPv4View {
  let source: IPv4Address
  let destination: IPv4Address
  let protocolNumber: IPProtocol
  let identification: UInt16
  let timeToLive: UInt8
  let isFragment: Bool
  /// The total length: bytes of header and payload.
  let length: Int
  /// Offset of the header.
  let start: Int
  /// Offset of what it carries.
  let payload: Int
  /// Offset behind that by the total length, which may lie outside the frame.
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
