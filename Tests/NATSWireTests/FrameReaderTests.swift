import TestSupport
import Testing

@testable import NATSWire

/// The frames of a stream that comes in pieces of random lengths.
private func frames(
  _ stream: [UInt8], longestMessage: Int = 2 << 20, pieces: ClosedRange<Int>? = nil,
  using random: inout SeededGenerator
) throws -> [ServerFrame] {
  var reader = FrameReader(longestMessage: longestMessage)
  var (frames, rest) = ([ServerFrame](), stream[...])
  while !rest.isEmpty {
    let count = pieces.map { Int.random(in: $0, using: &random) } ?? rest.count
    reader.append(rest.prefix(count))
    rest = rest.dropFirst(count)
    while let frame = try reader.next() { frames.append(frame) }
  }
  return frames
}

private func frames(_ text: String, longestMessage: Int = 2 << 20) throws -> [ServerFrame] {
  var random = SeededGenerator(Seed.next())
  return try frames(Array(text.utf8), longestMessage: longestMessage, using: &random)
}

private func message(
  _ subject: String, reply: String? = nil, headers: HeaderBlock? = nil, _ body: String
) -> ServerFrame {
  .message(
    Message(
      subject: subject, subscription: 1, reply: reply, headers: headers, body: Array(body.utf8)))
}

@Suite(.timeLimit(.minutes(5))) struct `Frames of a NATS server` {
  @Test(
    arguments: [
      ("PING\r\n", [.ping]), ("pong\r\n+OK\r\n", [.pong, .ok]), ("PIN", []), ("PING\r", []),
      ("INFO {\"a\":1} \r\n", [.info(Array("{\"a\":1} ".utf8))]),
      ("-ERR 'Authorization Violation'\r\n", [.error("Authorization Violation")]),
      ("MSG a 1 2\r\nhi\r\n", [message("a", "hi")]), ("MSG a 1  0\r\n\r\n", [message("a", "")]),
      ("MSG a.b 1 c.d 4\r\n\r\n\r\n\r\nPING\r\n", [message("a.b", reply: "c.d", "\r\n\r\n"), .ping]),
      ("MSG a 1 2\r\nhi", []), ("MSG a 1 2\r\nhi\r", []), ("MSG\ta\t1\t0\r\n\r\n", [message("a", "")]),
    ] as [(String, [ServerFrame])])
  func `are read`(_ text: String, _ expected: [ServerFrame]) throws {
    #expect(try frames(text) == expected)
  }

  @Test func `have headers`() throws {
    var none = HeaderBlock()
    none.status = 503
    #expect(
      try frames("HMSG a 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n") == [message("a", headers: none, "")])
    none.status = 404
    none.reason = "Message Not Found"
    let missing = "NATS/1.0 404 Message Not Found\r\n\r\n"
    #expect(
      try frames("HMSG a 1  \(missing.utf8.count) \(missing.utf8.count)\r\n\(missing)\r\n")
        == [message("a", headers: none, "")])
    let block = HeaderBlock(
      [("Nats-Sequence", "7"), ("Nats-Sequence", ""), ("X", "a: b")].compactMap {
        HeaderBlock.Field($0.0, $0.1)
      })
    let text = String(decoding: block.bytes, as: UTF8.self)
    let count = text.utf8.count
    let found = try frames("HMSG a 1 r \(count) \(count + 2)\r\n\(text)hi\r\n")
    #expect(found == [message("a", reply: "r", headers: block, "hi")])
    #expect(block["nats-sequence"] == "7" && block["Y"] == nil)
  }

  @Test(arguments: [
    ("HELLO\r\n", "an operation"), ("\r\n", "an operation"), ("MSG a 1\r\n", "lengths"),
    ("MSG a 1 r s 2\r\nhi\r\n", "lengths"), ("MSG a x 2\r\nhi\r\n", "lengths"),
    ("MSG a 1 -2\r\nhi\r\n", "lengths"), ("MSG a 1 +2\r\nhi\r\n", "lengths"),
    ("MSG a 1 99999999999999999999\r\n", "lengths"), ("MSG a 1 101\r\n", "at most 100"),
    ("MSG a 1 2\r\nhigh\r\n", "CR LF after a message"), ("HMSG a 1 3 2\r\n", "lengths"),
    ("HMSG a 1 2\r\n", "lengths"), ("HMSG a 1 2 2\r\nhi\r\n", "NATS/1.0"),
    ("HMSG a 1 12 12\r\nNATS/1.0\r\nX:\r\n", "an empty line"),
    ("HMSG a 1 16 16\r\nNATS/1.0 5x3\r\n\r\n\r\n", "three digits"),
    ("HMSG a 1 15 15\r\nNATS/1.0\r\nX\r\n\r\n\r\n", "NAME: VALUE"),
  ])
  func `are refused with the place`(_ text: String, _ expected: String) {
    let error = #expect(throws: FrameError.self) {
      _ = try frames("PING\r\n" + text, longestMessage: 100)
    }
    let description = error?.description ?? ""
    #expect(description.hasPrefix("byte 6 of the connection: "), "\(description)")
    #expect(description.contains(expected), "\(description)")
  }

  @Test func `cannot fill the memory`() {
    var reader = FrameReader()
    let error = #expect(throws: FrameError.self) {
      for _ in 0..<100 {
        reader.append([UInt8](repeating: UInt8(ascii: "a"), count: 1024))
        _ = try reader.next()
      }
    }
    #expect(error?.description.contains("a line of more than 65536 bytes") == true)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A recorded conversation with a NATS server` {
  @Test(arguments: ["2.9.10", "2.15.1"])
  func `is read the same in whatever pieces it comes`(_ version: String) throws {
    let transcript = try Transcript(version)
    var random = SeededGenerator(Seed.next())
    let whole = try frames(transcript.server, using: &random)
    #expect(whole.count >= transcript.serverLines)
    for _ in 0..<20 {
      #expect(try frames(transcript.server, pieces: 1...40, using: &random) == whole)
    }
    guard case .info(let json) = whole.first else { throw TranscriptError(description: "no INFO") }
    let info = try ServerInfo(parsing: json)
    #expect(info.version == version && info.headers == true && info.maximumPayload > 1 << 20)
    // Each request was answered, and each answer is to one.
    let answers = Set(
      whole.compactMap { if case .message(let message) = $0 { message.subject } else { nil } })
    let requests = Set(transcript.requests.compactMap { $0.reply?.description })
    #expect(!answers.isEmpty && answers.isSubset(of: requests))
  }

  @Test(arguments: ["2.9.10", "2.15.1"])
  func `comes out again, byte for byte, from its operations`(_ version: String) throws {
    let transcript = try Transcript(version)
    #expect(transcript.requests.count > 20)
    for request in transcript.requests {
      let operation = ClientOperation.publish(
        request.subject, reply: request.reply, headers: request.headers, body: request.body)
      #expect(operation.bytes == request.bytes)
    }
    let inbox = try #require(Subject("_INBOX.7Jx.*"))
    #expect(transcript.clientLines.contains(ClientOperation.subscribe(inbox, 1).bytes))
  }
}
