// Bytes and numbers as lower-case hexadecimal digits.

public enum Hexadecimal {
  private static let digits = Array("0123456789abcdef".utf8)

  /// Returns two digits for each byte.
  public static func encode(_ bytes: some Sequence<UInt8>) -> String {
    String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// Returns the digits of a number, with zeros in front if there are fewer than `count`.
  public static func text(_ number: UInt64, digits count: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
  }

  /// Returns nil for anything but an even number of lower-case digits.
  public static func decode(_ text: String) -> [UInt8]? {
    let values = text.utf8.map { digits.firstIndex(of: $0) }
    guard values.count.isMultiple(of: 2), !values.contains(nil) else { return nil }
    let known = values.compactMap(\.self)
    return stride(from: 0, to: known.count, by: 2).map { UInt8(known[$0] << 4 | known[$0 + 1]) }
  }
}
