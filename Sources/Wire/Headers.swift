// Ethernet, IPv4 and TCP headers, with the field names of their standards. They build templates and test frames; the
// hot path stamps bytes.

/// An EtherType (IEEE 802 numbers).
public struct EtherType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  public static let ipv4 = EtherType(rawValue: 0x0800)
  public static let arp = EtherType(rawValue: 0x0806)
  public static let vlan = EtherType(rawValue: 0x8100)
  public static let serviceVLAN = EtherType(rawValue: 0x88a8)
}

/// An IP protocol number (IANA protocol numbers).
public struct IPProtocol: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let icmp = IPProtocol(rawValue: 1)
  public static let tcp = IPProtocol(rawValue: 6)
}

/// The control bits of TCP (RFC 9293, section 3.1).
public struct TCPFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let fin = TCPFlags(rawValue: 0x01)
  public static let syn = TCPFlags(rawValue: 0x02)
  public static let rst = TCPFlags(rawValue: 0x04)
  public static let ack = TCPFlags(rawValue: 0x10)
}

/// An IPv4 header without options (RFC 791).
public struct IPv4Header: Hashable, Sendable {
  public static let length = 20

  public var totalLength: UInt16
  public var identification: UInt16 = 0
  public var dontFragment = false
  public var timeToLive: UInt8
  public var protocolNumber: IPProtocol
  public var source: IPv4Address
  public var destination: IPv4Address

  public init(
    totalLength: UInt16, timeToLive: UInt8, protocolNumber: IPProtocol, source: IPv4Address,
    destination: IPv4Address
  ) {
    self.totalLength = totalLength
    self.timeToLive = timeToLive
    self.protocolNumber = protocolNumber
    self.source = source
    self.destination = destination
  }

  /// The 20 bytes of the header, with its checksum.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = [0x45, 0]
    bytes.append(bigEndian: totalLength)
    bytes.append(bigEndian: identification)
    bytes.append(bigEndian: UInt16(dontFragment ? 0x4000 : 0))
    bytes += [timeToLive, protocolNumber.rawValue, 0, 0]
    bytes.append(bigEndian: source.value)
    bytes.append(bigEndian: destination.value)
    var checksum = InternetChecksum()
    checksum.add(bytes)
    bytes[10] = UInt8(checksum.value >> 8)
    bytes[11] = UInt8(checksum.value & 0xff)
    return bytes
  }
}

/// A TCP header with its options (RFC 9293).
public struct TCPHeader: Hashable, Sendable {
  public static let lengthWithoutOptions = 20

  public var sourcePort: Port
  public var destinationPort: Port
  public var sequenceNumber: UInt32
  public var acknowledgmentNumber: UInt32
  public var flags: TCPFlags
  public var window: UInt16
  /// A multiple of four bytes, at most 40.
  public var options: [UInt8]

  public init(
    sourcePort: Port, destinationPort: Port, sequenceNumber: UInt32,
    acknowledgmentNumber: UInt32 = 0, flags: TCPFlags, window: UInt16, options: [UInt8] = []
  ) {
    precondition(options.count % 4 == 0 && options.count <= 40)
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.sequenceNumber = sequenceNumber
    self.acknowledgmentNumber = acknowledgmentNumber
    self.flags = flags
    self.window = window
    self.options = options
  }

  public var length: Int { Self.lengthWithoutOptions + options.count }

  /// Returns the header's bytes, with the checksum of a segment without data.
  public func bytes(source: IPv4Address, destination: IPv4Address) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: sourcePort.value)
    bytes.append(bigEndian: destinationPort.value)
    bytes.append(bigEndian: sequenceNumber)
    bytes.append(bigEndian: acknowledgmentNumber)
    bytes += [UInt8(length / 4) << 4, flags.rawValue]
    bytes.append(bigEndian: window)
    bytes += [0, 0, 0, 0]
    bytes += options
    var checksum = InternetChecksum.tcpPseudoHeader(length: length)
    checksum.add(source.value)
    checksum.add(destination.value)
    checksum.add(bytes)
    bytes[16] = UInt8(checksum.value >> 8)
    bytes[17] = UInt8(checksum.value & 0xff)
    return bytes
  }
}

extension [UInt8] {
  /// Appends a number in network byte order.
  @inlinable
  public mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
    for shift in stride(from: Number.bitWidth - 8, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: number >> Number(shift)))
    }
  }
}
