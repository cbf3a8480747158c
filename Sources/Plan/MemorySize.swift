// Sizes of memory.

/// A size of memory.
public struct MemorySize: Hashable, Sendable, ParsableValue {
  public static let maximum: UInt64 = 1 << 40
  public let bytes: UInt64

  /// Parses `4096`, `64K` or `1.5G`, at most 1024G. K, M and G are powers of 1024.
  public init(parsing text: String) throws(ValueError) {
    let expected = "bytes such as 65536, 64K, 16M or 1.5G, at most 1024G"
    bytes = try parseWhole(text, expected: expected) { (text, at) throws(ParseError) in
      let number = try Decimal.parse(text, &at, expected: expected)
      let factor: UInt64 =
        switch Grammar.thousands(text, &at) {
        case 1_000: 1 << 10
        case 1_000_000: 1 << 20
        case 1_000_000_000: 1 << 30
        default: 1
        }
      guard let bytes = number.multiplied(by: factor), bytes <= Self.maximum else {
        throw ParseError(0..<text.count, expected: expected)
      }
      return bytes
    }
  }
}
