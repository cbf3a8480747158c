import TestSupport
import Testing
import Wire

private let sourceMAC = MACAddress("02:00:00:00:00:01")!
private let gatewayMAC = MACAddress("02:00:00:00:00:fe")!
private let hostMAC = MACAddress("02:11:22:33:44:55")!

private let sources = (0..<3).map { IPv4Address(0xc612_0001 + $0) }

private func stamper(_ profile: ProbeProfile) -> FrameStamper {
  FrameStamper(
    profile: profile, sources: sources, sourceMAC: sourceMAC, nextHops: [gatewayMAC, hostMAC])
}

private func frame(_ make: (inout MutableRawSpan) -> Int) -> [UInt8] {
  var bytes = [UInt8](repeating: 0xaa, count: 128)
  var length = 0
  do {
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    length = make(&raw)
  }
  return Array(bytes[..<length])
}

private func syn(_ stamper: FrameStamper, _ entry: TransmitEntry) -> [UInt8] {
  frame { raw in
    stamper.prefill(&raw, for: .syn)
    return stamper.stamp(entry, into: &raw)
  }
}

/// The frame built header by header, with which stamping must agree.
private func reference(_ profile: ProbeProfile, _ entry: TransmitEntry, hash: UInt64) -> [UInt8] {
  let source = IPv4Address(0xc612_0001 + UInt32(entry.source))
  let destination = IPv4Address(entry.destination)
  let tcp = TCPHeader(
    sourcePort: Port(entry.sourcePort), destinationPort: Port(entry.destinationPort),
    sequenceNumber: UInt32(truncatingIfNeeded: hash), flags: .syn, window: profile.window,
    options: profile.options)
  var ip = IPv4Header(
    totalLength: UInt16(20 + tcp.length), timeToLive: profile.timeToLive, protocolNumber: .tcp,
    source: source, destination: destination)
  ip.identification = UInt16(truncatingIfNeeded: hash >> 32)
  ip.dontFragment = profile.dontFragment
  var bytes = (entry.nextHop == 0 ? gatewayMAC : hostMAC).bytes + sourceMAC.bytes + [8, 0]
  bytes += ip.bytes + tcp.bytes(source: source, destination: destination)
  while bytes.count < 60 { bytes.append(0) }
  return bytes
}

@Suite(.timeLimit(.minutes(5))) struct `A stamped SYN` {
  @Test(arguments: ProbeProfile.allCases)
  func `equals the frame built header by header, for random entries`(profile: ProbeProfile) {
    var random = SeededGenerator(1)
    let stamper = stamper(profile)
    for _ in 0..<2_000 {
      let hash = random.next()
      let source = UInt16.random(in: 0..<3, using: &random)
      let entry = TransmitEntry(
        syn: random.next(), port: random.next(), source: source, sourcePort: random.next(),
        hash: hash, nextHop: UInt32.random(in: 0..<2, using: &random),
        sums: SourceSums(syn: profile, source: sources[Int(source)]))
      #expect(syn(stamper, entry) == reference(profile, entry, hash: hash))
    }
  }

  @Test(arguments: ProbeProfile.allCases)
  func `equals that frame at the extreme values of every field`(profile: ProbeProfile) {
    for destination in [0, 1, 0xffff, 0x1_0000, 0xffff_0000, UInt32.max] {
      for (port, hash) in [(0, 0), (1, 1 << 47 | 1 << 31), (0xffff, .max)] as [(UInt16, UInt64)] {
        let entry = TransmitEntry(
          syn: destination, port: port, source: 2, sourcePort: ~port, hash: hash,
          sums: SourceSums(syn: profile, source: sources[2]))
        #expect(syn(stamper(profile), entry) == reference(profile, entry, hash: hash))
      }
    }
  }

  @Test func `is 60, 60, 74 and 66 bytes long`() {
    #expect(
      [ProbeProfile.smallest, .none, .linux, .windows].map(\.frameLength) == [60, 60, 74, 66])
  }

  @Test func `of the smallest profile has exactly these bytes`() {
    let entry = TransmitEntry(
      syn: 0xc613_0002, port: 443, source: 0, sourcePort: 60000, hash: 0xabcd_1234_89ab_cdef,
      sums: SourceSums(syn: .smallest, source: sources[0]))
    let hex = syn(stamper(.smallest), entry).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    // Ethernet; IPv4; TCP; MSS 1460; two bytes of padding. The identification and the sequence number are the hash's.
    #expect(
      hex[..<18].joined() == "0200000000fe020000000001" + "0800" + "4500002c",
      "\(hex.joined())")
    #expect(hex[18..<24].joined() == "1234" + "0000ff06")
    #expect(hex[26..<38].joined() == "c6120001" + "c6130002" + "ea60" + "01bb")
    #expect(hex[38..<42].joined() == "89abcdef")
    #expect(hex[42..<50].joined() == "00000000" + "6002ffff")
    #expect(hex[52...].joined() == "0000" + "020405b4" + "0000")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `An RST from the transmitter` {
  @Test func `has the number that the peer acknowledged, and correct checksums`() {
    let entry = TransmitEntry(
      rst: 0xc613_0002, port: 80, source: 1, sourcePort: 50000, sequenceNumber: 0x1234_5678,
      nextHop: 1, sums: SourceSums(rstFrom: sources[1]))
    let stamper = stamper(.smallest)
    let bytes = frame { raw in
      stamper.prefill(&raw, for: .rst)
      return stamper.stamp(entry, into: &raw)
    }
    let source = IPv4Address(198, 18, 0, 2)
    let destination = IPv4Address(0xc613_0002)
    let tcp = TCPHeader(
      sourcePort: Port(50000), destinationPort: Port(80), sequenceNumber: 0x1234_5678,
      flags: .rst, window: 0)
    var ip = IPv4Header(
      totalLength: 40, timeToLive: 64, protocolNumber: .tcp, source: source,
      destination: destination)
    ip.dontFragment = true
    let expected =
      hostMAC.bytes + sourceMAC.bytes + [8, 0] + ip.bytes
      + tcp.bytes(source: source, destination: destination) + [0, 0, 0, 0, 0, 0]
    #expect(bytes == expected)
  }
}
