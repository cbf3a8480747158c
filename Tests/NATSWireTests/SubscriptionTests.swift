import TestSupport
import Testing

@testable import NATSWire

@Suite(.timeLimit(.minutes(5))) struct `A subscription at a NATS server` {
  private static let info =
    "INFO {\"version\":\"2.9.10\",\"headers\":true,\"max_payload\":1000}\r\n"

  private static func connection() -> Connection {
    Connection(.init(name: "c", version: "1", requiresTLS: false, inboxToken: "T"), at: 0)
  }

  private static func subscribe(
    _ connection: inout Connection, _ pattern: String, _ number: UInt64
  ) throws -> [Connection.Effect] {
    connection.handle(.subscribe(try #require(Subject(pattern)), number: number), at: 0)
  }

  private static func receive(_ connection: inout Connection, _ text: String) -> [Connection.Effect] {
    connection.handle(.received(Array(text.utf8)), at: 0)
  }

  /// A connection that is ready and has one.
  private static func subscribed() throws -> Connection {
    var connection = connection()
    _ = try subscribe(&connection, "q.hello.*", 5)
    _ = receive(&connection, info + "PONG\r\n")
    return connection
  }

  private static func sent(_ effects: [Connection.Effect]) -> String {
    var bytes: [UInt8] = []
    for case .send(let more) in effects { bytes += more }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `is in force once the connection is ready`() throws {
    var connection = Self.connection()
    #expect(try Self.subscribe(&connection, "q.hello.*", 5).isEmpty)
    #expect(try Self.subscribe(&connection, "q.chunk.*.*", 4).isEmpty)
    let greeting = Self.sent(Self.receive(&connection, Self.info))
    #expect(
      greeting.hasSuffix("\r\nSUB _INBOX.c.T.* 1\r\nSUB q.chunk.*.* 4\r\nSUB q.hello.* 5\r\nPING\r\n"))
    let proving = try Self.subscribe(&connection, "q.a", 6)
    #expect(Self.sent(proving) == "SUB q.a 6\r\n")
    _ = Self.receive(&connection, "PONG\r\n")
    #expect(Self.sent(try Self.subscribe(&connection, "q.b", 7)) == "SUB q.b 7\r\n")
  }

  @Test func `receives messages, and answers where they say`() throws {
    var connection = try Self.subscribed()
    let effects = Self.receive(&connection, "MSG q.hello.b1 5 _R_.x 2\r\nhi\r\nMSG q.x 6 1\r\na\r\n")
    let message = Message(
      subject: "q.hello.b1", subscription: 5, reply: "_R_.x", headers: nil, body: Array("hi".utf8))
    #expect(effects == [.delivered(5, message)])
    #expect(
      Self.sent(connection.handle(.answer(to: "_R_.x", body: Array("yo".utf8)), at: 0))
        == "PUB _R_.x 2\r\nyo\r\n")
    let headers = HeaderBlock([try #require(HeaderBlock.Field("A", "b"))])
    #expect(
      Self.sent(connection.handle(.answer(to: "r", headers: headers, body: []), at: 0))
        == "HPUB r 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n")
  }

  @Test(arguments: [
    ("", 1, "is invalid"), ("q.>", 1, "is invalid"), ("a b", 1, "is invalid"),
    ("a\r\nPUB x 0", 1, "is invalid"), ("r", 1001, "1001 bytes, and the server takes 1000"),
  ])
  func `does not send an answer that the server would not take`(
    _ reply: String, _ size: Int, _ reason: String
  ) throws {
    var connection = try Self.subscribed()
    let body = [UInt8](repeating: 0, count: size)
    let effects = connection.handle(.answer(to: reply, body: body), at: 0)
    guard effects.count == 1, case .unsent(let why) = effects[0] else {
      throw TranscriptError(description: "\(effects)")
    }
    #expect(why.contains(reason), "\(why)")
  }

  @Test func `fails if the server refuses it`() throws {
    var connection = try Self.subscribed()
    let complaint = "Permissions Violation for Subscription to \"q.hello.*\""
    #expect(
      Self.receive(&connection, "-ERR '\(complaint)'\r\n") == [.failed(5, .refused(complaint))])
    #expect(Self.receive(&connection, "MSG q.hello.b1 5 1\r\na\r\n").isEmpty)
    // Without its inbox a connection is of no use.
    _ = Self.receive(
      &connection, "-ERR 'Permissions Violation for Subscription to \"_INBOX.c.T.*\"'\r\n")
    #expect(connection.isClosed)
  }

  @Test func `is one of at most 16`() throws {
    var connection = Self.connection()
    for number in 2..<UInt64(Connection.mostSubscriptions) + 2 {
      #expect(try Self.subscribe(&connection, "q.\(number)", number).isEmpty)
    }
    let refusal = "16 subscriptions are the most, or the number 99 is in use"
    #expect(try Self.subscribe(&connection, "q.x", 99) == [.failed(99, .refused(refusal))])
    #expect(try Self.subscribe(&connection, "q.x", 1).count == 1)
  }

  @Test func `ends with its connection`() throws {
    var connection = try Self.subscribed()
    #expect(connection.end("gone") == [.close("gone")])
    let reason = "the connection has ended"
    #expect(
      try Self.subscribe(&connection, "q.x", 9) == [.failed(9, .disconnected(reason))])
    #expect(connection.handle(.answer(to: "r", body: []), at: 0) == [.unsent(reason)])
  }
}
