// Keys as NATS writes them (nkeys): base32 of a prefix, the bytes of an Ed25519 key, and a CRC-16.

/// The text of a user's key.
public enum KeyText {
  /// Bytes of an Ed25519 seed or public key (RFC 8032).
  public static let keyLength = 32
  private static let seedPrefix: UInt8 = 18 << 3
  private static let userPrefix: UInt8 = 20 << 3

  /// Returns the seed of a user's key, `SU…`; nil if the text is none.
  public static func seed(_ text: String) -> [UInt8]? {
    guard let bytes = Base32.decode(text), bytes.count == 2 + keyLength + 2, isIntact(bytes),
      bytes[0] & 0xf8 == seedPrefix, bytes[0] << 5 | bytes[1] >> 3 == userPrefix
    else { return nil }
    return Array(bytes[2..<2 + keyLength])
  }

  /// Returns the text of a user's public key, `U…`.
  public static func publicKey(_ key: [UInt8]) -> String {
    precondition(key.count == keyLength)
    return Base32.encode(sealed([userPrefix] + key))
  }

  /// Returns the text of the seed of a user's key.
  public static func seedText(_ seed: [UInt8]) -> String {
    precondition(seed.count == keyLength)
    return Base32.encode(sealed([seedPrefix | userPrefix >> 5, (userPrefix & 31) << 3] + seed))
  }

  private static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    let sum = crc16(bytes[...])
    return bytes + [UInt8(truncatingIfNeeded: sum), UInt8(sum >> 8)]
  }

  private static func isIntact(_ bytes: [UInt8]) -> Bool { sealed(Array(bytes.dropLast(2))) == bytes }

  /// CRC-16/XMODEM: polynomial 0x1021, from 0.
  private static func crc16(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    bytes.reduce(0) { sum, byte in
      (0..<8).reduce(sum ^ UInt16(byte) << 8) { sum, _ in
        sum & 0x8000 == 0 ? sum << 1 : sum << 1 ^ 0x1021
      }
    }
  }
}

/// RFC 4648, section 6, without padding.
enum Base32 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var (text, bits, count) = ([UInt8](), UInt32(0), 0)
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= 5 {
        count -= 5
        text.append(alphabet[Int(bits >> count & 31)])
      }
    }
    if count > 0 { text.append(alphabet[Int(bits << (5 - count) & 31)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Returns nil for other characters, or bits that are left over and not 0.
  static func decode(_ text: String) -> [UInt8]? {
    var (bytes, bits, count) = ([UInt8](), UInt32(0), 0)
    for character in text.utf8 {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      bits = bits << 5 | UInt32(value)
      count += 5
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> count))
      }
    }
    guard count < 5, bits & (1 << count - 1) == 0 else { return nil }
    return bytes
  }
}
