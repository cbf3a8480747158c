// How often a sender that keeps to a rate sends.

/// The time between two calls of a sending thread, from 0.1 to 4 ms. The shorter it is, the more evenly probes leave, and the
/// more processor time they take.
public struct PaceInterval: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  public let nanoseconds: UInt64

  public static let standard = PaceInterval(microseconds: 1000)
  private static let allowed: ClosedRange<UInt64> = 100_000...4_000_000

  /// Traps unless it is from 100 to 4000.
  public init(microseconds: UInt64) {
    nanoseconds = microseconds * 1000
    precondition(Self.allowed.contains(nanoseconds))
  }

  /// Parses milliseconds such as `1ms` or `0.5ms`.
  public init(parsing text: String) throws(ValueError) {
    let expected = "milliseconds from 0.1ms to 4ms, such as 1ms, exact to the microsecond"
    self = try parseWhole(text, expected: expected) { (text, at) throws(ParseError) in
      let number = try Decimal.parse(text, &at, expected: expected)
      guard text.count == at + 2, text[at] == UInt8(ascii: "m"), text[at + 1] == UInt8(ascii: "s"),
        let microseconds = number.multiplied(by: 1000),
        microseconds <= Self.allowed.upperBound, Self.allowed.contains(microseconds * 1000)
      else { throw ParseError(0..<text.count, expected: expected) }
      at = text.count
      return PaceInterval(microseconds: microseconds)
    }
  }

  public var description: String {
    let (whole, rest) = (nanoseconds / 1000).quotientAndRemainder(dividingBy: 1000)
    guard rest > 0 else { return "\(whole)ms" }
    let digits = "\(rest + 1000)".dropFirst()
    return "\(whole).\(digits.prefix(through: digits.lastIndex { $0 != "0" } ?? digits.startIndex))ms"
  }
}
