// Clients that behave badly, ends in the middle, and what the service could do if it were taken over.
import Confinement
import Foundation
import LabSupport
import LabTraits
import ManageHost
import Testing

@Suite(.lab, .timeLimit(.minutes(5))) struct `The management service and hostile clients` {
  private func hostile(_ lab: ManageLab, _ command: String...) throws -> [String: Any] {
    let outcome = try run(
      [
        "python3", "\(Lab.root)/Tests/HostileClient/client.py", "\(lab.port)",
        lab.tokens["admin"] ?? "",
      ] + command, seconds: 100)
    guard outcome.status == 0 else { throw LabError("the hostile client: \(outcome.errors)") }
    return try JSON.object(outcome.output)
  }

  /// Peak of resident memory, bytes.
  private func peak(_ lab: ManageLab) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(lab.service.pid)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.split(separator: " ").dropLast().last ?? "")) * 1024
  }

  @Test func `refuses heads that are malformed or too large`() throws {
    let lab = try ManageLab()
    let answers = try hostile(lab, "heads")
    for (name, status) in answers {
      let expected: UInt64 = ["field", "fields", "many"].contains(name) ? 431 : 400
      #expect(status as? UInt64 == expected, "\(name)")
    }
    #expect(answers.count == 10)
  }

  @Test func `survives random heads`() throws {
    let lab = try ManageLab()
    let result = try hostile(lab, "fuzz", "\(UInt32.random(in: 0 ... .max))")
    #expect(result["status"] as? UInt64 == 204)
    let seen = try #require(result["seen"] as? [String: Any])
    #expect(!seen.keys.contains { $0.hasPrefix("5") }, "\(seen)")
    #expect(lab.service.isRunning)
  }

  @Test func `leaves nothing of uploads that were cut off`() throws {
    let lab = try ManageLab()
    #expect(try hostile(lab, "cut")["status"] as? UInt64 == 204)
    let deadline = Date.now + 20
    while try !lab.entries("data/staging/manage").isEmpty, Date.now < deadline { usleep(50_000) }
    #expect(try lab.entries("data/staging/manage").isEmpty)
    #expect(try lab.entries("data/spool").isEmpty)
    #expect(try lab.entries("data/manage/owners").isEmpty)
  }

  @Test func `ends connections of clients that do nothing`() throws {
    let lab = try ManageLab()
    let ended = try hostile(lab, "half-open")
    #expect(Set(ended.keys) == ["raw", "head", "body"], "\(ended)")
  }

  @Test func `serves beside a thousand idle connections, in bounded memory`() throws {
    let lab = try ManageLab()
    let result = try hostile(lab, "idle", "1000")
    #expect(result["open"] as? UInt64 == 1000)
    #expect(result["status"] as? UInt64 == 204)
    #expect(try peak(lab) < 100 << 20)
  }

  @Test func `keeps its memory when a client does not read, and when many send`() throws {
    let lab = try ManageLab()
    try lab.finish("job", results: Data(repeating: UInt8(ascii: "1"), count: 64 << 20))
    _ = try hostile(lab, "unread", "/v1/results/job/results.csv", "3")
    let targets = Data(String(repeating: "198.18.0.0/24:80\n", count: 1_000_000).utf8)
    for number in 0..<4 {
      let answer = try lab.send("PUT", "/v1/spool/\(number)", body: targets)
      #expect(answer.status == 201, "\(answer.text)")
    }
    #expect(try peak(lab) < 100 << 20)
  }

  /// SYNBOX_MANAGE_KILLS=100 for more.
  @Test func `has every file in the spool whole after it is killed at any moment`() throws {
    let kills = ProcessInfo.processInfo.environment["SYNBOX_MANAGE_KILLS"].flatMap { Int($0) } ?? 8
    let lab = try ManageLab()
    let targets = Data(String(repeating: "198.18.0.0/24:80\n", count: 200_000).utf8)
    try lab.finish("job", results: targets)
    let file = lab.url("targets").path
    try targets.write(to: URL(fileURLWithPath: file))
    for round in 0..<kills {
      let base = "https://127.0.0.1:\(lab.port)"
      let authorization = ["-H", "Authorization: Bearer \(lab.tokens["submit"] ?? "")"]
      let transfers = try (0..<3).map { number in
        try Running(
          ["curl", "-sk", "-T", file] + authorization + ["\(base)/v1/spool/\(round)-\(number)"])
      }
      let download = try Running(
        ["curl", "-sk", "-o", "/dev/null"] + authorization + ["\(base)/v1/results/job/results.csv"])
      usleep(UInt32.random(in: 0..<400_000))
      try lab.restart()
      for transfer in transfers + [download] { _ = try transfer.wait(seconds: 30) }
      #expect(try lab.entries("data/staging/manage").isEmpty)
    }
    let names = try lab.entries("data/spool")
    for name in names {
      #expect(try Data(contentsOf: lab.url("data/spool/\(name)")) == targets, "\(name)")
    }
    // What was cut off can be submitted again.
    let missing = (0..<kills).flatMap { round in (0..<3).map { "\(round)-\($0)" } }.filter {
      !names.contains($0)
    }
    if let name = missing.first {
      try lab.service.wait(for: "an old record", seconds: 15) { _ in
        (try? lab.send("PUT", "/v1/spool/\(name)", body: targets).status) == 201
      }
    }
  }

  @Test func `refuses what would use the space reserved for the box`() throws {
    let lab = try ManageLab()
    try lab.restart(after: SIGTERM)
    let data = lab.url("data").path
    lab.service.signal(SIGTERM)
    _ = try lab.service.wait()
    try mustRun(["mount", "-t", "tmpfs", "-o", "size=20M", "tmpfs", data])
    defer { _ = try? run(["umount", "-l", data]) }
    try lab.restart()
    let targets = Data(String(repeating: "198.18.0.0/24:80\n", count: 600_000).utf8)
    let first = try lab.send("PUT", "/v1/spool/first", body: targets)
    // 10 MB fit into 20, but the service looks ahead by 16 MiB at most.
    #expect([201, 507].contains(first.status))
    let chunked = try lab.send(
      "PUT", "/v1/spool/second", body: Data(repeating: UInt8(ascii: "\n"), count: 30 << 20),
      ["-H", "Transfer-Encoding: chunked"])
    #expect(chunked.status == 507, "\(chunked.text)")
    #expect(try lab.entries("data/staging/manage").isEmpty)
    let free = try mustRun(["df", "--output=avail", "-B1", data]).lines.last.flatMap {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    #expect(try #require(free) > 1 << 20)
  }
}

