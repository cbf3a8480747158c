// The header fields of requests to the management service.
import Manage

extension FuzzTarget {
  /// The input is one field on each line. Ranges lie in the file, a coding is one that the client named, a digest is whole,
  /// and nobody gets in without a credential that is ours.
  static let requestFields = FuzzTarget("request-fields", maximumLength: 1024) { bytes in
    let lines = bytes.split(separator: UInt8(ascii: "\n")).map { line in
      let sides = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      let value = sides.count > 1 ? sides[1].drop { $0 == 0x20 } : []
      return (
        name: String(decoding: sides[0], as: UTF8.self), value: String(decoding: value, as: UTF8.self)
      )
    }
    let fields = RequestFields(lines)
    try requireRanges(fields.range)
    try requireCoding(fields.acceptEncoding)
    try requireConditions(fields.conditions)
    let hasEnd = lines.contains { $0.name.lowercased() == "transfer-encoding" }
    try require((fields.bodyLength == nil) == hasEnd, "a body of \(fields.bodyLength ?? 0) bytes")
    do {
      try fields.requirePlainFile()
      if let digest = try fields.digest() {
        try require(digest.count == 32, "\(digest)")
        try require(try DigestField.sha256(DigestField.text(sha256: digest)) == digest, "\(digest)")
      }
    } catch let error as Problem {
      try error.requireRefusal([400, 415])
    }
    do {
      try requireAdmission(try fields.presented(on: Presented()))
    } catch let error as Problem {
      try error.requireRefusal([400])
    }
  }

  private static func requireRanges(_ field: String?) throws(FuzzFailure) {
    for size in [0, 1, 10, 1 << 40, UInt64.max] {
      let selection = ByteRange.select(field, size: size)
      guard case .part(let part) = selection else { continue }
      try require(!part.isEmpty && part.upperBound <= size, "\(part) of \(size)")
      let text = "bytes=\(part.lowerBound)-\(part.upperBound - 1)"
      try require(ByteRange.select(text, size: size) == selection, "\(text) of \(size)")
    }
  }

  private static func requireCoding(_ field: String?) throws(FuzzFailure) {
    let coding = ContentCoding.preferred(field)
    let isNamed = field.map { $0.lowercased().contains(coding.rawValue) } ?? false
    try require(coding == .identity || isNamed, "\(coding) for \(field ?? "nothing")")
  }

  private static func requireConditions(_ conditions: Conditions) throws(FuzzFailure) {
    // "1-a-2"
    let tag = EntityTag(size: 10, modified: 2, inode: 1)
    func mayMatch(_ field: String?) -> Bool {
      field.map { $0.contains("*") || $0.contains("\(tag)") } ?? false
    }
    switch conditions.verdict(on: tag) {
    case .notModified: try require(mayMatch(conditions.ifNoneMatch), "\(conditions)")
    case .failed: try require(conditions.ifMatch != nil, "\(conditions)")
    case .proceed:
      try require(conditions.ifMatch == nil || mayMatch(conditions.ifMatch), "\(conditions)")
    }
    try require(
      conditions.allowsRange(of: tag) == (conditions.ifRange.map { $0 == "\(tag)" } ?? true),
      "\(conditions)")
  }

  // MARK: Who gets in

  /// The token of a reader, and the secret of its session.
  private static let secret = String(repeating: "A", count: 43)
  /// The token of an administrator, which has expired.
  private static let expired = String(repeating: "B", count: 42) + "A"

  private struct Zeros: RandomNumberGenerator { mutating func next() -> UInt64 { 0 } }

  private static let gate: Gate = {
    var zeros = Zeros()
    func entry(_ text: String, _ role: Role, until date: String?) -> TokenEntry {
      TokenEntry(
        principal: Principal(name: role.rawValue, role: role),
        expires: date.flatMap { TokenEntry.expiry($0) },
        hash: TokenHash(of: AccessToken(AccessToken.prefix + text)!, using: &zeros))
    }
    let tokens = [entry(secret, .submit, until: nil), entry(expired, .admin, until: "2000-01-01")]
    var gate = Gate(tokens: TokenFile(tokens))
    let login = try? gate.logIn(
      token: AccessToken.prefix + secret, Presented(), now: now, using: &zeros)
    precondition(login?.secret == secret)
    return gate
  }()
  private static let now = Moment(date: 1_800_000_000, clock: 1)

  private static func requireAdmission(_ presented: Presented) throws {
    for operation in [APIOperation.health, .login, .jobs, .submit, .cancel] {
      var gate = gate
      do {
        guard let principal = try gate.admit(operation, presented, now: now) else {
          try require(operation.role == nil, "\(operation) without a name")
          continue
        }
        try require(principal.name == "submit", "\(principal)")
        try requireCredential(presented, operation)
      } catch let error as Gate.Refusal {
        try error.problem.requireRefusal([400, 401, 403])
        try requirePrintable(error.log ?? "")
      }
    }
  }

  private static func requireCredential(_ presented: Presented, _ operation: APIOperation)
    throws(FuzzFailure)
  {
    guard presented.authorization.isEmpty else {
      let field = presented.authorization[0]
      let isOurs =
        field.lowercased().hasPrefix("bearer ") && field.hasSuffix(AccessToken.prefix + secret)
      return try require(isOurs && presented.authorization.count == 1, "\(presented.authorization)")
    }
    let pair = "\(Sessions.cookie)=\(secret)"
    try require(presented.cookies.contains { $0.contains(pair) }, "\(presented.cookies)")
    guard operation.changesSomething else { return }
    let origins = presented.origin.map { $0.lowercased() }
    try require(origins == ["https://\(presented.host[0].lowercased())"], "\(presented.origin)")
  }
}
