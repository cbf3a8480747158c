// How much memory a setting may take.

/// Bytes of memory.
public struct MemorySize: Hashable, Sendable, ParsableValue {
  public static let maximum: UInt64 = 1 << 40
  public let bytes: UInt64

  /// `4096`, `64K`, `1.5G`: K, M and G are powers of 1024, for memory comes in pages. At most 1024G.
  public init(parsing text: String) throws(ValueError) {
    let expected = "bytes such as 65536, 64K, 16M or 1.5G, at most 1024G"
    bytes = try parseWhole(text, expected: expected) { (text, at) throws(Mistake) in
      let number = try Decimal.parse(text, &at, expected: expected)
      let factor: UInt64 =
        switch Grammar.thousands(text, &at) {
        case 1_000: 1 << 10
        case 1_000_000: 1 << 20
        case 1_000_000_000: 1 << 30
        default: 1
        }
      guard let bytes = number.times(factor), bytes <= Self.maximum else {
        throw Mistake(0..<text.count, expected: expected)
      }
      return bytes
    }
  }
}
