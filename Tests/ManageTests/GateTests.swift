// Who is admitted to what.
import BoxAPI
import Testing

@testable import Manage

@Suite(.timeLimit(.minutes(5))) struct `The gate` {
  private static let names: [(name: String, role: Role)] = [
    ("reader", .read), ("submitter", .submit), ("administrator", .admin),
  ]
  private let tokens: [AccessToken]
  private let file: TokenFile
  private let now = Moment(date: 1_000_000_000, clock: 1000)
  private var generator = SystemRandomNumberGenerator()

  init() {
    var generator = SystemRandomNumberGenerator()
    tokens = Self.names.map { _ in AccessToken(using: &generator) }
    file = TokenFile(
      zip(Self.names, tokens).map { about, token in
        TokenEntry(
          principal: Principal(name: about.name, role: about.role),
          expires: Timestamp(text: "2001-09-09T02:46:40Z"),
          hash: TokenHash(of: token, using: &generator))
      })
  }

  private func bearer(_ text: String) -> Presented {
    var presented = Presented()
    presented.authorization = ["Bearer \(text)"]
    presented.address = "192.0.2.1"
    return presented
  }

  private func status(
    _ gate: inout Gate, _ operation: APIOperation, _ presented: Presented, _ now: Moment
  )
    -> Int?
  {
    do throws(Gate.Refusal) {
      _ = try gate.admit(operation, presented, now: now)
      return nil
    } catch {
      return error.problem.status
    }
  }

  @Test func `lets each role do what its operations need, and nothing more`() {
    for operation in APIOperation.allCases {
      for (index, about) in Self.names.enumerated() {
        var gate = Gate(tokens: file)
        let mayPass = operation.role.map { about.role >= $0 } ?? true
        #expect(
          status(&gate, operation, bearer(tokens[index].text), now) == (mayPass ? nil : 403),
          "\(operation) \(about.name)")
      }
    }
  }

  @Test func `no longer admits whose token is gone or has expired, or whose session has ended`() throws
  {
    var generator = SystemRandomNumberGenerator()
    var gate = Gate(tokens: file)
    let reader = bearer(tokens[0].text)
    let secret = try gate.logIn(token: tokens[0].text, reader, now: now, using: &generator).secret
    var page = Presented()
    page.cookies = ["\(Sessions.cookie)=\(secret)"]
    #expect(gate.stillAdmits(.events, reader, now: now) && gate.stillAdmits(.events, page, now: now))
    #expect(!gate.stillAdmits(.events, bearer("synbox_other"), now: now))
    let late = Moment(date: 1_000_003_600, clock: 1100)
    #expect(
      !gate.stillAdmits(.events, reader, now: late) && !gate.stillAdmits(.events, page, now: late))
    // Asking keeps no session open.
    let idle = Moment(date: now.date, clock: now.clock + Sessions.idleTime - 1)
    #expect(gate.stillAdmits(.events, page, now: idle))
    let later = Moment(date: now.date, clock: now.clock + Sessions.idleTime + 1)
    #expect(!gate.stillAdmits(.events, page, now: later))
    gate.logOut(page)
    #expect(!gate.stillAdmits(.events, page, now: now))
    gate.tokens = TokenFile([])
    #expect(!gate.stillAdmits(.events, reader, now: now))
  }

  @Test func `lets nobody pass without valid credentials`() {
    var generator = SystemRandomNumberGenerator()
    let hour = Moment(date: now.date + 3600, clock: now.clock + 3600)
    for operation in APIOperation.allCases where operation.role != nil {
      var gate = Gate(tokens: file)
      #expect(status(&gate, operation, Presented(), now) == 401)
      let wrong = [
        AccessToken(using: &generator).text, "synbox_", "", tokens[2].text + "x",
        tokens[2].text.lowercased(),
      ]
      for text in wrong { #expect(status(&gate, operation, bearer(text), now) == 401, "\(text)") }
      #expect(status(&gate, operation, bearer(tokens[2].text), hour) == 401)
      var basic = Presented()
      basic.authorization = ["Basic " + tokens[2].text]
      #expect(status(&gate, operation, basic, now) == 401)
      var twice = bearer(tokens[2].text)
      twice.authorization += twice.authorization
      #expect(status(&gate, operation, twice, now) == 400)
    }
  }

  @Test func `lets the subject of a certificate pass with its role alone`() {
    var gate = Gate(tokens: TokenFile())
    for (name, unit, expected) in [
      ("alice", "submit", nil), ("alice", "read", 403), ("alice", "root", 403), ("alice", nil, 403),
      (nil, "admin", 403), ("a\nb", "admin", 403), ("", "admin", 403),
    ] as [(String?, String?, Int?)] {
      var presented = Presented()
      presented.certificate = CertificateSubject(commonName: name, organizationalUnit: unit)
      #expect(status(&gate, .submit, presented, now) == expected, "\(name ?? "-") \(unit ?? "-")")
    }
  }

  @Test func `does not fall back to a certificate when a token is wrong`() {
    var gate = Gate(tokens: file)
    var presented = bearer("synbox_wrong")
    presented.certificate = CertificateSubject(commonName: "alice", organizationalUnit: "admin")
    #expect(status(&gate, .status, presented, now) == 401)
  }

  @Test func `limits the failed attempts of an address, but never a valid token`() {
    var gate = Gate(tokens: file, attemptsPerMinute: 3)
    let wrong = bearer("synbox_wrong")
    #expect((0..<5).map { _ in status(&gate, .status, wrong, now) } == [401, 401, 401, 429, 429])
    #expect(status(&gate, .status, bearer(tokens[0].text), now) == nil)
    var neighbour = wrong
    neighbour.address = "192.0.2.2"
    #expect(status(&gate, .status, neighbour, now) == 401)
    let later = Moment(date: now.date + 20, clock: now.clock + 20)
    #expect([0, 1].map { _ in status(&gate, .status, wrong, later) } == [401, 429])
  }

  // MARK: Sessions

  private func cookie(_ secret: String, origin: String? = "https://box:8443") -> Presented {
    var presented = Presented()
    presented.cookies = ["theme=dark; \(Sessions.cookie)=\(secret)"]
    presented.host = ["box:8443"]
    presented.origin = origin.map { [$0] } ?? []
    return presented
  }

  private func session(_ gate: inout Gate, token: Int = 1) throws -> String {
    var generator = SystemRandomNumberGenerator()
    let (secret, principal) = try gate.logIn(
      token: tokens[token].text, Presented(), now: now, using: &generator)
    #expect(principal.name == Self.names[token].name)
    return secret
  }

  @Test func `admits a session to what its token may do`() throws {
    var gate = Gate(tokens: file)
    let secret = try session(&gate)
    #expect(status(&gate, .status, cookie(secret, origin: nil), now) == nil)
    #expect(status(&gate, .submit, cookie(secret), now) == nil)
    #expect(status(&gate, .status, cookie(secret + "x"), now) == 401)
    var twice = cookie(secret)
    twice.cookies += twice.cookies
    #expect(status(&gate, .status, twice, now) == 400)
    gate.logOut(cookie(secret))
    #expect(status(&gate, .status, cookie(secret), now) == 401)
  }

  @Test(arguments: [
    "https://evil", "http://box:8443", "null", "https://box", "https://box:8443.evil", nil,
  ])
  func `admits no change by a session from another page`(_ origin: String?) throws {
    var gate = Gate(tokens: file)
    let secret = try session(&gate)
    for operation in APIOperation.allCases where operation.changesSomething && operation.role != nil {
      #expect(status(&gate, operation, cookie(secret, origin: origin), now) == 403, "\(operation)")
    }
    if origin != nil {
      #expect(status(&gate, .login, cookie(secret, origin: origin), now) == 403)
      #expect(status(&gate, .logout, cookie(secret, origin: origin), now) == 403)
    }
  }

  @Test func `ends sessions by time, with their token, and with its expiry`() throws {
    var gate = Gate(tokens: file)
    let secret = try session(&gate)
    func later(_ hours: Double) -> Moment {
      Moment(date: now.date, clock: now.clock + hours * 3600)
    }
    for hours in stride(from: 1.0, to: 12, by: 1) {
      #expect(status(&gate, .status, cookie(secret), later(hours)) == nil)
    }
    #expect(status(&gate, .status, cookie(secret), later(12)) == 401)
    let idle = try session(&gate)
    #expect(status(&gate, .status, cookie(idle), later(2)) == 401)
    let expiring = try session(&gate)
    let expired = Moment(date: now.date + 3600, clock: now.clock + 60)
    #expect(status(&gate, .status, cookie(expiring), expired) == 401)
    let revoked = try session(&gate)
    gate.tokens.entries.remove(at: 1)
    #expect(status(&gate, .status, cookie(revoked), now) == 401)
  }

  @Test func `keeps a bounded number of sessions and addresses`() throws {
    var generator = SystemRandomNumberGenerator()
    var sessions = Sessions()
    let hash = file.entries[0].hash
    let first = sessions.begin(hash, now: 0, using: &generator)
    for time in 1...1000 { _ = sessions.begin(hash, now: Double(time) / 100, using: &generator) }
    #expect(sessions.count == Sessions.capacity)
    #expect(sessions.token(of: first, now: 10) == nil)
    var limiter = AttemptLimiter(perMinute: 1, capacity: 10)
    for number in 0..<1000 {
      #expect(limiter.recordFailure(from: "\(number)", now: Double(number) / 1000) == .refused)
    }
    #expect(limiter.recordFailure(from: "999", now: 1) == .limited(retryAfter: 60))
    #expect(limiter.recordFailure(from: "0", now: 1) == .refused)
  }
}
