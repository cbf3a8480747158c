// Transmit entries: 24 bytes that describe a SYN or an RST. FrameStamper makes frames of them in user space,
// bpf/probes.bpf.c in the kernel.

/// A frame to send, with the layout of `struct synbox_entry` in bpf/synbox.h.
public struct TransmitEntry: Hashable, Sendable, BitwiseCopyable {
  public enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// A probe.
    case syn = 1
    /// The segment that closes the half-open connection after a SYN-ACK.
    case rst = 2
  }

  /// Host order.
  public var destination: UInt32
  /// Host order. Of a SYN, the cookie; of an RST, the number that the SYN-ACK acknowledged.
  public var sequenceNumber: UInt32
  public var destinationPort: UInt16
  public var sourcePort: UInt16
  /// The source address, as an index into the stamper's sources.
  public var source: UInt16
  /// The raw value of `kind`, because the layout of a Swift enumeration is not specified.
  @usableFromInline var kindValue: UInt8
  /// Written by the kernel in its own copy.
  @usableFromInline var refused: UInt8 = 0
  /// The next hop, as an index into the stamper's next hops; 0 is the gateway.
  public var nextHop: UInt32
  /// The IPv4 identification, host order.
  public var identification: UInt16
  /// Padding.
  @usableFromInline var zero: UInt16 = 0

  @inlinable public var kind: Kind { kindValue == Kind.rst.rawValue ? .rst : .syn }

  /// Creates the entry of a probe.
  ///
  /// - Parameter hash: The hash of the probe's four-tuple (`Cookie.hash`), which has its sequence number and its IPv4
  ///   identification.
  @inlinable
  public init(
    syn destination: UInt32, port: UInt16, source: UInt16, sourcePort: UInt16, hash: UInt64,
    nextHop: UInt32 = 0
  ) {
    self.destination = destination
    self.destinationPort = port
    self.source = source
    self.sourcePort = sourcePort
    self.nextHop = nextHop
    sequenceNumber = UInt32(truncatingIfNeeded: hash)
    identification = UInt16(truncatingIfNeeded: hash &>> 32)
    kindValue = Kind.syn.rawValue
  }

  /// Creates the entry of an RST.
  public init(
    rst destination: UInt32, port: UInt16, source: UInt16, sourcePort: UInt16,
    sequenceNumber: UInt32, nextHop: UInt32 = 0
  ) {
    self.init(
      syn: destination, port: port, source: source, sourcePort: sourcePort, hash: 0,
      nextHop: nextHop)
    self.sequenceNumber = sequenceNumber
    kindValue = Kind.rst.rawValue
  }
}
