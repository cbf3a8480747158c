// Turns transmit entries into frames. One template per source address holds everything that does not
// change, its checksums summed in advance; a probe is that template with a few fields stamped.

/// The part of a SYN that one source address fixes.
public struct ProbeTemplate: Sendable {
  /// The complete frame with every changing field zero, padded to the minimum length.
  public let frame: [UInt8]
  public let source: IPv4Address
  /// Over the IPv4 header with identification and destination zero.
  @usableFromInline let ipv4Sum: InternetChecksum
  /// Over pseudo-header, header and options with ports, sequence number and destination zero.
  @usableFromInline let tcpSum: InternetChecksum

  public init(profile: ProbeProfile, source: IPv4Address, sourceMAC: MACAddress) {
    let zero = IPv4Address(0)
    let tcp = TCPHeader(
      sourcePort: Port(0), destinationPort: Port(0), sequenceNumber: 0, flags: .syn,
      window: profile.window, options: profile.options)
    var ipv4 = IPv4Header(
      totalLength: UInt16(IPv4Header.length + tcp.length), timeToLive: profile.timeToLive,
      protocolNumber: .tcp, source: source, destination: zero)
    ipv4.dontFragment = profile.dontFragment

    var frame = MACAddress.zero.octets + sourceMAC.octets
    frame.append(bigEndian: EtherType.ipv4.rawValue)
    let ipv4Octets = ipv4.octets.clearing(10..<12)
    let tcpOctets = tcp.octets(source: source, destination: zero).clearing(16..<18)
    frame += ipv4Octets + tcpOctets
    frame += [UInt8](repeating: 0, count: max(0, FrameLayout.minimumLength - frame.count))
    self.frame = frame
    self.source = source

    var ipv4Sum = InternetChecksum()
    ipv4Sum.add(ipv4Octets)
    self.ipv4Sum = ipv4Sum
    var tcpSum = InternetChecksum.tcpPseudoHeader(length: tcp.length)
    tcpSum.add(source.value)
    tcpSum.add(tcpOctets)
    self.tcpSum = tcpSum
  }
}

extension [UInt8] {
  fileprivate func clearing(_ range: Range<Int>) -> [UInt8] {
    var copy = self
    for index in range { copy[index] = 0 }
    return copy
  }
}

/// How the IPv4 identification is chosen.
public enum IdentificationPolicy: Hashable, Sendable {
  /// From the cookie's spare bits: differs from probe to probe, the same for a probe sent again.
  case random
  case fixed(UInt16)
}

/// Writes frames for entries. All it holds is fixed for the length of a scan.
public struct FrameStamper: Sendable {
  public let templates: [ProbeTemplate]
  public let cookie: Cookie
  /// Octets of every SYN, padding included.
  public let frameLength: Int
  /// For each next hop the first eight octets of the frame, as they lie in memory on a little-endian
  /// machine: its address and the first two octets of ours.
  @usableFromInline let nextHops: [UInt64]
  @usableFromInline let identificationMask: UInt16
  @usableFromInline let identificationFixed: UInt16
  private let sourceMAC: MACAddress

  /// - Parameters:
  ///   - sources: at least one, at most 65,536.
  ///   - nextHops: at least one; the first is the gateway's.
  public init(
    profile: ProbeProfile, cookie: Cookie, sources: [IPv4Address], sourceMAC: MACAddress,
    nextHops: [MACAddress], identification: IdentificationPolicy = .random
  ) {
    precondition(!sources.isEmpty && sources.count <= 65_536 && !nextHops.isEmpty)
    templates = sources.map {
      ProbeTemplate(profile: profile, source: $0, sourceMAC: sourceMAC)
    }
    self.cookie = cookie
    self.sourceMAC = sourceMAC
    frameLength = profile.frameLength
    let ours = sourceMAC.value >> 32
    self.nextHops = nextHops.map { ($0.value << 16 | ours).byteSwapped }
    switch identification {
    case .random: (identificationMask, identificationFixed) = (0xffff, 0)
    case .fixed(let value): (identificationMask, identificationFixed) = (0, value)
    }
  }

