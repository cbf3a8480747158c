// Who may do what: tokens, sessions and certificates, judged for each request.

/// What a request shows of its sender.
public struct Presented: Hashable, Sendable {
  /// The fields of these names, each as it came.
  public var authorization: [String] = []
  public var cookies: [String] = []
  public var origin: [String] = []
  public var host: [String] = []
  /// The subject of the client's certificate, which the TLS library has verified.
  public var certificate: CertificateSubject?
  /// The address of the client, without the port.
  public var address = ""

  public init() {}
}

/// The subject of a client certificate: the common name is the name, the organizational unit the role.
public struct CertificateSubject: Hashable, Sendable {
  public let commonName: String?
  public let organizationalUnit: String?

  public init(commonName: String?, organizationalUnit: String?) {
    self.commonName = commonName
    self.organizationalUnit = organizationalUnit
  }

  var principal: Principal? {
    guard let commonName, TokenEntry.isUsable(name: commonName),
      let role = organizationalUnit.flatMap(Role.init(rawValue:))
    else { return nil }
    return Principal(name: commonName, role: role)
  }
}

/// A moment, by two clocks, in seconds.
public struct Moment: Hashable, Sendable {
  /// Since 1970: what an expiry is compared with.
  public let date: Double
  /// Of a clock that never goes back.
  public let clock: Double

  public init(date: Double, clock: Double) {
    self.date = date
    self.clock = clock
  }
}

/// Admits requests.
public struct Gate: Sendable {
  public var tokens: TokenFile
  private var sessions = Sessions()
  private var limiter: AttemptLimiter

  public init(tokens: TokenFile, attemptsPerMinute: Int = 10) {
    self.tokens = tokens
    limiter = AttemptLimiter(perMinute: attemptsPerMinute)
  }

  /// A refusal, and what the log says about it; nil for what is no attempt to get in.
  public struct Refusal: Error, Hashable, Sendable {
    public let problem: Problem
    public let log: String?
  }

  /// Finds out who sends a request, and whether they may do this.
  ///
  /// - Returns: nil if anybody may.
  public mutating func admit(
    _ operation: APIOperation, _ presented: Presented, now: Moment
  ) throws(Refusal) -> Principal? {
    guard let needed = operation.role else {
      // A browser sends the cookie along, so a foreign page could end a session or begin one.
      if operation.changesSomething { try requireOrigin(presented, mayBeAbsent: true) }
      return nil
    }
    let principal = try identify(operation, presented, now)
    guard principal.role >= needed else {
      throw Refusal(
        problem: .forbidden(
          "\(principal.name) has the role \(principal.role.rawValue), and this needs \(needed.rawValue)"
        ),
        log: "the role of \(principal.name) is too low")
    }
    return principal
  }

  /// Returns whether a request that was admitted would still be. Counts no attempt and keeps no session open.
  public func stillAdmits(_ operation: APIOperation, _ presented: Presented, now: Moment) -> Bool {
    var copy = self
    do throws(Refusal) {
      _ = try copy.admit(operation, presented, now: now)
      return true
    } catch {
      return false
    }
  }

  private mutating func identify(
    _ operation: APIOperation, _ presented: Presented, _ now: Moment
  ) throws(Refusal) -> Principal {
    guard presented.authorization.count <= 1 else {
      throw Refusal(
        problem: .malformed("found several Authorization fields, expected one"), log: nil)
    }
    if let field = presented.authorization.first {
      return try bearer(field, presented, now).principal
    }
    if let secret = try Self.secret(presented.cookies) {
      if operation.changesSomething { try requireOrigin(presented, mayBeAbsent: false) }
      guard let hash = sessions.token(of: secret, now: now.clock),
        let entry = tokens.entries.first(where: { $0.hash == hash }), !entry.isExpired(now: now.date)
      else { throw unauthorized("the session has ended; log in again") }
      return entry.principal
    }
    if let subject = presented.certificate {
      guard let principal = subject.principal else {
        throw Refusal(
          problem: .forbidden(
            "the certificate's subject has no usable common name (CN) or none of the roles read, submit, admin "
              + "as its organizational unit (OU)"), log: "a certificate without a role")
      }
      return principal
    }
    throw unauthorized(
      "expected Authorization: Bearer TOKEN, a session's cookie or a client certificate")
  }

