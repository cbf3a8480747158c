// CRC-32C (RFC 3720, appendix B.4): tells a file that was cut off or damaged from a whole one.

/// A checksum over bytes that come piece by piece.
public struct CRC32C: Hashable, Sendable {
  private var register: UInt32 = ~0

  /// Of no bytes yet.
  public init() {}

  /// Of all bytes so far.
  public var value: UInt32 { ~register }

  /// Goes on where a checksum of `value` ended.
  init(continuing value: UInt32) { register = ~value }

  mutating func add(_ bytes: some Sequence<UInt8>) {
    var register = self.register
    let table = Self.table.span
    for byte in bytes {
      register = register >> 8 ^ table[Int(UInt8(truncatingIfNeeded: register) ^ byte)]
    }
    self.register = register
  }

  public static func of(_ bytes: [UInt8]) -> UInt32 {
    var checksum = CRC32C()
    checksum.add(bytes)
    return checksum.value
  }

  /// For the polynomial 0x1EDC6F41 with its bits reversed.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { rest, _ in rest >> 1 ^ (rest & 1 == 1 ? 0x82f6_3b78 : 0) }
  }
}
