// Bytes as text: base64 (RFC 4648).

/// Base64 with `+` and `/`, padded (section 4).
public enum Base64 {
  private static let code = SixBitCode("+/")
  private static let padding = UInt8(ascii: "=")

  public static func encode(_ bytes: [UInt8]) -> String {
    var text = code.encode(bytes)
    while !text.count.isMultiple(of: 4) { text.append(padding) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Returns nil for other characters, a length that is no multiple of four, and bits that no encoder leaves.
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count.isMultiple(of: 4) else { return nil }
    let digits = text.prefix { $0 != padding }
    guard text.count - digits.count <= 2,
      text.dropFirst(digits.count).allSatisfy({ $0 == padding })
    else { return nil }
    return code.decode(digits)
  }
}

/// Base64 with `-` and `_`, without padding (section 5).
public enum Base64URL {
  private static let code = SixBitCode("-_")

  public static func encode(_ bytes: [UInt8]) -> String {
    String(decoding: code.encode(bytes), as: UTF8.self)
  }

  /// Returns nil for other characters, an impossible length, and bits that no encoder leaves.
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? { code.decode(text) }
}

/// Six bits in each character.
private struct SixBitCode {
  private let alphabet: [UInt8]
  /// The value of each byte; 255 for one outside the alphabet.
  private let values: [UInt8]

  init(_ last: String) {
    alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\(last)".utf8)
    var values = [UInt8](repeating: 255, count: 256)
    for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
    self.values = values
  }

  func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      let value = (0..<3).reduce(0) { $0 << 8 | Int($1 < count ? bytes[start + $1] : 0) }
      for at in 0...count { text.append(alphabet[value >> (18 - 6 * at) & 63]) }
    }
    return text
  }

  func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3 + 2)
    var (buffer, bits): (UInt32, UInt32) = (0, 0)
    for character in text {
      let value = values[Int(character)]
      guard value < 64 else { return nil }
      buffer = buffer << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
        buffer &= 1 << bits - 1
      }
    }
    return buffer == 0 ? bytes : nil
  }
}
