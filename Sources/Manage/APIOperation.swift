// What the service does: the operations of docs/reference/openapi.json.

/// An operation, named as in the OpenAPI document.
public enum APIOperation: String, CaseIterable, Sendable {
  case health, page, login, logout, session, document
  case submit, jobs, job, cancel, result, fetched, status, events, metrics

  /// The method and the path, in which `{}` stands for a name.
  public var route: (method: String, path: String) {
    switch self {
    case .health: ("GET", "/healthz")
    case .page: ("GET", "/")
    case .login: ("POST", "/login")
    case .logout: ("POST", "/logout")
    case .session: ("GET", "/v1/session")
    case .document: ("GET", "/v1/openapi.json")
    case .submit: ("PUT", "/v1/spool/{}")
    case .jobs: ("GET", "/v1/jobs")
    case .job: ("GET", "/v1/jobs/{}")
    case .cancel: ("DELETE", "/v1/jobs/{}")
    case .result: ("GET", "/v1/results/{}/{}")
    case .fetched: ("PUT", "/v1/results/{}/fetched")
    case .status: ("GET", "/v1/status")
    case .events: ("GET", "/v1/events")
    case .metrics: ("GET", "/metrics")
    }
  }

  /// The least role that may; nil if anybody may.
  public var role: Role? {
    switch self {
    case .health, .page, .login, .logout: nil
    case .submit, .cancel, .fetched: .submit
    case .session, .document, .jobs, .job, .result, .status, .events, .metrics: .read
    }
  }

  /// The parameters that its query may have.
  var parameters: Set<String> { self == .jobs ? ["state", "offset", "limit"] : [] }

  /// Whether it changes something, so that a browser must prove where the request comes from.
  public var changesSomething: Bool { route.method != "GET" }

  /// The most bytes of a body, for all operations but `submit`.
  public var bodyLimit: Int { self == .login ? 4096 : 0 }
}

/// What a request asks for.
public struct RoutedRequest: Hashable, Sendable {
  public let operation: APIOperation
  /// The names in its path.
  public let names: [[UInt8]]
  public let query: [String: String]
  /// Whether the answer has no body (HEAD).
  public let isHead: Bool

  /// Finds the operation of a method and a target.
  ///
  /// - Throws: a `Problem` with status 400, 404 or 405.
  public init(method: String, target text: String) throws(Problem) {
    let target = try RequestTarget(text)
    isHead = method == "HEAD"
    query = target.query
    var allowed: [String] = []
    // `fetched` is no file: the most exact path counts.
    var path: String?
    let operations = APIOperation.allCases.sorted { $0.placeholders < $1.placeholders }
    for candidate in operations {
      guard let names = candidate.names(in: target.segments),
        path == nil || path == candidate.route.path
      else { continue }
      path = candidate.route.path
      guard candidate.route.method == (isHead ? "GET" : method) else {
        allowed.append(candidate.route.method)
        continue
      }
      operation = candidate
      self.names = names
      for name in query.keys.sorted() where !candidate.parameters.contains(name) {
        let known = candidate.parameters.sorted().joined(separator: ", ")
        throw Problem.malformed(
          "found an unknown parameter in the query, expected \(known.isEmpty ? "none" : known)")
      }
      return
    }
    guard allowed.isEmpty else {
      if allowed.contains("GET") { allowed.append("HEAD") }
      throw Problem(
        405, "The method is not allowed", "expected \(allowed.joined(separator: " or ")) here",
        headers: [HeaderField("Allow", allowed.joined(separator: ", "))])
    }
    throw Problem.notFound("nothing has this path; GET /v1/openapi.json lists all")
  }
}

extension APIOperation {
  private var pattern: [Substring] { route.path.split(separator: "/") }

  fileprivate var placeholders: Int { pattern.count { $0 == "{}" } }

  /// Returns the names in a path; nil if it is another operation's.
  fileprivate func names(in segments: [[UInt8]]) -> [[UInt8]]? {
    let pattern = pattern
    guard pattern.count == segments.count else { return nil }
    var names: [[UInt8]] = []
    for (part, segment) in zip(pattern, segments) {
      if part == "{}" {
        names.append(segment)
      } else if !part.utf8.elementsEqual(segment) {
        return nil
      }
    }
    return names
  }
}