@Suite(.serialized, .lab, .timeLimit(.minutes(5))) struct `System calls of the management service` {
  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/design/manage.md")

  @Test func `stand on the design page`() throws {
    let page = try String(contentsOf: Self.page, encoding: .utf8)
    let marks = (start: "<!-- system calls -->\n", end: "<!-- end -->")
    let start = try #require(page.firstRange(of: marks.start))
    let end = try #require(page[start.upperBound...].firstRange(of: marks.end))
    let table = SystemCallTable.document(of: ManageSystemCalls.rules(inProcess: 0))
    let expected = "\(page[..<start.upperBound])\n\(table)\n\(page[end.lowerBound...])"
    if ProcessInfo.processInfo.environment["SYNBOX_WRITE_REFERENCE"] != nil {
      try Data(expected.utf8).write(to: Self.page)
    } else {
      #expect(page == expected, "`make reference` writes the page again")
    }
  }

  @Test func `are exactly those on the list`() throws {
    let scratch = URL(fileURLWithPath: try Lab.temporaryDirectory())
    let trace = Trace(file: scratch.appending(path: "trace").path)
    let lab = try ManageLab(under: trace.prefix)
    let rows = Data((0..<50_000).map { "198.18.\($0 / 256).\($0 % 256),80\n" }.joined().utf8)
    try lab.finish("job", results: rows)
    let targets = Data("198.18.0.0/24:80\n".utf8)
    #expect(try lab.send("PUT", "/v1/spool/a", body: targets).status == 201)
    #expect(try lab.send("PUT", "/v1/spool/b", body: Data("x\n".utf8)).status == 400)
    let large = Data(String(repeating: "198.18.0.0/24:80\n", count: 100_000).utf8)
    #expect(try lab.send("PUT", "/v1/spool/large", body: large).status == 201)
    for coding in ["identity", "gzip", "zstd"] {
      let answer = try lab.send(
        "GET", "/v1/results/job/results.csv", ["-H", "Accept-Encoding: \(coding)"])
      #expect(answer.status == 200)
    }
    try Data(#"{"state": "idle"}"#.utf8).write(to: lab.url("data/status.json"))
    for path in ["/", "/v1/status", "/v1/jobs", "/v1/jobs/job", "/metrics", "/v1/openapi.json"] {
      #expect(try lab.send("GET", path).status == 200)
    }
    #expect(try lab.send("DELETE", "/v1/jobs/a").status == 202)
    #expect(try lab.send("PUT", "/v1/results/job/fetched").status == 204)
    #expect(try lab.send("GET", "/healthz", ["-H", "Connection: close"]).status == 204)
    let token = Data("{\"token\": \"\(lab.tokens["read"] ?? "")\"}".utf8)
    #expect(try lab.send("POST", "/login", as: nil, body: token).status == 200)
    let events = try Running([
      "curl", "-sSkN", "-H", "Authorization: Bearer \(lab.tokens["read"] ?? "")",
      "https://127.0.0.1:\(lab.port)/v1/events",
    ])
    try events.wait(for: "a status") { $0.text.contains("event: status") }
    events.signal(SIGKILL)
    try Data(try String(contentsOf: lab.url("tokens.toml"), encoding: .utf8).utf8)
      .write(to: lab.url("tokens.toml"))
    try lab.service.wait(for: "the tokens") { $0.errorText.contains("tokens read again") }
    lab.service.signal(SIGTERM)
    #expect(try lab.service.wait().status == 143)

    let calls = try trace.callsAfterTheFilter()
    let rules = ManageSystemCalls.rules(inProcess: 0)
    func unlisted(_ rules: [SystemCallRule]) -> Set<TracedCall> {
      calls.filter { call in !rules.contains { $0.matches(call.name, call.arguments) } }
    }
    #expect(unlisted(rules).isEmpty, "not on the list: \(unlisted(rules))")
    for rule in rules where rule.use == .everyday {
      #expect(
        calls.contains { rule.matches($0.name, $0.arguments) },
        "no request makes \(rule.name) \(rule.condition)")
      // The check can fail.
      #expect(!unlisted(rules.filter { $0.name != rule.name }).isEmpty, "\(rule.name)")
    }
  }
}
