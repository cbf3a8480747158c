import TestSupport
import Testing

@testable import BoxClient

private func events(_ text: String) throws -> [ServerEvent] {
  var parser = EventParser()
  return try parser.take(Array(text.utf8))
}

@Suite(.timeLimit(.minutes(5))) struct `A stream of events` {
  @Test(arguments: [
    ("data: a\n\n", [("message", "a")]), ("event: status\ndata: {}\n\n", [("status", "{}")]),
    ("data: a\ndata: b\n\n", [("message", "a\nb")]), ("data:a\n\n", [("message", "a")]),
    ("data:  a\n\n", [("message", " a")]), ("data\n\n", [("message", "")]),
    ("data\ndata\n\n", [("message", "\n")]),
    ("event: x\n\ndata: a\n\n", [("message", "a")]), (":\n\n: comment\n\n", []),
    ("id: 1\nretry: 2\nother\n\n", []),
    ("data: a", []), ("data: a\n", []), ("data: a\r\n\r\n", [("message", "a")]),
    ("data: a\r\rdata: b\n\r\n", [("message", "a"), ("message", "b")]),
    ("\u{feff}data: a\n\n", [("message", "a")]), ("data: a:b\n\n", [("message", "a:b")]),
  ]) func `is read as WHATWG says`(_ text: String, _ expected: [(String, String)]) throws {
    #expect(try events(text) == expected.map { ServerEvent(name: $0.0, data: $0.1) })
  }

  @Test func `means the same in whatever pieces it comes`() throws {
    let text = Array("event: a\r\ndata: 1\r\n\r\ndata: 2\rdata: 3\r\r:\n\ndata: ü\n\n".utf8)
    var whole = EventParser()
    let expected = try whole.take(text)
    #expect(expected.count == 3)
    var random = SeededGenerator(Seed.next())
    for _ in 0..<300 {
      var parser = EventParser()
      var found: [ServerEvent] = []
      var rest = text[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...7, using: &random)
        found += try parser.take(rest.prefix(count))
        rest = rest.dropFirst(count)
      }
      #expect(found == expected)
    }
  }

  @Test func `cannot fill the memory`() throws {
    var parser = EventParser()
    let piece = Array("data: ".utf8) + [UInt8](repeating: 0x61, count: 1 << 20) + [10]
    #expect(throws: EventParser.TooLarge.self) { for _ in 0..<9 { _ = try parser.take(piece) } }
  }
}
