// What the header fields of a request mean.
import Manage
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Header fields` {
  private func fields(_ lines: String...) -> RequestFields {
    RequestFields(
      lines.map { line in
        let sides = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return (name: String(sides[0]), value: sides[1].trimmingPrefix(" ").description)
      })
  }

  @Test(arguments: [
    ("Host: a", 0), ("Content-Length: 5", 5), ("content-length: 0", 0),
    ("Transfer-Encoding: chunked", nil),
    // Refused as too large, whoever lets them through.
    ("Content-Length: -1", .max), ("Content-Length: +1", .max), ("Content-Length: 5, 5", .max),
    ("Content-Length: 18446744073709551616", .max), ("Content-Length: ", .max),
  ])
  func `tell the length of the body`(_ line: String, _ length: UInt64?) {
    #expect(fields(line).bodyLength == length)
  }

  @Test func `must not say that the body is coded or a part`() throws {
    try fields("Content-Encoding: Identity").requirePlainFile()
    let coded = #expect(throws: Problem.self) {
      try fields("Content-Encoding: gzip").requirePlainFile()
    }
    #expect(coded?.status == 415)
    let part = #expect(throws: Problem.self) {
      try fields("Content-Range: bytes 0-1/2").requirePlainFile()
    }
    #expect(part?.status == 400)
  }

  @Test func `of one name count as one list`() {
    let several = fields(
      "Accept-Encoding: br", "accept-encoding: gzip", "If-Match: \"a\"", "IF-MATCH: \"b\"")
    #expect(several.acceptEncoding == "br, gzip")
    #expect(several.conditions.ifMatch == "\"a\", \"b\"")
    #expect(several.conditions.ifNoneMatch == nil && several.range == nil && !several.expectsContinue)
    #expect(fields("Expect: 100-Continue").expectsContinue)
  }

  @Test func `show who sends the request, to one host`() throws {
    var connection = Presented()
    connection.address = "192.0.2.7"
    let presented = try fields(
      "Host: box", "Authorization: x", "Cookie: a=b", "Cookie: c=d", "Origin: null"
    )
    .presented(on: connection)
    #expect(presented.address == "192.0.2.7" && presented.host == ["box"])
    #expect(presented.authorization == ["x"] && presented.cookies == ["a=b", "c=d"])
    #expect(presented.origin == ["null"])
    for hosts in [fields("Authorization: x"), fields("Host: a", "host: a")] {
      #expect(throws: Problem.self) { try hosts.presented(on: connection) }
    }
  }
}
