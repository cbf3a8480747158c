// The real service over TLS: submissions, results, jobs, and what it refuses.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.lab, .timeLimit(.minutes(5))) struct `The management service` {
  @Test func `puts a submitted file into the spool as it came`() throws {
    let lab = try ManageLab()
    let targets = Data("198.18.0.0/24:80\n".utf8)
    let answer = try lab.send("PUT", "/v1/spool/a%20b.txt", as: "submit", body: targets)
    #expect(answer.status == 201, "\(answer.text) \(answer.errors) \(lab.service.errorText)")
    #expect(answer.headers["location"] == "/v1/jobs/a%20b.txt")
    #expect(try answer.json()["owner"] as? String == "submit")
    #expect(try Data(contentsOf: lab.url("data/spool/a b.txt")) == targets)
    #expect(try lab.entries("data/staging/manage").isEmpty)
    let mode = try FileManager.default.attributesOfItem(atPath: lab.url("data/spool/a b.txt").path)
    #expect(mode[.posixPermissions] as? Int == 0o644)
    #expect(mode[.ownerAccountID] as? Int == Int(ManageLab.user))

    let again = try lab.send("PUT", "/v1/spool/a%20b.txt", body: Data("198.18.1.0/24:80\n".utf8))
    #expect(again.status == 409)
    #expect(try Data(contentsOf: lab.url("data/spool/a b.txt")) == targets)
    let job = try lab.send("GET", "/v1/jobs/a%20b.txt", as: "read").json()
    #expect(job["state"] as? String == "queued")
    #expect(job["owner"] as? String == "submit")
  }

  @Test func `knows a job that the scanner has just taken from the spool`() throws {
    let lab = try ManageLab()
    #expect(try lab.send("PUT", "/v1/spool/a", body: Data("198.18.0.0/24:80\n".utf8)).status == 201)
    // The status does not say so yet.
    try FileManager.default.removeItem(at: lab.url("data/spool/a"))
    #expect(try lab.send("GET", "/v1/jobs/a").json()["state"] as? String == "claimed")
    #expect(try lab.send("DELETE", "/v1/jobs/a").status == 202)
    #expect(try lab.entries("data/spool") == ["a.cancel"])

    let queue = #"[{"name": "b", "priority": 50, "state": "queued"}]"#
    try Data(#"{"format": 2, "state": "scanning", "queue": \#(queue)}"#.utf8)
      .write(to: lab.url("data/status.json"))
    #expect(try lab.send("GET", "/v1/jobs/b").json()["state"] as? String == "claimed")
    #expect(try lab.send("GET", "/v1/jobs/c").status == 404)
  }

  @Test func `refuses a file with mistakes and says where they are`() throws {
    let lab = try ManageLab()
    let answer = try lab.send(
      "PUT", "/v1/spool/bad.txt", body: Data("198.18.0.0/24:80\n198.18.0.0/33\nx\n".utf8))
    #expect(answer.status == 400)
    #expect(answer.headers["content-type"] == "application/problem+json")
    let problem = try answer.json()
    #expect(problem["line"] as? UInt64 == 2)
    #expect(problem["column"] as? UInt64 == 12)
    #expect((problem["mistakes"] as? [Any])?.count == 2)
    #expect(try lab.entries("data/spool").isEmpty)
    #expect(try lab.entries("data/staging/manage").isEmpty)
    #expect(try lab.entries("data/manage/owners").isEmpty)
  }

  @Test(arguments: [
    "/v1/spool/", "/v1/spool/.hidden", "/v1/spool/a.part", "/v1/spool/a.cancel", "/v1/spool/-a",
    "/v1/spool/a%2fb", "/v1/spool/..", "/v1/spool/%2e%2e%2fx", "/v1/spool/job.json", "/v1/spool/a%0ab",
    "/v1/spool/%ff",
  ])
  func `refuses a name that no job can have`(_ path: String) throws {
    let lab = try ManageLab()
    #expect(try lab.send("PUT", path, body: Data("198.18.0.0/24:80\n".utf8)).status == 400, "\(path)")
    #expect(try lab.entries("data/spool").isEmpty)
  }

  @Test func `checks the digest that the client gives`() throws {
    let lab = try ManageLab()
    let targets = Data("198.18.0.0/24:80\n".utf8)
    let digest = try mustRun(["openssl", "dgst", "-sha256", "-binary"], input: targets).outputBytes
      .base64EncodedString()
    let wrong = try lab.send(
      "PUT", "/v1/spool/a.txt", body: targets + Data("\n".utf8),
      ["-H", "Repr-Digest: sha-256=:\(digest):"])
    #expect(wrong.status == 400)
    #expect(try lab.entries("data/spool").isEmpty)
    let right = try lab.send(
      "PUT", "/v1/spool/a.txt", body: targets, ["-H", "Repr-Digest: sha-256=:\(digest):"])
    #expect(right.status == 201)
  }

  @Test func `refuses more than the limit, whether or not the length is known`() throws {
    let lab = try ManageLab("upload-limit = \"64K\"")
    let large = Data(repeating: UInt8(ascii: "\n"), count: 1 << 20)
    #expect(try lab.send("PUT", "/v1/spool/a.txt", body: large).status == 413)
    let chunked = try lab.send(
      "PUT", "/v1/spool/a.txt", body: large, ["-H", "Transfer-Encoding: chunked"])
    #expect(chunked.status == 413)
    #expect(try lab.entries("data/staging/manage").isEmpty)
    #expect(try lab.entries("data/spool").isEmpty)
  }

  @Test func `gives results whole, in parts and compressed, with their digest`() throws {
    let lab = try ManageLab()
    let rows = Data((0..<20_000).map { "198.18.\($0 / 256).\($0 % 256),80\n" }.joined().utf8)
    try lab.finish("job", results: rows)
    let digest = try mustRun(["openssl", "dgst", "-sha256", "-binary"], input: rows).outputBytes
      .base64EncodedString()
    let path = "/v1/results/job/results.csv"
    let whole = try lab.send("GET", path, as: "read")
    #expect(whole.status == 200, "\(whole.errors)")
    #expect(whole.body == rows)
    #expect(whole.headers["repr-digest"] == "sha-256=:\(digest):")
    let tag = try #require(whole.headers["etag"])

    let part = try lab.send("GET", path, ["-H", "Range: bytes=1000-", "-H", "If-Range: \(tag)"])
    #expect(part.status == 206)
    #expect(part.body == rows.dropFirst(1000))
    #expect(part.headers["content-range"] == "bytes 1000-\(rows.count - 1)/\(rows.count)")
    #expect(part.headers["repr-digest"] == "sha-256=:\(digest):")
    #expect(try lab.send("GET", path, ["-H", "Range: bytes=\(rows.count)-"]).status == 416)
    #expect(try lab.send("GET", path, ["-H", "If-None-Match: \(tag)"]).status == 304)
    #expect(try lab.send("GET", path, ["-H", "If-Match: \"x\""]).status == 412)
    let head = try lab.send("HEAD", path)
    #expect(head.status == 200 && head.headers["content-length"] == "\(rows.count)")

    for (coding, tool) in [("gzip", ["gzip", "-dc"]), ("zstd", ["zstd", "-dc"])] {
      let packed = try lab.send("GET", path, ["-H", "Accept-Encoding: \(coding)"])
      #expect(packed.status == 200)
      #expect(packed.headers["content-encoding"] == coding)
      #expect(packed.headers["unencoded-digest"] == "sha-256=:\(digest):")
      #expect(packed.headers["etag"] != tag)
      #expect(packed.body.count < rows.count / 2)
      #expect(try mustRun(tool, input: packed.body).outputBytes == rows)
    }
  }

  @Test(arguments: [
    "/v1/results/job/nothing", "/v1/results/nothing/results.csv", "/v1/results/job/..",
    "/v1/results/../manage.toml", "/v1/results/job/..%2f..%2fstatus.json", "/v1/results/%2e%2e/spool",
    "/v1/results/job/link", "/v1/results/job/pipe", "/v1/results/job/directory",
    "/v1/results/linked/tokens.toml",
    "/v1/results/job/.hidden", "/v1/results/job/",
  ])
  func `gives nothing but regular files of finished jobs`(_ path: String) throws {
    let lab = try ManageLab()
    try lab.finish("job", results: Data("saddr\n".utf8))
    let job = lab.url("data/results/job").path
    try mustRun(["ln", "-s", lab.url("tokens.toml").path, "\(job)/link"])
    try mustRun(["mkfifo", "\(job)/pipe"])
    try mustRun(["mkdir", "\(job)/directory"])
    try mustRun(["touch", "\(job)/.hidden"])
    try mustRun(["ln", "-s", lab.root.path, lab.url("data/results/linked").path])
    #expect(try lab.send("GET", path).status == 404)
  }

  @Test func `marks results as fetched, and cancels, for the owner and administrators only`() throws {
    let lab = try ManageLab()
    try lab.finish("foreign", results: Data("saddr\n".utf8))
    #expect(try lab.send("PUT", "/v1/results/foreign/fetched", as: "submit").status == 403)
    #expect(!lab.exists("data/results/foreign/fetched"))
    let marked = try lab.send("PUT", "/v1/results/foreign/fetched")
    #expect(marked.status == 204, "\(marked.text)")
    #expect(lab.exists("data/results/foreign/fetched"))
    #expect(try lab.send("PUT", "/v1/results/foreign/fetched").status == 204)

    try Data("198.18.0.0/24:80\n".utf8).write(to: lab.url("data/spool/hand.txt"))
    let own = try lab.send(
      "PUT", "/v1/spool/own.txt", as: "submit", body: Data("198.18.0.0/24:80\n".utf8))
    #expect(own.status == 201)
    #expect(try lab.send("DELETE", "/v1/jobs/hand.txt", as: "submit").status == 403)
    #expect(try lab.send("DELETE", "/v1/jobs/own.txt", as: "submit").status == 202)
    #expect(try lab.send("DELETE", "/v1/jobs/hand.txt").status == 202)
    #expect(
      try lab.entries("data/spool") == ["hand.txt", "hand.txt.cancel", "own.txt", "own.txt.cancel"])
    #expect(try lab.send("DELETE", "/v1/jobs/nothing").status == 404)
    #expect(try lab.send("DELETE", "/v1/jobs/foreign").status == 409)
  }

  @Test func `lists jobs and says what is known of each`() throws {
    let lab = try ManageLab()
    try lab.finish("done", results: Data("saddr\n".utf8))
    try mustRun(["mkdir", lab.url("data/rejected/bad").path])
    try Data("bad:1:1: found x, expected y\n".utf8).write(to: lab.url("data/rejected/bad/reason.txt"))
    try Data("198.18.0.0/24:80\n".utf8).write(to: lab.url("data/spool/waiting"))
    let list = try lab.send("GET", "/v1/jobs", as: "read").json()
    #expect(list["total"] as? UInt64 == 3)
    let names = (list["jobs"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
    #expect(names?.first == "waiting" && Set(names ?? []) == ["waiting", "bad", "done"])
    let finished = try lab.send("GET", "/v1/jobs?state=finished").json()
    #expect(finished["total"] as? UInt64 == 1)
    let done = try lab.send("GET", "/v1/jobs/done").json()
    #expect(done["results"] as? UInt64 == 3)
    #expect((done["summary"] as? [String: Any])?["ended_because"] as? String == "completed")
    #expect((done["files"] as? [[String: Any]])?.count == 2)
    #expect(
      try lab.send("GET", "/v1/jobs/bad").json()["reason"] as? String == "bad:1:1: found x, expected y")
  }

  @Test func `shows the scanner's status with its own certificate, metrics and events`() throws {
    let lab = try ManageLab()
    #expect(try lab.send("GET", "/v1/status").status == 503)
    let text = #"{"format": 2, "time": "2026-11-29T00:00:00.000Z", "state": "idle"}"#
    try Data(text.utf8).write(to: lab.url("data/status.json"))
    try Data("synbox_state 1\n".utf8).write(to: lab.url("data/metrics.prom"))
    let status = try lab.send("GET", "/v1/status").json()
    #expect(status["state"] as? String == "idle")
    let fingerprint = try #require(
      (status["management"] as? [String: Any])?["certificate_sha256"] as? String)
    #expect(lab.service.errorText.contains(fingerprint))
    let certificate = try mustRun([
      "openssl", "x509", "-in", lab.url("data/manage/certificate.pem").path, "-noout", "-fingerprint",
      "-sha256",
    ]).output
    #expect(
      certificate.lowercased().replacingOccurrences(of: ":", with: "").contains(fingerprint))
    let metrics = try lab.send("GET", "/metrics").text
    #expect(metrics.contains("synbox_state 1\n") && metrics.contains("synbox_manage_requests_total"))

    let events = try Running([
      "curl", "-sSkN", "-H", "Authorization: Bearer \(lab.tokens["read"] ?? "")",
      "https://127.0.0.1:\(lab.port)/v1/events",
    ])
    try events.wait(for: "a status") { $0.text.contains("event: status\ndata: {\"format\": 2") }
    try Data("198.18.0.0/24:80\n".utf8).write(to: lab.url("data/spool/new.txt"))
    try events.wait(for: "a job") { $0.text.contains("event: job\ndata: {\"name\": \"new.txt\"") }
  }

  @Test func `keeps its certificate, reads its tokens again, and sweeps staging when it starts`() throws
  {
    let lab = try ManageLab()
    let certificate = try Data(contentsOf: lab.url("data/manage/certificate.pem"))
    let mode = try FileManager.default.attributesOfItem(atPath: lab.url("data/manage/key.pem").path)
    #expect(mode[.posixPermissions] as? Int == 0o600)
    #expect(try lab.send("GET", "/v1/session", as: "read").status == 200)
    let events = try Running([
      "curl", "-sSkN", "-H", "Authorization: Bearer \(lab.tokens["read"] ?? "")",
      "https://127.0.0.1:\(lab.port)/v1/events",
    ])
    try events.wait(for: "the first event") { !$0.text.isEmpty }
    try Data().write(to: lab.url("tokens.toml"))
    try lab.service.wait(for: "the new tokens") { $0.errorText.contains("tokens read again") }
    // The answer ends as it should, and nothing more is told.
    #expect(try events.wait().status == 0)
    try lab.service.wait(for: "the log") { $0.errorText.contains("events ended: access withdrawn") }
    #expect(try lab.send("GET", "/v1/session", as: "read").status == 401)
    try Data("half".utf8).write(to: lab.url("data/staging/manage/half"))
    try lab.restart(after: SIGTERM)
    #expect(try Data(contentsOf: lab.url("data/manage/certificate.pem")) == certificate)
    #expect(try lab.entries("data/staging/manage").isEmpty)
  }
}
