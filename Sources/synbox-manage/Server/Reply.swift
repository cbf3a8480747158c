// Answers, before they are written.
import Manage
import ManageHost
import NIOHTTP1
import ServiceHost

/// An answer to a request.
struct Reply: Sendable {
  enum Body: Sendable {
    case none
    case bytes([UInt8])
    case file(ResultFile, Range<UInt64>, ContentCoding)
    case events
  }

  var status: Int
  var headers: [HeaderField] = []
  var body = Body.none
  var endsConnection = false

  init(_ status: Int, _ headers: [HeaderField] = [], body: Body = .none) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// An answer in JSON.
  static func json(_ status: Int, _ text: [UInt8], _ headers: [HeaderField] = []) -> Reply {
    Reply(status, [HeaderField("Content-Type", "application/json")] + headers, body: .bytes(text))
  }

  init(_ problem: Problem) {
    self.init(
      problem.status, [HeaderField("Content-Type", "application/problem+json")] + problem.headers,
      body: .bytes(problem.json))
    endsConnection = problem.endsConnection
  }

  /// Any other error is a failure of this program: its text is for the log, not for clients.
  init(_ error: any Error) {
    switch error {
    case let problem as Problem: self.init(problem)
    default:
      Log.write(.error, "a request failed", ["error": "\(error)"])
      self.init(Problem(500, "The service failed", "the log of the service says why"))
    }
  }

  /// How many bytes the body has; nil if that is known only when it has been sent.
  var length: UInt64? {
    switch body {
    case .none: 0
    case .bytes(let bytes): UInt64(bytes.count)
    case .file(_, let range, .identity): UInt64(range.count)
    case .file, .events: nil
    }
  }

  /// The head of the answer.
  ///
  /// - Parameter seconds: since 1970.
  func head(isLast: Bool, seconds: Int) -> HTTPResponseHead {
    var fields = HTTPHeaders()
    fields.add(name: "Date", value: HTTPDate.text(seconds: seconds))
    for header in headers { fields.replaceOrAdd(name: header.name, value: header.value) }
    if !fields.contains(name: "Cache-Control") {
      fields.add(name: "Cache-Control", value: "no-store")
    }
    fields.add(name: "X-Content-Type-Options", value: "nosniff")
    fields.add(name: "Referrer-Policy", value: "no-referrer")
    fields.add(name: "Cross-Origin-Resource-Policy", value: "same-origin")
    if !fields.contains(name: "Content-Security-Policy") {
      fields.add(name: "Content-Security-Policy", value: "default-src 'none'; frame-ancestors 'none'")
    }
    if let length, status != 204, status != 304 {
      fields.add(name: "Content-Length", value: "\(length)")
    }
    if isLast { fields.add(name: "Connection", value: "close") }
    return HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: fields)
  }
}
