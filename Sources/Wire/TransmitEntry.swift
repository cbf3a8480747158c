// Transmit entries: 24 bytes with all fields of a SYN or an RST that differ from frame to frame. FrameStamper makes
// frames of them in user space, bpf/probes.bpf.c in the kernel.

/// A frame to send, with the layout of `struct synbox_entry` in bpf/synbox.h: the fields are stored in the frame's byte
/// order, so that they are only copied later.
public struct TransmitEntry: Hashable, Sendable, BitwiseCopyable {
  public enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// A probe.
    case syn
    /// The segment that closes the half-open connection after a SYN-ACK.
    case rst
  }

  /// Both ports and the sequence number.
  @usableFromInline let portsAndSequence: UInt64
  @usableFromInline let destinationBytes: UInt32
  @usableFromInline let ipv4ChecksumBytes: UInt16
  @usableFromInline let tcpChecksumBytes: UInt16
  @usableFromInline let identificationBytes: UInt16
  /// The source address, as an index into the stamper's sources.
  public let source: UInt16
  /// The next hop in the lower 24 bits; above, the kind and the kernel's mark of what was refused. Host order.
  @usableFromInline let way: UInt32

  @inlinable public var kind: Kind { way & Self.rst == 0 ? .syn : .rst }
  /// The next hop, as an index into the stamper's next hops; 0 is the gateway.
  @inlinable public var nextHop: UInt32 { way & Self.hops }
  @inlinable public var destination: UInt32 { UInt32(bigEndian: destinationBytes) }
  @inlinable public var sourcePort: UInt16 {
    UInt16(truncatingIfNeeded: portsAndSequence.byteSwapped &>> 48)
  }
  @inlinable public var destinationPort: UInt16 {
    UInt16(truncatingIfNeeded: portsAndSequence.byteSwapped &>> 32)
  }
  /// Of a SYN, the cookie; of an RST, the number that the SYN-ACK acknowledged.
  @inlinable public var sequenceNumber: UInt32 {
    UInt32(truncatingIfNeeded: portsAndSequence.byteSwapped)
  }
  /// The IPv4 identification.
  @inlinable public var identification: UInt16 { UInt16(bigEndian: identificationBytes) }

  @usableFromInline static var hops: UInt32 { 0xff_ffff }
  @usableFromInline static var rst: UInt32 { 1 << 24 }

  /// Creates the entry of a probe. Numbers are in host order.
  ///
  /// - Parameters:
  ///   - source: the source address, as an index into the stamper's sources.
  ///   - hash: the hash of the probe's four-tuple (`Cookie.hash`), which has its sequence number and its IPv4
  ///     identification.
  ///   - nextHop: below 2^24.
  ///   - sums: the source's of SYNs with the scan's profile.
  @inlinable @inline(__always)
  public init(
    syn destination: UInt32, port: UInt16, source: UInt16, sourcePort: UInt16, hash: UInt64,
    nextHop: UInt32 = 0, sums: SourceSums
  ) {
    self.init(
      destination, port, source, sourcePort, UInt32(truncatingIfNeeded: hash),
      UInt16(truncatingIfNeeded: hash &>> 32), nextHop, sums)
  }

  /// Creates the entry of an RST. Numbers are in host order.
  ///
  /// - Parameter sums: the source's of RSTs.
  @inlinable
  public init(
    rst destination: UInt32, port: UInt16, source: UInt16, sourcePort: UInt16,
    sequenceNumber: UInt32, nextHop: UInt32 = 0, sums: SourceSums
  ) {
    self.init(
      destination, port, source, sourcePort, sequenceNumber, 0, nextHop | Self.rst, sums)
  }

  @inlinable @inline(__always)
  init(
    _ destination: UInt32, _ port: UInt16, _ source: UInt16, _ sourcePort: UInt16,
    _ sequenceNumber: UInt32, _ identification: UInt16, _ way: UInt32, _ sums: SourceSums
  ) {
    var ipv4 = sums.ipv4Sum
    ipv4.add(destination)
    ipv4.add(identification)
    let ports = UInt32(sourcePort) &<< 16 | UInt32(port)
    var tcp = sums.tcpSum
    tcp.add(destination)
    tcp.add(ports)
    tcp.add(sequenceNumber)
    portsAndSequence = (UInt64(ports) &<< 32 | UInt64(sequenceNumber)).bigEndian
    destinationBytes = destination.bigEndian
    ipv4ChecksumBytes = ipv4.value.bigEndian
    tcpChecksumBytes = tcp.value.bigEndian
    identificationBytes = identification.bigEndian
    self.source = source
    self.way = way
  }

  /// An entry of no frame, to fill arrays with.
  public static var empty: TransmitEntry {
    TransmitEntry(syn: 0, port: 0, source: 0, sourcePort: 0, hash: 0, sums: SourceSums.zero)
  }
}
