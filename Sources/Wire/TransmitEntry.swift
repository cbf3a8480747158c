// What a transmitter is asked to send: a SYN or an RST, in 24 bytes. Frames are made from it where
// they are needed: in user space by FrameStamper, or in the kernel by bpf/probes.bpf.c.

/// One frame to send. In memory it is `struct synbox_entry` of bpf/synbox.h.
public struct TransmitEntry: Hashable, Sendable, BitwiseCopyable {
  public enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// A probe. Its sequence number is the cookie.
    case syn = 1
    /// Closes the half-open connection that a SYN-ACK told of.
    case rst = 2
  }

  /// Host order.
  public var destination: UInt32
  /// RST only: what the SYN-ACK acknowledged, host order.
  public var sequenceNumber: UInt32
  public var destinationPort: UInt16
  public var sourcePort: UInt16
  /// Which of our addresses: an index into the stamper's sources.
  public var source: UInt16
  /// The raw value, for an enumeration's own place in memory is the compiler's affair.
  @usableFromInline var kindValue: UInt8
  /// The kernel's mark in its own copy.
  @usableFromInline var refused: UInt8 = 0
  /// Which Ethernet address to send to: an index into the stamper's next hops, 0 for the gateway.
  public var nextHop: UInt32
  /// Fills the bytes up.
  @usableFromInline var zero: UInt32 = 0

  @inlinable public var kind: Kind { kindValue == Kind.rst.rawValue ? .rst : .syn }

  @inlinable
  public init(
    syn destination: UInt32, port: UInt16, source: UInt16, sourcePort: UInt16, nextHop: UInt32 = 0
  ) {
    self.destination = destination
    self.destinationPort = port
    self.source = source
    self.sourcePort = sourcePort
    self.nextHop = nextHop
    sequenceNumber = 0
    kindValue = Kind.syn.rawValue
  }

  public init(
    rst destination: UInt32, port: UInt16, source: UInt16, sourcePort: UInt16,
    sequenceNumber: UInt32, nextHop: UInt32 = 0
  ) {
    self.init(
      syn: destination, port: port, source: source, sourcePort: sourcePort, nextHop: nextHop)
    self.sequenceNumber = sequenceNumber
    kindValue = Kind.rst.rawValue
  }
}
