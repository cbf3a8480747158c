// The header fields of a request, which anybody may send, by what they mean to this service.

/// The fields of a request's head. Those that are malformed count as absent, unless that would be dangerous.
public struct RequestFields: Hashable, Sendable {
  /// By lower-case names, each field as it came.
  private var fields: [String: [String]] = [:]

  public init(_ fields: some Sequence<(name: String, value: String)>) {
    for (name, value) in fields { self.fields[name.lowercased(), default: []].append(value) }
  }

  /// Returns the fields of a lower-case name.
  private func all(_ name: String) -> [String] { fields[name] ?? [] }

  /// Returns all fields of a lower-case name as one; nil if there is none.
  private func joined(_ name: String) -> String? { fields[name]?.joined(separator: ", ") }

  // MARK: The body

  /// How many bytes the body has: nil if only its end tells, the greatest number if the field is none.
  public var bodyLength: UInt64? {
    guard all("transfer-encoding").isEmpty else { return nil }
    guard let field = all("content-length").first else { return 0 }
    let isNumber = field.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    return isNumber ? UInt64(field) ?? .max : .max
  }

  public var expectsContinue: Bool { all("expect").contains { $0.lowercased() == "100-continue" } }

  /// - Throws: a `Problem` if the body is not a file as it is, and whole.
  public func requirePlainFile() throws(Problem) {
    guard all("content-encoding").allSatisfy({ $0.lowercased() == "identity" }) else {
      throw Problem(
        415, "The content coding is not supported",
        "send the file as it is; a file that is itself gzip or zstd is expanded by the box")
    }
    guard all("content-range").isEmpty else {
      throw Problem.malformed("found Content-Range, expected a whole file")
    }
  }

  /// Returns the SHA-256 that the client says the body has; nil if it says none.
  ///
  /// - Throws: a `Problem` if the field is malformed.
  public func digest() throws(Problem) -> [UInt8]? {
    guard let field = joined("repr-digest") ?? joined("content-digest") else { return nil }
    return try DigestField.sha256(field)
  }

  // MARK: The answer

  public var conditions: Conditions {
    Conditions(
      ifMatch: joined("if-match"), ifNoneMatch: joined("if-none-match"),
      ifRange: all("if-range").first)
  }

  public var range: String? { all("range").first }

  public var acceptEncoding: String? { joined("accept-encoding") }

  // MARK: The sender

  /// Returns what the connection shows of the sender, and what the request adds.
  ///
  /// - Throws: a `Problem` unless there is one Host field.
  public func presented(on connection: Presented) throws(Problem) -> Presented {
    var presented = connection
    presented.authorization = all("authorization")
    presented.cookies = all("cookie")
    presented.origin = all("origin")
    presented.host = all("host")
    guard presented.host.count == 1 else {
      throw Problem.malformed("found \(presented.host.count) Host fields, expected one")
    }
    return presented
  }
}
