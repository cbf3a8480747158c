// IPv4 addresses, Ethernet addresses and TCP ports as types of their own.

/// An IPv4 address (RFC 791), comparable in numerical order.
public struct IPv4Address: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Host order: 10.0.0.1 is 0x0a000001.
  public var value: UInt32

  public init(_ value: UInt32) { self.value = value }

  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    value = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  /// The address whose four bytes lie in memory as they do on the wire.
  public init(bigEndian: UInt32) { value = UInt32(bigEndian: bigEndian) }

  /// As it lies in a packet.
  public var bigEndian: UInt32 { value.bigEndian }

  /// Dotted decimal, four parts of 0 to 255 without leading zeros (`010` is octal to some tools, so it
  /// is not accepted); nil for anything else.
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

extension FixedWidthInteger where Self: UnsignedInteger {
  /// Decimal digits alone: no sign, no leading zero, no blank. nil also when it does not fit.
  public init?(decimal text: some StringProtocol) {
    let digits = text.utf8
    guard !digits.isEmpty, digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
    var value: Self = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Self(digit - UInt8(ascii: "0")))
      if overflow || carry { return nil }
      value = sum
    }
    self = value
  }
}

/// An Ethernet address (IEEE 802), six bytes in transmission order.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
  /// The bytes in the low 48 bits, the first transmitted one highest.
  public let value: UInt64

  public static let broadcast = MACAddress(0xffff_ffff_ffff)
  public static let zero = MACAddress(0)

  public init(_ value: UInt64) { self.value = value & 0xffff_ffff_ffff }

  /// nil unless there are exactly six bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 6 else { return nil }
    value = bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// `02:00:00:00:00:01`; nil for anything else.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 6 else { return nil }
    var value: UInt64 = 0
    for part in parts {
      // Two digits: the parser of numbers would take a sign for one of them.
      guard part.utf8.count == 2, part.allSatisfy(\.isHexDigit), let byte = UInt8(part, radix: 16)
      else { return nil }
      value = value << 8 | UInt64(byte)
    }
    self.value = value
  }

  public var bytes: [UInt8] {
    stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt64($0)) }
  }

  /// The group bit: broadcast and multicast addresses have it, an interface's own never.
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
  public init(bigEndian: UInt16) { value = UInt16(bigEndian: bigEndian) }
  public var bigEndian: UInt16 { value.bigEndian }

  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  public var description: String { String(value) }
}
