// Unsigned numbers in decimal digits.

extension FixedWidthInteger where Self: UnsignedInteger {
  /// Parses decimal digits without sign, blanks or leading zeros; nil for anything else and for overflow.
  @inlinable public init?(decimal text: some StringProtocol) { self.init(decimal: text.utf8) }

  /// Parses the digits as UTF-8.
  @inlinable public init?(decimal digits: some Collection<UInt8>) {
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
