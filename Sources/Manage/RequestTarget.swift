// The path and the query of a request, which anybody may send.
import Support

/// The target of a request (RFC 9112, section 3.2.1), decoded.
public struct RequestTarget: Hashable, Sendable {
  /// What stands between the slashes: any bytes, also slashes that were written as `%2F`.
  public let segments: [[UInt8]]
  public let query: [String: String]

  /// Bytes.
  static let maximumLength = 4096

  /// - Throws: a `Problem` for anything but a path with an optional query.
  public init(_ text: String) throws(Problem) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.maximumLength else {
      throw Problem.malformed(
        "found a target of \(bytes.count) bytes, expected at most \(Self.maximumLength)")
    }
    guard bytes.first == UInt8(ascii: "/") else {
      throw Problem.malformed("found \(Self.shown(bytes)), expected a path that begins with /")
    }
    let end = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
    var segments: [[UInt8]] = []
    for part in bytes[1..<end].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      segments.append(try Self.decode(part))
    }
    self.segments = segments == [[]] ? [] : segments
    query = end < bytes.count ? try Self.query(bytes[(end + 1)...]) : [:]
  }

  private static func query(_ text: ArraySlice<UInt8>) throws(Problem) -> [String: String] {
    var query: [String: String] = [:]
    for part in text.split(separator: UInt8(ascii: "&")) {
      let sides = part.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = String(validating: try decode(sides[0]), as: UTF8.self),
        let value = String(validating: sides.count > 1 ? try decode(sides[1]) : [], as: UTF8.self)
      else { throw Problem.malformed("found \(shown(part)) in the query, expected UTF-8") }
      guard query.updateValue(value, forKey: name) == nil else {
        throw Problem.malformed("found \(Self.shown(name.utf8)) twice in the query, expected it once")
      }
    }
    return query
  }

  /// Decodes `%NN` (RFC 3986, section 2.1).
  static func decode(_ text: ArraySlice<UInt8>) throws(Problem) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
      guard digits.count == 2 else {
        throw Problem.malformed("found \(shown(text)), expected two hexadecimal digits after each %")
      }
      bytes.append(UInt8(digits[0] << 4 | digits[1]))
      rest = rest.dropFirst(2)
    }
    guard !bytes.contains(0) else {
      throw Problem.malformed("found a NUL byte in the target, expected none")
    }
    return bytes
  }

  /// Encodes a name for a path.
  public static func encode(_ name: String) -> String {
    name.utf8.map { byte in
      let character = Character(UnicodeScalar(byte))
      let isUnreserved =
        byte < 0x80 && (character.isLetter || character.isNumber || "-._~".contains(character))
      return isUnreserved ? String(character) : "%" + Hexadecimal.encode([byte]).uppercased()
    }.joined()
  }

  private static func shown(_ bytes: some Sequence<UInt8>) -> String {
    "\"\(Escaping.quotable(String(decoding: Array(bytes).prefix(240), as: UTF8.self), limit: 60))\""
  }
}
