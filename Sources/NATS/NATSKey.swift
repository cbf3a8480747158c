// A user's key: the server sends a nonce, and the client signs it.
import Crypto
import NATSWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An Ed25519 key with which the client proves who it is, instead of a certificate or beside it.
public struct NATSKey: Sendable {
  private let key: Curve25519.Signing.PrivateKey
  /// `U…`, as in the server's configuration.
  public let publicKey: String

  /// Makes a new key.
  public init() { self.init(Curve25519.Signing.PrivateKey()) }

  /// Returns nil unless the text is the seed of a user's key, `SU…`.
  public init?(seed text: String) {
    guard let seed = KeyText.seed(text),
      let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
    else { return nil }
    self.init(key)
  }

  private init(_ key: Curve25519.Signing.PrivateKey) {
    self.key = key
    publicKey = KeyText.publicKey(Array(key.publicKey.rawRepresentation))
  }

  /// `SU…`.
  public var seed: String { KeyText.seedText(Array(key.rawRepresentation)) }

  /// The public key's text, and the signature over the nonce's text as base64url without padding.
  var signer: Connection.Signer {
    { nonce in
      guard let signature = try? key.signature(for: Array(nonce.utf8)) else { return nil }
      let text = Data(signature).base64EncodedString().map { character -> String in
        switch character {
        case "+": "-"
        case "/": "_"
        case "=": ""
        default: String(character)
        }
      }
      return (publicKey, text.joined())
    }
  }
}
