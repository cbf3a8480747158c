// Decimal fractions, without rounding.

/// A non-negative decimal fraction: `digits` / 10^`scale`.
struct Decimal {
  var digits: UInt64
  /// At most 18.
  var scale: Int

  /// Parses digits with at most one point: `8`, `0.5`, `1.50`.
  static func parse(_ text: Span<UInt8>, _ at: inout Int, expected: String) throws(ParseError)
    -> Decimal
  {
    let start = at
    var value = Decimal(digits: 0, scale: 0)
    var point: Int?
    while at < text.count {
      let byte = text[at]
      if byte == UInt8(ascii: "."), point == nil, at > start {
        point = at
      } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
        guard value.append(byte - UInt8(ascii: "0"), fraction: point != nil) else {
          throw ParseError(start..<text.count, expected: expected)
        }
      } else {
        break
      }
      at += 1
    }
    guard at > start, point != at - 1 else {
      throw ParseError(start..<text.count, expected: expected)
    }
    // Trailing zeros (1.50) must not cost precision.
    while value.scale > 0, value.digits % 10 == 0 {
      value.digits /= 10
      value.scale -= 1
    }
    return value
  }

  private mutating func append(_ digit: UInt8, fraction: Bool) -> Bool {
    let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
    if overflow || carry || fraction && scale == 18 { return false }
    digits = sum
    if fraction { scale += 1 }
    return true
  }

  /// 10^`scale`.
  var denominator: UInt64 { (0..<scale).reduce(1) { power, _ in power * 10 } }

  /// Returns the product with `factor`, or nil unless it is an integer that fits.
  func multiplied(by factor: UInt64) -> UInt64? {
    let product = digits.multipliedFullWidth(by: factor)
    guard product.high < denominator else { return nil }
    let (quotient, remainder) = denominator.dividingFullWidth(product)
    return remainder == 0 ? quotient : nil
  }
}

extension Grammar {
  /// Parses a suffix K, M or G of either case, and returns its power of 1000; 1 if there is none.
  static func thousands(_ text: Span<UInt8>, _ at: inout Int) -> UInt64 {
    guard at < text.count else { return 1 }
    let factor: UInt64
    switch text[at] | 0x20 {
    case UInt8(ascii: "k"): factor = 1_000
    case UInt8(ascii: "m"): factor = 1_000_000
    case UInt8(ascii: "g"): factor = 1_000_000_000
    default: return 1
    }
    at += 1
    return factor
  }
}
