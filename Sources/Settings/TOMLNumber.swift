// The numbers of TOML.

enum TOMLNumber {
  enum Outcome {
    case valid(TOMLValue.Content)
    case tooLarge
    case invalid
  }

  /// Parses an integer, or a number with a fraction or an exponent.
  static func parse(_ word: String) -> Outcome {
    let unsigned = word.drop { $0 == "+" || $0 == "-" }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where unsigned.hasPrefix(prefix) {
      // TOML allows no sign here.
      guard unsigned.startIndex == word.startIndex,
        let digits = digits(unsigned.dropFirst(2), radix: radix)
      else { return .invalid }
      return integer(digits, radix: radix)
    }
    let sign = word.hasPrefix("-") ? "-" : ""
    if let digits = wholeNumber(unsigned) { return integer(sign + digits, radix: 10) }
    return float(sign, unsigned)
  }

  private static func integer(_ digits: String, radix: Int) -> Outcome {
    Int(digits, radix: radix).map { .valid(.integer($0)) } ?? .tooLarge
  }

  private static func float(_ sign: String, _ text: Substring) -> Outcome {
    let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
    let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = wholeNumber(mantissa[0]) else { return .invalid }
    var digits = sign + whole
    if mantissa.count == 2 {
      guard let fraction = self.digits(mantissa[1], radix: 10) else { return .invalid }
      digits += ".\(fraction)"
    }
    if parts.count == 2 {
      let exponent = parts[1].first == "+" || parts[1].first == "-" ? parts[1].dropFirst() : parts[1]
      guard let power = self.digits(exponent, radix: 10) else { return .invalid }
      digits += "e\(parts[1].first == "-" ? "-" : "")\(power)"
    }
    guard let number = Double(digits) else { return .invalid }
    return number.isFinite ? .valid(.float(number)) : .tooLarge
  }

  /// Returns decimal digits without underscores; nil if there are leading zeros.
  private static func wholeNumber(_ text: Substring) -> String? {
    guard let digits = digits(text, radix: 10), digits == "0" || digits.first != "0" else { return nil }
    return digits
  }

  /// Returns digits without the underscores between them; nil if there is another character.
  private static func digits(_ text: Substring, radix: Int) -> String? {
    let groups = text.split(separator: "_", omittingEmptySubsequences: false)
    let isValid = groups.allSatisfy { group in
      !group.isEmpty
        && group.allSatisfy { $0.isASCII && $0.hexDigitValue.map { $0 < radix } ?? false }
    }
    return isValid ? groups.joined() : nil
  }
}
