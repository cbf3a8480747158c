// Signatures of `ssh-keygen -Y sign` (OpenSSH: PROTOCOL.sshsig).
import Support

/// A parsed signature.
public struct SSHSignature: Hashable, Sendable {
  public let key: SSHPublicKey
  public let namespace: String
  private let reserved: [UInt8]
  private let hash: Hash
  private let proof: Proof

  private enum Hash: String, Hashable {
    case sha256, sha512
  }

  private enum Proof: Hashable, Sendable {
    case ed25519([UInt8])
    /// r and s, 32 bytes each.
    case p256([UInt8])
    case token([UInt8], flags: UInt8, counter: [UInt8])
  }

  private static let begin = "-----BEGIN SSH SIGNATURE-----"
  private static let end = "-----END SSH SIGNATURE-----"
  private static let magic = Array("SSHSIG".utf8)

  /// Parses the armored form. Errors say line and column.
  public init(armored text: String) throws(FleetError) {
    try self.init(bytes: Self.unarmor(text))
  }

  private static func unarmor(_ text: String) throws(FleetError) -> [UInt8] {
    func error(_ line: Int, _ column: Int, _ expected: String) -> FleetError {
      FleetError("SSH signature:\(line):\(column): expected \(expected)")
    }
    guard text.utf8.count <= 4096 else { throw FleetError("SSH signature: longer than 4096 bytes") }
    var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
    for index in lines.indices where lines[index].last == 13 { lines[index].removeLast() }
    while lines.last == [] { lines.removeLast() }
    guard lines.first == Array(begin.utf8) else { throw error(1, 1, "\"\(begin)\"") }
    guard lines.count > 2, lines.last == Array(end.utf8) else {
      throw error(lines.count, 1, "base64, then \"\(end)\"")
    }
    var base64: [UInt8] = []
    for (index, line) in lines.enumerated().dropFirst().dropLast() {
      let isLast = index == lines.count - 2
      let foreign = line.firstIndex {
        Base64.decode([$0, UInt8(ascii: "A"), UInt8(ascii: "A"), UInt8(ascii: "A")]) == nil
          && !(isLast && $0 == UInt8(ascii: "="))
      }
      if let foreign { throw error(index + 1, foreign + 1, "base64") }
      base64 += line
    }
    guard let bytes = Base64.decode(base64) else {
      throw error(lines.count - 1, 1, "whole base64; the signature is cut off or damaged")
    }
    return bytes
  }

  init(bytes: [UInt8]) throws(FleetError) {
    var reader = SSHReader(bytes, "SSH signature")
    guard try reader.take(6) == Self.magic else { throw FleetError("SSH signature: no SSHSIG") }
    let version = try reader.number()
    guard version == 1 else { throw FleetError("SSH signature: version \(version), expected 1") }
    key = try SSHPublicKey(blob: reader.string())
    namespace = try reader.text()
    reserved = try reader.string()
    let name = try reader.text()
    guard let hash = Hash(rawValue: name) else {
      throw FleetError("SSH signature: found the hash \(name), expected sha256 or sha512")
    }
    self.hash = hash
    proof = try Self.proof(reader.string(), key)
    try reader.end()
  }

  private static func proof(_ bytes: [UInt8], _ key: SSHPublicKey) throws(FleetError) -> Proof {
    var reader = SSHReader(bytes, "SSH signature")
    let type = try reader.text()
    guard type == key.type else {
      throw FleetError("SSH signature: \(type), and the key is \(key.type)")
    }
    let raw = try reader.string()
    let proof: Proof
    switch key.kind {
    case .ed25519: proof = .ed25519(raw)
    case .token:
      proof = .token(raw, flags: try reader.byte(), counter: try reader.take(4))
    case .p256:
      var parts = SSHReader(raw, "SSH signature")
      proof = .p256(try parts.integer(bytes: 32) + parts.integer(bytes: 32))
      try parts.end()
    }
    try reader.end()
    return proof
  }

  /// Throws unless the signature is by one of `keys`, over `message`, in `namespace`.
  public func verify(
    _ message: [UInt8], namespace: String, keys: [SSHPublicKey], _ crypto: any FleetCrypto
  ) throws(FleetError) {
    guard self.namespace == namespace else {
      throw FleetError(
        "SSH signature: namespace \(self.namespace), expected \(namespace): sign with ssh-keygen -Y sign -n \(namespace)"
      )
    }
    guard keys.contains(key) else {
      throw FleetError("SSH signature: its key is not one of those configured: \(key)")
    }
    let hashed =
      switch hash {
      case .sha256: crypto.sha256(message)
      case .sha512: crypto.sha512(message)
      }
    let signed =
      Self.magic + SSHReader.string(Array(namespace.utf8)) + SSHReader.string(reserved)
      + SSHReader.string(Array(hash.rawValue.utf8)) + SSHReader.string(hashed)
    guard isValid(over: signed, crypto) else {
      throw FleetError("SSH signature: does not match what was signed")
    }
  }

  private func isValid(over signed: [UInt8], _ crypto: any FleetCrypto) -> Bool {
    switch (key.kind, proof) {
    case (.ed25519(let point), .ed25519(let raw)):
      return crypto.isValid(ed25519: raw, of: signed, key: point)
    case (.p256(let point), .p256(let raw)):
      return crypto.isValid(p256: raw, of: signed, key: point)
    case (.token(let point, let application), .token(let raw, let flags, let counter)):
      // The lowest flag: somebody touched the token (OpenSSH: PROTOCOL.u2f).
      let message = crypto.sha256(application) + [flags] + counter + crypto.sha256(signed)
      return flags & 1 == 1 && crypto.isValid(ed25519: raw, of: message, key: point)
    default: return false
    }
  }
}
