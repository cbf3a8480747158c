// Access tokens: made once, shown once, kept as salted hashes.
import Plan
import Support

/// A secret that proves who its holder is: `synbox_` and 32 random bytes in base64url (RFC 4648).
public struct AccessToken: Hashable, Sendable {
  public static let prefix = "synbox_"
  static let size = 32

  /// What its holder presents. Never log it.
  public let text: String

  /// Makes a new token.
  public init(using generator: inout some RandomNumberGenerator) {
    let bytes = (0..<Self.size).map { _ in UInt8.random(in: 0...255, using: &generator) }
    text = Self.prefix + Base64URL.encode(bytes)
  }

  /// Returns nil if the text does not have the form of a token.
  public init?(_ text: String) {
    guard text.hasPrefix(Self.prefix),
      Base64URL.decode(Array(text.utf8.dropFirst(Self.prefix.utf8.count)))?.count == Self.size
    else { return nil }
    self.text = text
  }
}

/// The SHA-256 of a salt and a token: `sha256:SALT:DIGEST`, both in lower-case hexadecimal digits. A token has 256 random
/// bits, so that a slow hash would protect nothing that a fast one does not.
public struct TokenHash: Hashable, Sendable, CustomStringConvertible {
  static let saltSize = 16

  let salt: [UInt8]
  /// Lower-case hexadecimal digits.
  let digest: String

  public init(of token: AccessToken, using generator: inout some RandomNumberGenerator) {
    salt = (0..<Self.saltSize).map { _ in UInt8.random(in: 0...255, using: &generator) }
    digest = Self.digest(salt, token)
  }

  /// Returns nil if the text is not in that form.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, parts[0] == "sha256", let salt = Hexadecimal.decode(parts[1]),
      salt.count == Self.saltSize, Hexadecimal.decode(parts[2])?.count == 32
    else { return nil }
    self.salt = salt
    digest = parts[2]
  }

  public var description: String { "sha256:\(Hexadecimal.encode(salt)):\(digest)" }

  /// Returns whether the hash is that of `token`. How long it takes does not depend on where the digests differ.
  public func matches(_ token: AccessToken) -> Bool {
    let found = Self.digest(salt, token).utf8
    return zip(found, digest.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func digest(_ salt: [UInt8], _ token: AccessToken) -> String {
    SHA256.hex(salt + Array(token.text.utf8))
  }
}
