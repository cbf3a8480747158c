import Plan
import Testing

@testable import BoxClient

@Suite(.timeLimit(.minutes(5))) struct `The address of a box` {
  @Test(arguments: [
    ("https://box-1.example", "box-1.example", 8443, "box-1.example:8443"),
    ("https://10.0.0.1:443/", "10.0.0.1", 443, "10.0.0.1:443"),
    ("https://[::1]:9", "::1", 9, "[::1]:9"),
    ("https://[fe80::1%eth0]", "fe80::1%eth0", 8443, "[fe80::1%eth0]:8443"),
  ]) func `is a name or an address, and a port`(
    _ text: String, _ host: String, _ port: Int, _ authority: String
  ) throws {
    let address = try BoxAddress(parsing: text)
    #expect(address.host == host && address.port == port && address.authority == authority)
    #expect(address.isName == host.hasPrefix("box"))
  }

  @Test(arguments: [
    "", "box", "http://box", "https://", "https:///", "https://box:0", "https://box:65536",
    "https://box:", "https://box:+1", "https://a b",
    "https://a/b", "https://user@box", "https://[::1", "https://[]", "https://[::1]9", "https://::1",
    "https://a\r\nb", "https://bücher.example",
  ]) func `is nothing else`(_ text: String) {
    #expect(throws: ValueError.self) { try BoxAddress(parsing: text) }
  }

  @Test func `is followed by paths whose names are encoded`() {
    #expect(APIPath.job("a b/ü") == "/v1/jobs/a%20b%2F%C3%BC")
    #expect(APIPath.result("a", "..") == "/v1/results/a/..")
    #expect(APIPath.spool("~a-b_c.txt?#\r\n") == "/v1/spool/~a-b_c.txt%3F%23%0D%0A")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The settings of the client` {
  @Test func `come from the flags, then the environment, then the file`() throws {
    let file = try ClientSettings(
      Array(
        "box = \"https://c\"\ntoken-file = \"t\"\nfingerprint = \"f\"\ncert = \"x\"\nkey = \"y\"\n".utf8
      ), file: "config.toml")
    let environment = ClientSettings(environment: ["SYNBOX_BOX": "https://b", "SYNBOX_TOKEN_FILE": ""])
    var flags = ClientSettings()
    #expect(flags.over(environment).over(file).box == "https://b")
    #expect(flags.over(environment).over(file).tokenFile == "t")
    flags.box = "https://a"
    flags.certificate = "z"
    let merged = flags.over(environment).over(file)
    #expect(merged.box == "https://a" && merged.certificate == "z" && merged.key == nil)
    #expect(merged.fingerprint == nil, "the fingerprint in the file is that of another box")
    #expect(ClientSettings().over(file).fingerprint == "f")
  }

  @Test(arguments: ["boxx = \"a\"\n", "box = 1\n", "box = \"\"\n", "box\n"])
  func `have a place when they are wrong`(_ text: String) {
    #expect(throws: InputError.self) { try ClientSettings(Array(text.utf8), file: "config.toml") }
  }

  @Test func `may name a fingerprint in any common form`() throws {
    let digits = String(repeating: "ab", count: 32)
    let colons = Array(repeating: "AB", count: 32).joined(separator: ":")
    #expect(try CertificateFingerprint(parsing: colons).description == digits)
    for wrong in ["", "ab", digits + "0", String(repeating: "gg", count: 32)] {
      #expect(throws: ValueError.self) { try CertificateFingerprint(parsing: wrong) }
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Text of the box` {
  @Test func `is escaped before it reaches a terminal`() throws {
    let body = Array(#"{"title": "\u001b[2J", "detail": "a\u202eb", "mistakes": []}"#.utf8)
    #expect(ProblemDetails(status: 409, body: body).description == "\\x1b[2J: a\\u{202e}b")
    let jobs = try #require(
      Answer.read(
        RemoteJobs.self,
        Array(
          #"{"jobs": [{"name": "\u001b]0;x\u0007", "state": "rejected", "reason": "\r\n"}], "total": 3}"#
            .utf8)))
    #expect(jobs.text.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 32 })
    #expect(jobs.text.contains("\\x1b]0;x\\x07  rejected") && jobs.text.hasSuffix("and 2 more\n"))
  }

  @Test func `shows each mistake with its place`() {
    let body = Array(
      #"{"title": "t", "status": 400, "detail": "d", "mistakes": [{"line": 2, "column": 12, "found": "\"33\"", "expected": "less"}, {"found": "nothing"}]}"#
        .utf8)
    let problem = ProblemDetails(status: 400, body: body)
    #expect(
      problem.text(file: "a.txt") == "a.txt:2:12: found \"33\", expected less\na.txt: found nothing")
    #expect(problem.exitCode == 2 && ProblemDetails(status: 507, body: body).exitCode == 1)
  }

  @Test(arguments: ["", "{", "[]", "{\"title\": 1}"]) func `need not be a problem detail`(
    _ body: String
  ) {
    #expect(
      ProblemDetails(status: 502, body: Array(body.utf8)).description
        == "the box refused with status 502")
  }

  @Test(arguments: [
    "", ".", "..", ".a", "a/b", "a\nb", "a\u{202e}b", String(repeating: "a", count: 256),
  ])
  func `cannot name a file elsewhere`(_ name: String) {
    #expect(!Answer.isSafe(fileName: name))
    #expect(Answer.isSafe(fileName: "results.csv") && Answer.isSafe(fileName: "ü b.txt"))
  }

  @Test func `with absurd numbers can be shown`() throws {
    let text =
      #"{"name": "a", "state": "scanning", "progress": -1e300, "seconds_remaining": 1e300, "results": 18446744073709551615}"#
    let job = try #require(Answer.read(RemoteJob.self, Array(text.utf8)))
    #expect(job.account == "0 %, 18446744073709551615 results")
    #expect(ProgressBar.line("a", .nan, "").contains("0 %"))
  }
}
