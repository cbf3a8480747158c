// The file of tokens: who may do what, and until when.
import BoxAPI
import Plan
import Settings
import Support

/// What somebody may do. Each role includes those before it.
public enum Role: String, CaseIterable, Comparable, Sendable {
  /// To see jobs, results, status and metrics.
  case read
  /// To submit target files, and to cancel one's own jobs and mark their results as fetched.
  case submit
  /// To do that with everybody's jobs.
  case admin

  public static func < (a: Self, b: Self) -> Bool {
    allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
  }
}

/// Who somebody is and may be: the owner of a token, or the subject of a certificate.
public struct Principal: Hashable, Sendable {
  public let name: String
  public let role: Role

  public init(name: String, role: Role) {
    self.name = name
    self.role = role
  }
}

/// One token of the file.
public struct TokenEntry: Hashable, Sendable {
  public let principal: Principal
  /// When it stops being valid, RFC 3339 in UTC; nil for never.
  public let expires: Timestamp?
  public let hash: TokenHash

  public init(principal: Principal, expires: Timestamp?, hash: TokenHash) {
    self.principal = principal
    self.expires = expires
    self.hash = hash
  }

  /// - Parameter now: seconds since 1970.
  func isExpired(now: Double) -> Bool { expires?.seconds.map { now >= $0 } ?? false }

  /// The section that is appended to a token file.
  public var section: String {
    """

    [[token]]
    name = "\(Escaping.quotable(principal.name))"
    role = "\(principal.role.rawValue)"
    \(expires.map { "expires = \"\($0.text)\"\n" } ?? "")hash = "\(hash)"

    """
  }
}

/// The content of a token file.
public struct TokenFile: Hashable, Sendable {
  public var entries: [TokenEntry]

  /// Bytes.
  public static let maximumSize = 1 << 18

  public init(_ entries: [TokenEntry] = []) { self.entries = entries }

  /// - Throws: an `InputError` with the place of the first mistake.
  public init(_ bytes: [UInt8], file: String) throws(InputError) {
    let table = StrictTable(try TOMLDocument(bytes, file: file, maximumSize: Self.maximumSize))
    try table.requireKnown(["token"])
    entries = []
    for section in try table.sections("token", known: ["name", "role", "expires", "hash"]) {
      entries.append(try TokenEntry(section, file: file))
    }
  }

  /// What came of a token.
  public enum Verdict: Hashable, Sendable {
    case valid(TokenEntry)
    /// It was valid until its time came.
    case expired(name: String)
    case unknown
  }

  /// Finds out whose token this is. Looks at every entry, so that the time tells nothing.
  ///
  /// - Parameter now: seconds since 1970.
  public func verdict(on token: AccessToken, now: Double) -> Verdict {
    var verdict = Verdict.unknown
    for entry in entries where entry.hash.matches(token) {
      verdict =
        entry.isExpired(now: now) ? .expired(name: entry.principal.name) : .valid(entry)
    }
    return verdict
  }
}

extension TokenEntry {
  static let maximumNameLength = 64

  init(_ section: StrictTable, file: String) throws(InputError) {
    let name = try section.required("name", "a name")
    guard Self.isUsable(name: name) else {
      throw section.error(
        "name", found: TOMLValue.quoted(name),
        expected: "at most \(Self.maximumNameLength) visible characters without quotes and backslashes")
    }
    let roles = Role.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    guard let role = Role(rawValue: try section.required("role", "one of \(roles)")) else {
      throw section.error("role", found: "another role", expected: "one of \(roles)")
    }
    var expires: Timestamp?
    if let text = try section.text("expires", Self.time) {
      guard let time = Self.expiry(text) else {
        throw section.error("expires", found: TOMLValue.quoted(text), expected: Self.time)
      }
      expires = time
    }
    // The message does not show what may be a token.
    guard let hash = TokenHash(try section.required("hash", "\"sha256:SALT:DIGEST\"")) else {
      throw section.error("hash", found: "another text", expected: "\"sha256:SALT:DIGEST\"")
    }
    self.init(principal: Principal(name: name, role: role), expires: expires, hash: hash)
  }

  private static let time = "a time in UTC such as \"2030-12-31T00:00:00Z\", or a date"

  /// Returns whether somebody can have this name.
  public static func isUsable(name: String) -> Bool {
    !name.isEmpty && name.unicodeScalars.count <= maximumNameLength
      && Escaping.quotable(name) == name
  }

  /// Returns the time for `2030-12-31`, which is the beginning of that day, or `2030-12-31T00:00:00Z`; nil for anything
  /// else, and for years from 2500 on, which nanoseconds could not count.
  public static func expiry(_ text: String) -> Timestamp? {
    let isDate = text.utf8.count == 10
    let time = Timestamp(text: isDate ? text + "T00:00:00Z" : text)
    let bytes = Array(time.text.utf8)
    guard bytes.count == 20, bytes[10] == UInt8(ascii: "T"),
      [4, 7].allSatisfy({ bytes[$0] == UInt8(ascii: "-") }),
      [13, 16].allSatisfy({ bytes[$0] == UInt8(ascii: ":") }), let seconds = time.seconds,
      (0..<16_725_225_600).contains(seconds),
      // A date that does not exist would come back as another one.
      Timestamp(nanoseconds: UInt64(seconds) * 1_000_000_000).text.prefix(19) == time.text.prefix(19)
    else { return nil }
    return time
  }
}
