// What the service answers when it refuses: problem details (RFC 9457).
import BoxAPI
import Plan

/// A refusal: the status code, what went wrong, and what to do.
public struct Problem: Error, Hashable, Sendable {
  public let status: Int
  public let title: String
  public let detail: String
  /// Further header fields of the answer.
  public var headers: [HeaderField] = []
  public var mistakes: [Mistake] = []
  /// Whether the connection must end, because the rest of the request will not be read.
  public var endsConnection = false

  public init(_ status: Int, _ title: String, _ detail: String, headers: [HeaderField] = []) {
    self.status = status
    self.title = title
    self.detail = detail
    self.headers = headers
  }

  /// A mistake in a target file.
  public struct Mistake: Hashable, Sendable, Encodable {
    public let line: Int?
    public let column: Int?
    public let found: String
    public let expected: String

    public init(_ error: InputError) {
      line = error.line
      column = error.column
      found = error.found
      expected = error.expected
    }
  }

  /// The body of the answer: `application/problem+json`.
  public var json: [UInt8] { JSONText.line(Body(self)) }

  private struct Body: Encodable {
    let title: String
    let status: Int
    let detail: String
    let line: Int?
    let column: Int?
    let found: String?
    let expected: String?
    let mistakes: [Mistake]?

    init(_ problem: Problem) {
      title = problem.title
      status = problem.status
      detail = problem.detail
      let first = problem.mistakes.first
      line = first?.line
      column = first?.column
      found = first?.found
      expected = first?.expected
      mistakes = problem.mistakes.isEmpty ? nil : problem.mistakes
    }
  }
}

/// A header field of an answer.
public struct HeaderField: Hashable, Sendable {
  public let name: String
  public let value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

extension Problem {
  public static func malformed(_ detail: String) -> Problem {
    Problem(400, "The request is malformed", detail)
  }

  public static func notFound(_ detail: String) -> Problem { Problem(404, "Not found", detail) }

  public static func forbidden(_ detail: String) -> Problem { Problem(403, "Not allowed", detail) }

  public static func conflict(_ detail: String) -> Problem { Problem(409, "Conflict", detail) }

  public static func unavailable(_ detail: String, retryAfter seconds: Int = 5) -> Problem {
    Problem(503, "Not available", detail, headers: [HeaderField("Retry-After", "\(seconds)")])
  }

  public static func tooLarge(_ limit: Int) -> Problem {
    var problem = Problem(
      413, "The body is too large", "found more than \(limit) bytes, expected at most that")
    problem.endsConnection = true
    return problem
  }

  /// Mistakes in a target file, at least one.
  public static func mistakes(_ errors: [InputError]) -> Problem {
    var problem = Problem(
      400, "The target file has mistakes",
      "\(errors[0])" + (errors.count > 1 ? ", and \(errors.count - 1) more" : ""))
    problem.mistakes = errors.map(Mistake.init)
    return problem
  }
}
