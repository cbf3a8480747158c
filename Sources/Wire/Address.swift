// IPv4 addresses, Ethernet addresses and TCP ports.
import Support

/// An IPv4 address (RFC 791), ordered numerically.
public struct IPv4Address: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Host order: 10.0.0.1 is 0x0a000001.
  public var value: UInt32

  public init(_ value: UInt32) { self.value = value }

  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    value = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  /// Creates an address from a value in network byte order.
  public init(bigEndian: UInt32) { value = UInt32(bigEndian: bigEndian) }

  /// The value in network byte order.
  public var bigEndian: UInt32 { value.bigEndian }

  /// Parses dotted decimal: four numbers from 0 to 255; nil for anything else. Leading zeros are invalid, because some
  /// tools read `010` as octal.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard let byte = UInt8(decimal: part) else { return nil }
      value = value << 8 | UInt32(byte)
    }
    self.value = value
  }

  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }

  public var description: String {
    "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
  }
}

/// An Ethernet address (IEEE 802), six bytes in transmission order.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
  /// The address in the low 48 bits, the first byte transmitted in the highest eight of them.
  public let value: UInt64

  public static let broadcast = MACAddress(0xffff_ffff_ffff)
  public static let zero = MACAddress(0)

  public init(_ value: UInt64) { self.value = value & 0xffff_ffff_ffff }

  /// Creates an address from six bytes in transmission order; nil for any other number of bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 6 else { return nil }
    value = bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Parses `02:00:00:00:00:01`; nil for anything else.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 6 else { return nil }
    var value: UInt64 = 0
    for part in parts {
      // `UInt8(_:radix:)` would accept a sign.
      guard part.utf8.count == 2, part.allSatisfy(\.isHexDigit), let byte = UInt8(part, radix: 16)
      else { return nil }
      value = value << 8 | UInt64(byte)
    }
    self.value = value
  }

  /// The six bytes in transmission order.
  public var bytes: [UInt8] {
    stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt64($0)) }
  }

  /// Whether the address is broadcast or multicast (the I/G bit is set).
  public var isGroup: Bool { value >> 40 & 1 == 1 }

  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}

/// A TCP port (RFC 9293).
public struct Port: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Host order.
  public var value: UInt16

  public init(_ value: UInt16) { self.value = value }
  /// Creates a port from a value in network byte order.
  public init(bigEndian: UInt16) { value = UInt16(bigEndian: bigEndian) }
  /// The value in network byte order.
  public var bigEndian: UInt16 { value.bigEndian }

  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  public var description: String { String(value) }
}
