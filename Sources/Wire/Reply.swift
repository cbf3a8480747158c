// A validated reply: what the receive program reports of a packet that proved itself.

/// A reply whose cookie held. Numbers are in host order.
public struct Reply: Sendable {
  public enum Kind: UInt8, Sendable {
    /// SYN-ACK: the port is open.
    case open = 1
    /// RST: the port is closed.
    case closed = 2
    /// An ICMP error that quotes our probe.
    case icmp = 3
  }

  /// Bytes of the event record, `struct synbox_event` in bpf/synbox.h.
  public static let recordLength = 88

  public var kind: Kind
  /// CLOCK_MONOTONIC at receipt, nanoseconds.
  public var time: UInt64
  /// The probed address and port; for ICMP as quoted.
  public var source: IPv4Address
  public var sourcePort: Port
  /// Ours.
  public var destination: IPv4Address
  public var destinationPort: Port
  public var sequenceNumber: UInt32 = 0
  public var acknowledgmentNumber: UInt32 = 0
  public var window: UInt16 = 0
  public var identification: UInt16
  public var timeToLive: UInt8
  public var flags: TCPFlags = []
  public var icmpType: UInt8 = 0
  public var icmpCode: UInt8 = 0
  /// Who sent the ICMP error.
  public var icmpResponder = IPv4Address(0)
  /// The half-open connection still waits for an RST, which the transmitter must send.
  public var resetWanted = false
  public var optionsLength: UInt8 = 0
  public var options = InlineArray<40, UInt8>(repeating: 0)

  public init(
    kind: Kind, time: UInt64, source: IPv4Address, sourcePort: Port, destination: IPv4Address,
    destinationPort: Port, identification: UInt16, timeToLive: UInt8
  ) {
    self.kind = kind
    self.time = time
    self.source = source
    self.sourcePort = sourcePort
    self.destination = destination
    self.destinationPort = destinationPort
    self.identification = identification
    self.timeToLive = timeToLive
  }

  /// Decodes an event record; nil when it is not one (wrong length, unknown kind).
  public init?(record: Span<UInt8>) {
    guard record.count == Self.recordLength, let kind = Kind(rawValue: record[33]),
      record[41] <= 40
    else { return nil }
    self.init(
      kind: kind,
      time: UInt64(record.word32(at: 0).byteSwapped)
        | UInt64(record.word32(at: 4).byteSwapped) << 32,
      source: IPv4Address(record.word32(at: 8)), sourcePort: Port(record.word16(at: 16)),
      destination: IPv4Address(record.word32(at: 12)),
      destinationPort: Port(record.word16(at: 18)), identification: record.word16(at: 30),
      timeToLive: record[32])
    sequenceNumber = record.word32(at: 20)
    acknowledgmentNumber = record.word32(at: 24)
    window = record.word16(at: 28)
    icmpType = record[34]
    icmpCode = record[35]
    icmpResponder = IPv4Address(record.word32(at: 36))
    flags = TCPFlags(rawValue: record[40])
    optionsLength = record[41]
    resetWanted = record[42] == 1
    for index in 0..<Int(optionsLength) { options[index] = record[44 + index] }
  }
}

extension Span<UInt8> {
  /// Two bytes in network order. Traps outside the span: callers check lengths first.
  @inlinable public func word16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
  }

  /// Four bytes in network order.
  @inlinable public func word32(at offset: Int) -> UInt32 {
    UInt32(word16(at: offset)) << 16 | UInt32(word16(at: offset + 2))
  }
}
