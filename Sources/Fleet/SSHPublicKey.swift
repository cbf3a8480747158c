// Public keys of OpenSSH, as in authorized_keys: operators sign with the keys that they have.
import Support

/// A key that may sign scans or deny lists.
public struct SSHPublicKey: Hashable, Sendable, CustomStringConvertible {
  enum Kind: Hashable, Sendable {
    case ed25519([UInt8])
    /// The point in X9.63 form.
    case p256([UInt8])
    /// A key in a FIDO token, with its application.
    case token([UInt8], application: [UInt8])
  }

  let kind: Kind
  /// The key as SSH writes it (RFC 4253, section 6.6).
  public let blob: [UInt8]
  /// What follows the key in its line, usually its owner.
  public let comment: String

  static let expected = "ssh-ed25519, sk-ssh-ed25519@openssh.com or ecdsa-sha2-nistp256"

  /// Parses a line `TYPE BASE64 [COMMENT]`.
  public init(parsing line: String) throws(FleetError) {
    let parts = line.split(separator: " ", maxSplits: 2).map(String.init)
    guard parts.count >= 2 else {
      throw FleetError("public key: expected its type and its base64, as in a .pub file")
    }
    guard let blob = Base64.decode(Array(parts[1].utf8)) else {
      throw FleetError("public key: the second word is not base64")
    }
    try self.init(blob: blob, comment: parts.count > 2 ? FleetError.shown(parts[2], limit: 80) : "")
    guard type == parts[0] else {
      throw FleetError("public key: the line says \(parts[0]), and the key is \(type)")
    }
  }

  init(blob: [UInt8], comment: String = "") throws(FleetError) {
    self.blob = blob
    self.comment = comment
    var reader = SSHReader(blob, "public key")
    let type = try reader.text()
    switch type {
    case "ssh-ed25519":
      kind = .ed25519(try Self.point(&reader, 32))
    case "sk-ssh-ed25519@openssh.com":
      kind = .token(try Self.point(&reader, 32), application: try reader.string())
    case "ecdsa-sha2-nistp256":
      guard try reader.text() == "nistp256" else { throw FleetError("public key: another curve") }
      let point = try Self.point(&reader, 65)
      guard point[0] == 4 else { throw FleetError("public key: a compressed point") }
      kind = .p256(point)
    default: throw FleetError("public key: found the type \(type), expected \(Self.expected)")
    }
    try reader.end()
  }

  private static func point(_ reader: inout SSHReader, _ count: Int) throws(FleetError) -> [UInt8] {
    let point = try reader.string()
    guard point.count == count else { throw FleetError("public key: \(point.count) bytes") }
    return point
  }

  var type: String {
    switch kind {
    case .ed25519: "ssh-ed25519"
    case .p256: "ecdsa-sha2-nistp256"
    case .token: "sk-ssh-ed25519@openssh.com"
    }
  }

  public var description: String { "\(type) \(Base64.encode(blob))" }

  public static func == (left: Self, right: Self) -> Bool { left.blob == right.blob }
  public func hash(into hasher: inout Hasher) { hasher.combine(blob) }
}