  private mutating func bearer(
    _ field: String, _ presented: Presented, _ now: Moment
  ) throws(Refusal) -> TokenEntry {
    let words = field.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
    guard words.count == 2, words[0].lowercased() == "bearer" else {
      throw failed(presented, now, "another scheme than Bearer")
    }
    return try entry(of: String(words[1]), presented, now)
  }

  /// Returns the entry of a token that somebody presents.
  private mutating func entry(
    of text: String, _ presented: Presented, _ now: Moment
  ) throws(Refusal) -> TokenEntry {
    guard let token = AccessToken(text) else { throw failed(presented, now, "no token of ours") }
    switch tokens.verdict(on: token, now: now.date) {
    case .valid(let entry): return entry
    case .expired(let name): throw failed(presented, now, "the expired token of \(name)")
    case .unknown: throw failed(presented, now, "an unknown token")
    }
  }

  // MARK: Sessions

  /// Begins a session of the page. Returns its secret, for the cookie.
  public mutating func logIn(
    token: String, _ presented: Presented, now: Moment,
    using generator: inout some RandomNumberGenerator
  ) throws(Refusal) -> (secret: String, principal: Principal) {
    let entry = try entry(of: token, presented, now)
    return (sessions.begin(entry.hash, now: now.clock, using: &generator), entry.principal)
  }

  /// Ends the session of the request's cookie, if there is one.
  public mutating func logOut(_ presented: Presented) {
    if let secret = try? Self.secret(presented.cookies) { sessions.end(secret) }
  }

  /// The value of the session's cookie.
  static func secret(_ fields: [String]) throws(Refusal) -> String? {
    var found: [Substring] = []
    for field in fields {
      for pair in field.split(separator: ";") {
        let pair = pair.drop { $0 == " " }
        if pair.hasPrefix("\(Sessions.cookie)=") {
          found.append(pair.dropFirst(Sessions.cookie.count + 1))
        }
      }
    }
    guard found.count <= 1 else {
      throw Refusal(
        problem: .malformed("found several cookies \(Sessions.cookie), expected one"), log: nil)
    }
    return found.first.map(String.init)
  }

  /// Requires that a request comes from our own page. Browsers send Origin with every request that is not GET or HEAD.
  private func requireOrigin(_ presented: Presented, mayBeAbsent: Bool) throws(Refusal) {
    if presented.origin.isEmpty, mayBeAbsent { return }
    guard presented.origin.count == 1, presented.host.count == 1,
      presented.origin[0].lowercased() == "https://\(presented.host[0].lowercased())"
    else {
      throw Refusal(
        problem: .forbidden("the request does not come from this service's page (Origin)"),
        log: "a foreign or missing Origin")
    }
  }

  // MARK: Refusals

  private func unauthorized(_ detail: String) -> Refusal {
    Refusal(problem: Self.unauthorized(detail), log: nil)
  }

  private static func unauthorized(_ detail: String) -> Problem {
    Problem(
      401, "Who is this?", detail, headers: [HeaderField("WWW-Authenticate", "Bearer realm=\"synbox\"")]
    )
  }

  /// Counts a failed attempt.
  private mutating func failed(_ presented: Presented, _ now: Moment, _ what: String) -> Refusal {
    switch limiter.recordFailure(from: presented.address, now: now.clock) {
    case .refused:
      return Refusal(
        problem: Self.unauthorized("the token is not valid; `synboxctl token new` makes one"), log: what
      )
    case .limited(let seconds):
      return Refusal(
        problem: Problem(
          429, "Too many failed attempts", "try again in \(seconds) s, with a valid token",
          headers: [HeaderField("Retry-After", "\(seconds)")]),
        // The log would be theirs to fill.
        log: nil)
    }
  }
}
