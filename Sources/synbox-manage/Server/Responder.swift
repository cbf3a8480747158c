// What each operation answers.
import Kernel
import Manage
import ManageHost
import ManagePage
import NIOHTTP1
import ServiceHost

/// A request that was admitted, with its whole body.
struct AdmittedRequest: Sendable {
  let routed: RoutedRequest
  let principal: Principal?
  let presented: Presented
  let conditions: Conditions
  let range: String?
  let acceptEncoding: String?
  let body: [UInt8]
}

extension Service {
  /// Answers a request; `submit` has a way of its own (`UploadStream`).
  func answer(_ request: AdmittedRequest, then: @escaping (Reply) -> Void) {
    let folder = parts.folder
    func answerLater(_ body: @escaping @Sendable () throws -> Reply) {
      work(body) { result in
        switch result {
        case .success(let reply): then(reply)
        case .failure(let error): then(Reply(error))
        }
      }
    }
    switch request.routed.operation {
    case .health: then(Reply(204))
    case .page:
      then(
        Reply(
          200,
          [
            HeaderField("Content-Type", "text/html; charset=utf-8"),
            HeaderField("Content-Security-Policy", parts.page.contentSecurityPolicy),
          ], body: .bytes(parts.page.html)))
    case .document: then(.json(200, parts.document))
    case .session:
      then(request.principal.map { .json(200, SessionAnswer($0).json) } ?? Reply(Problem.notFound("")))
    case .login: then(logIn(request))
    case .logout:
      gate.logOut(request.presented)
      then(
        Reply(
          204, [HeaderField("Set-Cookie", "\(Sessions.cookie)=; Path=/; Max-Age=0; \(Self.attributes)")]
        ))
    case .submit: then(Reply(Problem(500, "The service failed", "an upload without a body")))
    case .jobs:
      answerLater { .json(200, JSONText.line(try folder.jobs(try JobQuery(request.routed.query)))) }
    case .job:
      answerLater { .json(200, try folder.jobText(try DataFolder.jobName(request.routed.names[0]))) }
    case .cancel, .fetched: change(request, answerLater)
    case .result: result(request, then: then)
    case .status: status(then: then)
    case .events:
      then(Reply(200, [HeaderField("Content-Type", "text/event-stream")], body: .events))
    case .metrics:
      let own = metrics.text(
        version: BuildIdentity.number, started: parts.started, openConnections: openConnections)
      answerLater {
        Reply(
          200, [HeaderField("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
          body: .bytes((folder.metricsText() ?? []) + Array(own.utf8)))
      }
    }
  }

  private static let attributes = "Secure; HttpOnly; SameSite=Strict"

  private func logIn(_ request: AdmittedRequest) -> Reply {
    guard let login = JSONText.read(LoginBody.self, request.body) else {
      return Reply(Problem.malformed("expected {\"token\": \"synbox_…\"}"))
    }
    var generator = SystemRandomNumberGenerator()
    do throws(Gate.Refusal) {
      let (secret, principal) = try gate.logIn(
        token: login.token, request.presented, now: Self.now, using: &generator)
      Log.write(.notice, "logged in", ["by": principal.name, "from": request.presented.address])
      return .json(
        200, SessionAnswer(principal).json,
        [HeaderField("Set-Cookie", "\(Sessions.cookie)=\(secret); Path=/; \(Self.attributes)")])
    } catch {
      log(error, request.presented)
      return Reply(error.problem)
    }
  }

  func log(_ refusal: Gate.Refusal, _ presented: Presented) {
    if refusal.problem.status == 401 || refusal.problem.status == 429 { metrics.attemptsFailed += 1 }
    guard let what = refusal.log else { return }
    Log.write(.warning, "refused", ["why": what, "from": presented.address])
  }

  private func change(
    _ request: AdmittedRequest, _ answerLater: (@escaping @Sendable () throws -> Reply) -> Void
  ) {
    guard let principal = request.principal else { return }
    let folder = parts.folder
    let address = request.presented.address
    let isCancel = request.routed.operation == .cancel
    answerLater {
      let name = try DataFolder.jobName(request.routed.names[0])
      let reply: Reply
      if isCancel {
        reply = .json(202, JSONText.line(try folder.cancel(name, by: principal)))
      } else {
        try folder.markFetched(name, by: principal)
        reply = Reply(204)
      }
      Log.write(
        .notice, isCancel ? "cancelled" : "marked as fetched",
        ["job": name, "by": principal.name, "from": address])
      return reply
    }
  }

  private func status(then: @escaping (Reply) -> Void) {
    let folder = parts.folder
    work {
      folder.statusText()
    } then: { [self] result in
      guard case .success(let text?) = result else {
        return then(
          Reply(
            Problem.unavailable("the scanner has written no status: `synbox serve` has never run here"))
        )
      }
      guard let answer = statusAnswer(text) else {
        return then(Reply(Problem.unavailable("status.json is no JSON object")))
      }
      then(.json(200, answer))
    }
  }

  private func result(_ request: AdmittedRequest, then: @escaping (Reply) -> Void) {
    let folder = parts.folder
    let names = request.routed.names
    work {
      try folder.resultFile(job: try DataFolder.jobName(names[0]), file: names[1])
    } then: { [self] result in
      guard case .success(let file) = result else {
        if case .failure(let error) = result { then(Reply(error)) }
        return
      }
      digests.find(file, self) { [self] result in
        switch result {
        case .success(let sha256):
          let mayCompress = compressing < Self.maximumCompressing
          then(Self.reply(with: file, sha256, request, mayCompress: mayCompress))
        case .failure(let error): then(Reply(error))
        }
      }
    }
  }

  /// Below this, compression saves nothing worth its time.
  private static let smallestCompressed: UInt64 = 1024

  static func reply(
    with file: ResultFile, _ sha256: [UInt8], _ request: AdmittedRequest, mayCompress: Bool
  ) -> Reply {
    let plain = file.tag(.identity)
    let selection =
      request.conditions.allowsRange(of: plain)
      ? ByteRange.select(request.range, size: file.size) : .whole
    let preferred =
      mayCompress && file.size >= smallestCompressed
      ? ContentCoding.preferred(request.acceptEncoding) : .identity
    let coding = selection == .whole ? preferred : .identity
    let tag = file.tag(coding)
    let digest = HeaderField(
      coding == .identity ? "Repr-Digest" : "Unencoded-Digest", DigestField.text(sha256: sha256))
    var headers = [
      HeaderField("ETag", "\(tag)"), HeaderField("Vary", "Accept-Encoding"),
      HeaderField("Cache-Control", "private, no-cache"), HeaderField("Accept-Ranges", "bytes"),
    ]
    switch request.conditions.verdict(on: tag) {
    case .notModified: return Reply(304, headers)
    case .failed:
      return Reply(
        Problem(412, "The file is another one", "its ETag is \(tag), which If-Match does not name"))
    case .proceed: break
    }
    headers += [digest, HeaderField("Content-Type", contentType(request.routed.names[1]))]
    if coding != .identity { headers.append(HeaderField("Content-Encoding", coding.rawValue)) }
    switch selection {
    case .whole: return Reply(200, headers, body: .file(file, 0..<file.size, coding))
    case .part(let range):
      headers.append(
        HeaderField(
          "Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"))
      return Reply(206, headers, body: .file(file, range, .identity))
    case .unsatisfiable:
      return Reply(
        Problem(
          416, "There is no such part", "the file has \(file.size) bytes",
          headers: [HeaderField("Content-Range", "bytes */\(file.size)")]))
    }
  }

  private static func contentType(_ name: [UInt8]) -> String {
    func ends(_ suffix: String) -> Bool { name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
    if ends(".csv") { return "text/csv; charset=utf-8" }
    if ends(".jsonl") { return "application/jsonl" }
    if ends(".json") { return "application/json" }
    return "application/octet-stream"
  }
}

private struct LoginBody: Decodable {
  let token: String
}

private struct SessionAnswer: Encodable {
  let name: String
  let role: String

  init(_ principal: Principal) {
    name = principal.name
    role = principal.role.rawValue
  }

  var json: [UInt8] { JSONText.line(self) }
}
