// CRC-32C (RFC 3720, appendix B.4), which detects truncated and damaged files.

/// An incremental CRC-32C checksum.
public struct CRC32C: Hashable, Sendable {
  private var register: UInt32 = ~0

  /// Creates the checksum of no bytes.
  public init() {}

  /// The checksum of all bytes added so far.
  public var value: UInt32 { ~register }

  /// Continues from a checksum of `value`.
  init(continuing value: UInt32) { register = ~value }

  mutating func add(_ bytes: some Sequence<UInt8>) {
    var register = self.register
    let table = Self.table.span
    for byte in bytes {
      register = register >> 8 ^ table[Int(UInt8(truncatingIfNeeded: register) ^ byte)]
    }
    self.register = register
  }

  /// Returns the checksum of `bytes`.
  public static func of(_ bytes: [UInt8]) -> UInt32 {
    var checksum = CRC32C()
    checksum.add(bytes)
    return checksum.value
  }

  /// For the polynomial 0x1EDC6F41, bit-reversed.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82f6_3b78 : 0) }
  }
}
