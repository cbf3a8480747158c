// Valid replies, and the event records that carry them from the receive program.

/// A valid reply. Numbers are in host order.
public struct Reply: Sendable {
  public enum Kind: UInt8, Sendable {
    /// A SYN-ACK: the port is open.
    case open = 1
    /// An RST: the port is closed.
    case closed = 2
    /// An ICMP error that quotes a probe.
    case icmp = 3
  }

  /// The length of an event record in bytes: `struct synbox_event` in bpf/synbox.h.
  public static let recordLength = 88

  public var kind: Kind
  /// The time of receipt: CLOCK_MONOTONIC, nanoseconds.
  public var time: UInt64
  /// The target's address; for an ICMP error, as quoted.
  public var source: IPv4Address
  public var sourcePort: Port
  /// The probe's source address.
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
  /// The sender of the ICMP error.
  public var icmpResponder = IPv4Address(0)
  /// Whether the transmitter is asked for an RST.
  public var needsRST = false
  /// The slot whose key the reply proved, which says whose reply it is.
  public var slot: UInt8 = 0
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

  /// Decodes an event record; nil if its length, kind, options length or slot is invalid.
  public init?(record: Span<UInt8>) {
    guard record.count == Self.recordLength, let kind = Kind(rawValue: record[33]),
      record[41] <= 40, record[43] < KeySlots.most
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
    needsRST = record[42] == 1
    slot = record[43]
    for index in 0..<Int(optionsLength) { options[index] = record[44 + index] }
  }
}

extension Span<UInt8> {
  /// Returns the two bytes at `offset` as a number in network byte order. Traps outside the span.
  @inlinable public func word16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
  }

  /// Returns the four bytes at `offset` as a number in network byte order. Traps outside the span.
  @inlinable public func word32(at offset: Int) -> UInt32 {
    UInt32(word16(at: offset)) << 16 | UInt32(word16(at: offset + 2))
  }
}
