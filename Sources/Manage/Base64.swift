// Bytes as text: base64.

/// Base64 with `-` and `_`, without padding (RFC 4648, section 5).
enum Base64URL {
  private static let code = SixBitCode("-_")

  static func encode(_ bytes: [UInt8]) -> String {
    String(decoding: code.encode(bytes), as: UTF8.self)
  }

  /// Returns nil for other characters, an impossible length, and bits that no encoder leaves.
  static func decode(_ text: [UInt8]) -> [UInt8]? { code.decode(text) }
}

/// Base64 with `+` and `/`, padded (RFC 4648, section 4).
enum Base64 {
  private static let code = SixBitCode("+/")
  private static let padding = UInt8(ascii: "=")

  static func encode(_ bytes: [UInt8]) -> String {
    var text = code.encode(bytes)
    while !text.count.isMultiple(of: 4) { text.append(padding) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Returns nil for other characters, a length that is no multiple of four, and bits that no encoder leaves.
  static func decode(_ text: [UInt8]) -> [UInt8]? {
    guard text.count.isMultiple(of: 4) else { return nil }
    var digits = text[...]
    for _ in 0..<2 where digits.last == padding { digits.removeLast() }
    return code.decode(Array(digits))
  }
}

/// Six bits in each character.
private struct SixBitCode {
  private let alphabet: [UInt8]

  init(_ last: String) {
    alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\(last)".utf8)
  }

  func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      let value = (0..<3).reduce(0) { $0 << 8 | Int($1 < part.count ? part[start + $1] : 0) }
      for at in 0...part.count { text.append(alphabet[value >> (18 - 6 * at) & 63]) }
    }
    return text
  }

  func decode(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    var (buffer, bits) = (0, 0)
    for character in text {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      buffer = (buffer << 6 | value) & 0xffff
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
      }
    }
    return buffer & (1 << bits - 1) == 0 ? bytes : nil
  }
}
