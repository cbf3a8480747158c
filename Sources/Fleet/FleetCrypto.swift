// The cryptography that the fleet's machines need, given by whoever runs them: pure modules import no package.

/// Which of its own keys a process signs with.
public enum SigningKey: Hashable, Sendable {
  case box
  case fleet
}

/// Hashes and signatures. Keys and signatures are raw bytes; a wrong length is an invalid signature, not an error.
public protocol FleetCrypto: Sendable {
  /// Returns 32 bytes.
  func sha256(_ bytes: [UInt8]) -> [UInt8]
  /// Returns 64 bytes.
  func sha512(_ bytes: [UInt8]) -> [UInt8]
  /// Ed25519 (RFC 8032).
  ///
  /// - Parameters:
  ///   - signature: 64 bytes.
  ///   - key: the public key, 32 bytes.
  func isValid(ed25519 signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool
  /// ECDSA over P-256 with SHA-256 (FIPS 186-5).
  ///
  /// - Parameters:
  ///   - signature: r and s, 32 bytes each, big-endian.
  ///   - key: the public point in X9.63 form, 65 bytes, of which the first is 4.
  func isValid(p256 signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool
  /// Signs with Ed25519. Returns 64 bytes; nil if the process does not have the key.
  func sign(_ message: [UInt8], with key: SigningKey) -> [UInt8]?
}

extension FleetCrypto {
  public func sha256(_ bytes: [UInt8]) -> [UInt8] { Digest(of: bytes).bytes }

  /// Returns the hash of `bytes` as a digest.
  func digest(_ bytes: [UInt8]) -> Digest { Digest(bytes: sha256(bytes)) ?? Digest(of: bytes) }
}
