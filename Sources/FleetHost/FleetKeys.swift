// Signatures for the fleet's machines, by swift-crypto.
import Crypto
import Fleet
import Support

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The keys of one process, and the cryptography of all.
public struct FleetKeys: FleetCrypto {
  private let own: [SigningKey: Curve25519.Signing.PrivateKey]

  /// - Parameters:
  ///   - seed: 32 bytes of an Ed25519 key (RFC 8032); nil for a process that only verifies.
  ///   - key: which key that is.
  public init(seed: [UInt8]? = nil, as key: SigningKey = .box) throws(FleetError) {
    guard let seed else {
      own = [:]
      return
    }
    guard let privateKey = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
      throw FleetError("found a key of \(seed.count) bytes, expected 32")
    }
    own = [key: privateKey]
  }

  /// Returns the public key, 32 bytes; nil if the process does not have the key.
  public func publicKey(of key: SigningKey) -> [UInt8]? {
    own[key].map { Array($0.publicKey.rawRepresentation) }
  }

  public func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
  public func sha512(_ bytes: [UInt8]) -> [UInt8] { Array(SHA512.hash(data: bytes)) }

  public func isValid(ed25519 signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
    (try? Curve25519.Signing.PublicKey(rawRepresentation: key))?
      .isValidSignature(signature, for: message) ?? false
  }

  public func isValid(p256 signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
    guard let publicKey = try? P256.Signing.PublicKey(x963Representation: key),
      let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
    else { return false }
    return publicKey.isValidSignature(signature, for: message)
  }

  public func sign(_ message: [UInt8], with key: SigningKey) -> [UInt8]? {
    (try? own[key]?.signature(for: message)).map { Array($0) }
  }
}

/// Random bytes in hexadecimal digits.
public enum Nonce {
  public static func make(bytes: Int = 16) -> String {
    Hexadecimal.encode((0..<bytes).map { _ in UInt8.random(in: .min ... .max) })
  }
}
