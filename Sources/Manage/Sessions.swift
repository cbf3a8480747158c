// The sessions of the page, in memory: they end with the service.
import Plan
import Support

/// The open sessions. Their secrets are kept as hashes, so that looking one up takes a time that tells nothing.
public struct Sessions: Sendable {
  /// The cookie that holds the secret. A browser takes a cookie of this prefix over HTTPS only, for this host only.
  public static let cookie = "__Host-synbox"
  /// Seconds from the login, and from the last request, after which a session ends.
  static let lifetime = 12.0 * 3600
  static let idleTime = 2.0 * 3600
  static let capacity = 256

  struct Session: Hashable, Sendable {
    /// The token that was given at the login: when it goes, so does the session.
    let token: TokenHash
    let began: Double
    var used: Double
  }
  private var sessions: [String: Session] = [:]

  public init() {}

  var count: Int { sessions.count }

  /// Begins a session. Returns its secret.
  ///
  /// - Parameter now: seconds, of a clock that never goes back.
  mutating func begin(
    _ token: TokenHash, now: Double, using generator: inout some RandomNumberGenerator
  ) -> String {
    sessions = sessions.filter { isOpen($0.value, now) }
    while sessions.count >= Self.capacity,
      let oldest = sessions.min(by: { $0.value.used < $1.value.used })
    {
      sessions[oldest.key] = nil
    }
    let secret = Base64URL.encode((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
    sessions[Self.key(secret)] = Session(token: token, began: now, used: now)
    return secret
  }

  /// Returns the token by which a session began; nil if there is no such session.
  mutating func token(of secret: String, now: Double) -> TokenHash? {
    let key = Self.key(secret)
    guard var session = sessions[key], isOpen(session, now) else { return nil }
    session.used = now
    sessions[key] = session
    return session.token
  }

  mutating func end(_ secret: String) { sessions[Self.key(secret)] = nil }

  private func isOpen(_ session: Session, _ now: Double) -> Bool {
    now - session.began < Self.lifetime && now - session.used < Self.idleTime
  }

  private static func key(_ secret: String) -> String { SHA256.hex(Array(secret.utf8)) }
}