  /// Puts the template into an empty frame, once; `stampSYN` then changes only what changes.
  public func prefill(_ frame: inout MutableRawSpan) {
    for (offset, octet) in templates[0].frame.enumerated() {
      frame.storeBytes(of: octet, toByteOffset: offset, as: UInt8.self)
    }
  }

  /// Makes a prefilled frame the SYN that `entry` asks for; returns its length.
  @inlinable @discardableResult
  public func stampSYN(_ entry: TransmitEntry, into frame: inout MutableRawSpan) -> Int {
    let template = templates[Int(entry.source)]
    let source = template.source.value
    let hash = cookie.hash(
      source: source, destination: entry.destination, sourcePort: entry.sourcePort,
      destinationPort: entry.destinationPort)
    let sequenceNumber = UInt32(truncatingIfNeeded: hash)
    let identification =
      UInt16(truncatingIfNeeded: hash &>> 32) & identificationMask | identificationFixed

    var ipv4Sum = template.ipv4Sum
    ipv4Sum.add(entry.destination)
    ipv4Sum.add(identification)
    let ports = UInt32(entry.sourcePort) &<< 16 | UInt32(entry.destinationPort)
    var tcpSum = template.tcpSum
    tcpSum.add(entry.destination)
    tcpSum.add(ports)
    tcpSum.add(sequenceNumber)

    let addresses = UInt64(source) &<< 32 | UInt64(entry.destination)
    frame.storeBytes(
      of: nextHops[Int(entry.nextHop)], toByteOffset: FrameLayout.destinationMAC, as: UInt64.self)
    frame.storeBytes(
      of: identification.byteSwapped, toByteOffset: FrameLayout.identification, as: UInt16.self)
    frame.storeBytes(
      of: ipv4Sum.value.byteSwapped, toByteOffset: FrameLayout.ipv4Checksum, as: UInt16.self)
    frame.storeBytes(
      of: addresses.byteSwapped, toByteOffset: FrameLayout.source, as: UInt64.self)
    frame.storeBytes(
      of: (UInt64(ports) &<< 32 | UInt64(sequenceNumber)).byteSwapped,
      toByteOffset: FrameLayout.sourcePort, as: UInt64.self)
    frame.storeBytes(
      of: tcpSum.value.byteSwapped, toByteOffset: FrameLayout.tcpChecksum, as: UInt16.self)
    return frameLength
  }

  /// Writes the whole RST that `entry` asks for; returns its length. Rare, so it is built, not stamped.
  ///
  /// Its sequence number is the one the peer acknowledged, which is what its TCP accepts (RFC 9293,
  /// section 3.5.2).
  public func writeRST(_ entry: TransmitEntry, into frame: inout MutableRawSpan) -> Int {
    let source = templates[Int(entry.source)].source
    let destination = IPv4Address(entry.destination)
    let tcp = TCPHeader(
      sourcePort: Port(entry.sourcePort), destinationPort: Port(entry.destinationPort),
      sequenceNumber: entry.sequenceNumber, flags: .rst, window: 0)
    let ipv4 = IPv4Header(
      totalLength: UInt16(IPv4Header.length + tcp.length), timeToLive: 64, protocolNumber: .tcp,
      source: source, destination: destination)
    var octets: [UInt8] = []
    octets.append(bigEndian: nextHops[Int(entry.nextHop)].byteSwapped)
    octets += sourceMAC.octets.dropFirst(2)
    octets.append(bigEndian: EtherType.ipv4.rawValue)
    octets += ipv4.octets + tcp.octets(source: source, destination: destination)
    octets += [UInt8](repeating: 0, count: FrameLayout.minimumLength - octets.count)
    for (offset, octet) in octets.enumerated() {
      frame.storeBytes(of: octet, toByteOffset: offset, as: UInt8.self)
    }
    return octets.count
  }
}
