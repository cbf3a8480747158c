// What a server says of itself (INFO) and what the client answers (CONNECT).

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The members of INFO that the client uses; others are ignored.
public struct ServerInfo: Hashable, Sendable, Decodable {
  public let version: String
  public let headers: Bool?
  /// Bytes of headers and body of a message.
  public let maximumPayload: Int
  /// What the client signs to prove its key.
  public let nonce: String?
  public let requiresTLS: Bool?
  /// The server is about to stop: connect to another.
  public let isLameDuck: Bool?
  /// Other servers of the cluster, `ADDRESS:PORT`.
  public let servers: [String]?

  private enum CodingKeys: String, CodingKey {
    case version, headers, nonce
    case maximumPayload = "max_payload"
    case requiresTLS = "tls_required"
    case isLameDuck = "ldm"
    case servers = "connect_urls"
  }

  /// Parses INFO's JSON.
  public init(parsing json: [UInt8]) throws(FrameError) {
    guard let info = try? JSONDecoder().decode(Self.self, from: Data(json)), info.maximumPayload > 0
    else {
      throw FrameError(found: json, expected: "a server's INFO with version and max_payload")
    }
    self = info
  }
}

/// CONNECT's members.
public struct ClientInfo: Hashable, Sendable, Encodable {
  /// No +OK for each operation.
  private let verbose = false
  private let pedantic = false
  private let language = "swift"
  private let version: String
  private let `protocol` = 1
  private let headers = true
  /// A request that nobody answers gets 503 at once.
  private let noResponders = true
  private let echo = false
  private let requiresTLS: Bool
  private let name: String
  private let publicKey: String?
  private let signature: String?

  private enum CodingKeys: String, CodingKey {
    case verbose, pedantic, version, `protocol`, headers, echo, name
    case language = "lang"
    case noResponders = "no_responders"
    case requiresTLS = "tls_required"
    case publicKey = "nkey"
    case signature = "sig"
  }

  /// - Parameter proof: the user's public key, and the signature over the nonce as base64url without padding.
  public init(
    name: String, version: String, requiresTLS: Bool,
    proof: (publicKey: String, signature: String)? = nil
  ) {
    self.name = name
    self.version = version
    self.requiresTLS = requiresTLS
    publicKey = proof?.publicKey
    signature = proof?.signature
  }

  /// One line of JSON.
  public var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings and booleans alone cannot fail.
    return (try? encoder.encode(self)).map { Array($0) } ?? []
  }
}
