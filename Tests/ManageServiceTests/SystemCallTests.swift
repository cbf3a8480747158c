// The system calls that the service makes, against its table, and the table on its page.
import Confinement
import Foundation
import LabSupport
import LabTraits
import ManageHost
import Testing

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
    // Clients that are wrong, slow, or gone in the middle; what they cause must stand on the list too.
    for command in [["heads"], ["cut"], ["crowd", "20"], ["unread-pages", "3", "30"]] {
      _ = try lab.hostile(command)
    }
    for signal in [SIGSTOP, SIGCONT] { lab.service.signal(signal) }
    #expect(try lab.send("GET", "/healthz").status == 204)
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
