// The data types of SSH (RFC 4251, section 5), and base64 (RFC 4648, section 4).

/// Reads SSH's data types from bytes.
struct SSHReader {
  private var rest: ArraySlice<UInt8>
  private let what: String

  init(_ bytes: [UInt8], _ what: String) {
    rest = bytes[...]
    self.what = what
  }

  private func cutOff() -> FleetError { FleetError("\(what): ends too early") }

  mutating func take(_ count: Int) throws(FleetError) -> [UInt8] {
    guard count <= rest.count else { throw cutOff() }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  mutating func byte() throws(FleetError) -> UInt8 { try take(1)[0] }

  mutating func number() throws(FleetError) -> UInt32 {
    try take(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  mutating func string() throws(FleetError) -> [UInt8] {
    let count = try number()
    guard count <= 1 << 16 else { throw FleetError("\(what): a string of \(count) bytes") }
    return try take(Int(count))
  }

  mutating func text() throws(FleetError) -> String {
    guard let text = String(validating: try string(), as: UTF8.self) else {
      throw FleetError("\(what): a text that is not UTF-8")
    }
    return text
  }

  /// Reads a non-negative mpint as `count` bytes, big-endian.
  mutating func integer(bytes count: Int) throws(FleetError) -> [UInt8] {
    let digits = try string()
    guard digits.first ?? 0 < 0x80, digits.count <= count + 1 else {
      throw FleetError("\(what): an integer that is negative or too long")
    }
    let significant = digits.drop { $0 == 0 }
    guard significant.count <= count else { throw FleetError("\(what): an integer that is too long") }
    return Array(repeating: 0, count: count - significant.count) + significant
  }

  func end() throws(FleetError) {
    guard rest.isEmpty else { throw FleetError("\(what): \(rest.count) bytes too many") }
  }

  /// Returns bytes with their length in front.
  static func string(_ bytes: [UInt8]) -> [UInt8] {
    let count = UInt32(bytes.count)
    return stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: count >> UInt32($0)) }
      + bytes
  }
}
