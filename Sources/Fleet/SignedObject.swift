// An object with its signature: by a box or the collector (Ed25519), or by an operator (SSHSIG).
import Support

/// `{"body":{…},"sig":"…"}`.
public struct SignedObject: Hashable, Sendable {
  /// The most bytes of an object other than a manifest.
  public static let largest = 128 << 10

  public let body: JSONValue
  /// Hexadecimal digits, or an armored SSHSIG.
  public let signature: String

  public init(body: JSONValue, signature: String) {
    self.body = body
    self.signature = signature
  }

  /// Parses an object; its signature is not checked yet.
  public init(parsing bytes: [UInt8], _ what: String, limit: Int = largest) throws(FleetError) {
    let fields = try Fields(
      JSONValue(parsing: bytes, what, limit: limit), what, known: ["body", "sig"])
    guard case .object = fields.members["body"] else { throw fields.error("body", "an object") }
    body = fields.members["body"] ?? .null
    signature = try fields.text("sig", limit: 4096)
  }

  public var bytes: [UInt8] {
    JSONValue.object(["body": body, "sig": .text(signature)]).canonical
  }

  // MARK: Boxes and the collector

  /// What a box or the collector signs: no signature counts for an object of another kind.
  public enum Domain: String, Sendable {
    case hello, licence, manifest

    func message(_ body: JSONValue) -> [UInt8] { Array(rawValue.utf8) + [0] + body.canonical }
  }

  /// Signs a body; nil if the process does not have the key.
  public static func sign(
    _ body: JSONValue, _ domain: Domain, with key: SigningKey, _ crypto: any FleetCrypto
  ) -> SignedObject? {
    crypto.sign(domain.message(body), with: key).map {
      SignedObject(body: body, signature: Hexadecimal.encode($0))
    }
  }

  /// Throws unless the holder of `key` signed the body as an object of this domain.
  public func verify(_ domain: Domain, key: [UInt8], _ crypto: any FleetCrypto) throws(FleetError) {
    guard let raw = Hexadecimal.decode(signature), raw.count == 64,
      crypto.isValid(ed25519: raw, of: domain.message(body), key: key)
    else { throw FleetError("\(domain.rawValue): the signature is not by the expected key") }
  }

  // MARK: Operators

  /// The namespaces of `ssh-keygen -Y sign -n`.
  public enum Namespace: String, Sendable {
    case scan = "synbox-scan"
    case deny = "synbox-deny"
  }

  /// Throws unless one of `keys` signed the canonical body in this namespace.
  public func verify(_ namespace: Namespace, keys: [SSHPublicKey], _ crypto: any FleetCrypto)
    throws(FleetError)
  {
    let signature = try SSHSignature(armored: signature)
    try signature.verify(
      body.canonical, namespace: namespace.rawValue, keys: keys, crypto)
  }
}
