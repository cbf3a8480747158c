// Stamps frames for transmit entries. A template holds all constant fields.

/// A frame whose variable fields are zero.
struct FrameTemplate {
  /// The frame, padded to the minimum length.
  let frame: [UInt8]
  let sums: SourceSums

  /// Creates the template of a SYN with the options and header fields of `profile`.
  init(syn profile: ProbeProfile, source: IPv4Address, sourceMAC: MACAddress) {
    self.init(
      flags: .syn, window: profile.window, options: profile.options,
      timeToLive: profile.timeToLive, dontFragment: profile.dontFragment, source: source,
      sourceMAC: sourceMAC)
  }

  /// Creates the template of an RST without ACK, as TCP sends it for an unknown connection (RFC 9293, section 3.5.2).
  init(rstFrom source: IPv4Address, sourceMAC: MACAddress) {
    self.init(
      flags: .rst, window: 0, options: [], timeToLive: 64, dontFragment: true, source: source,
      sourceMAC: sourceMAC)
  }

  private init(
    flags: TCPFlags, window: UInt16, options: [UInt8], timeToLive: UInt8, dontFragment: Bool,
    source: IPv4Address, sourceMAC: MACAddress
  ) {
    let zero = IPv4Address(0)
    let tcp = TCPHeader(
      sourcePort: Port(0), destinationPort: Port(0), sequenceNumber: 0, flags: flags,
      window: window, options: options)
    var ipv4 = IPv4Header(
      totalLength: UInt16(IPv4Header.length + tcp.length), timeToLive: timeToLive,
      protocolNumber: .tcp, source: source, destination: zero)
    ipv4.dontFragment = dontFragment

    var frame = MACAddress.zero.bytes + sourceMAC.bytes
    frame.append(bigEndian: EtherType.ipv4.rawValue)
    let ipv4Bytes = ipv4.bytes.clearing(10..<12)
    let tcpBytes = tcp.bytes(source: source, destination: zero).clearing(16..<18)
    frame += ipv4Bytes + tcpBytes
    frame += [UInt8](repeating: 0, count: max(0, FrameLayout.minimumLength - frame.count))
    self.frame = frame

    var ipv4Sum = InternetChecksum()
    ipv4Sum.add(ipv4Bytes)
    var tcpSum = InternetChecksum.tcpPseudoHeader(length: tcp.length)
    tcpSum.add(source.value)
    tcpSum.add(tcpBytes)
    sums = SourceSums(address: source, ipv4Sum: ipv4Sum, tcpSum: tcpSum)
  }
}

extension [UInt8] {
  fileprivate func clearing(_ range: Range<Int>) -> [UInt8] {
    var copy = self
    for index in range { copy[index] = 0 }
    return copy
  }
}

/// Writes the frames of entries without allocating. Immutable for the duration of a scan.
public struct FrameStamper: Sendable {
  /// The length of a SYN frame in bytes, with padding.
  public let frameLength: Int
  /// The templates' frames. They serve all sources, because the fields that depend on the source are stamped.
  private let probeFrame: [UInt8]
  private let resetFrame: [UInt8]
  /// The source addresses, network order.
  @usableFromInline let sources: [UInt32]
  /// For each next hop, the first eight bytes of the frame as a little-endian number: the next hop's MAC address and the
  /// first two bytes of the source's.
  public let nextHops: [UInt64]

  /// Creates a stamper.
  ///
  /// - Parameters:
  ///   - sources: 1 to 65,536 source addresses.
  ///   - nextHops: at least one MAC address; the first is the gateway's.
  public init(
    profile: ProbeProfile, sources: [IPv4Address], sourceMAC: MACAddress, nextHops: [MACAddress]
  ) {
    precondition(!sources.isEmpty && sources.count <= 65_536 && !nextHops.isEmpty)
    probeFrame = FrameTemplate(syn: profile, source: sources[0], sourceMAC: sourceMAC).frame
    resetFrame = FrameTemplate(rstFrom: sources[0], sourceMAC: sourceMAC).frame
    self.sources = sources.map(\.value.bigEndian)
    frameLength = profile.frameLength
    let sourceStart = sourceMAC.value >> 32
    self.nextHops = nextHops.map { ($0.value << 16 | sourceStart).byteSwapped }
  }

  public var sourceCount: Int { sources.count }

  /// Returns the frame of a kind from a source, with its other variable fields and both checksums zero.
  public func template(of kind: TransmitEntry.Kind, source: Int) -> [UInt8] {
    var frame = kind == .syn ? probeFrame : resetFrame
    var address: [UInt8] = []
    address.append(bigEndian: UInt32(bigEndian: sources[source]))
    frame.replaceSubrange(FrameLayout.source..<FrameLayout.source + 4, with: address)
    return frame
  }

  /// Copies the template of a kind into `frame`. Needed once before `stamp`, and again when the kind changes.
  public func prefill(_ frame: inout MutableRawSpan, for kind: TransmitEntry.Kind) {
    for (offset, byte) in (kind == .syn ? probeFrame : resetFrame).enumerated() {
      frame.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
  }

  /// Stamps the variable fields of `entry` into a frame prefilled for its kind, and returns the frame's length in bytes.
  @inlinable @inline(__always) @discardableResult
  public func stamp(_ entry: TransmitEntry, into frame: inout MutableRawSpan) -> Int {
    // One check, so that the compiler can omit those of the stores below.
    precondition(frame.byteCount >= FrameLayout.minimumLength)
    let addresses = UInt64(sources[Int(entry.source)]) | UInt64(entry.destinationBytes) &<< 32
    frame.storeBytes(
      of: nextHops[Int(entry.nextHop)], toByteOffset: FrameLayout.destinationMAC, as: UInt64.self)
    frame.storeBytes(
      of: entry.identificationBytes, toByteOffset: FrameLayout.identification, as: UInt16.self)
    frame.storeBytes(
      of: entry.ipv4ChecksumBytes, toByteOffset: FrameLayout.ipv4Checksum, as: UInt16.self)
    frame.storeBytes(of: addresses, toByteOffset: FrameLayout.source, as: UInt64.self)
    frame.storeBytes(
      of: entry.portsAndSequence, toByteOffset: FrameLayout.sourcePort, as: UInt64.self)
    frame.storeBytes(
      of: entry.tcpChecksumBytes, toByteOffset: FrameLayout.tcpChecksum, as: UInt16.self)
    return entry.kind == .syn ? frameLength : FrameLayout.minimumLength
  }
}
