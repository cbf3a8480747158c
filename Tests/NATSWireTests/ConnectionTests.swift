import TestSupport
import Testing

@testable import NATSWire

private let second: UInt64 = 1_000_000_000
private let info =
  "INFO {\"version\":\"2.9.10\",\"headers\":true,\"max_payload\":1000,\"nonce\":\"n\"} \r\n"

extension Connection {
  fileprivate init(tls: Bool = false, signs: Bool = false) {
    let sign: Signer = { nonce in ("U", "signed-\(nonce)") }
    self.init(
      Settings(
        name: "b1", version: "1", requiresTLS: tls, inboxToken: "T", sign: signs ? sign : nil), at: 0)
  }

  fileprivate mutating func receive(_ text: String, at now: UInt64 = 0) -> [Effect] {
    handle(.received(Array(text.utf8)), at: now)
  }

  fileprivate mutating func ask(_ number: UInt64, _ body: String = "x", at now: UInt64 = 0) -> [Effect]
  {
    handle(.request(Request(Subject("f.a")!, body: Array(body.utf8)), number: number), at: now)
  }

  /// A connection that is ready.
  fileprivate static func ready() -> Connection {
    var connection = Connection()
    _ = connection.receive(info)
    _ = connection.receive("PONG\r\n")
    return connection
  }
}

extension Connection.Effect {
  /// For comparison with text.
  fileprivate var text: String {
    switch self {
    case .send(let bytes): String(decoding: bytes, as: UTF8.self)
    case .startTLS: "TLS"
    case .ready(let info): "ready \(info.version)"
    case .moved(let isLameDuck, let servers): "moved \(isLameDuck) \(servers)"
    case .answered(let number, let message):
      "\(number): \(String(decoding: message.body, as: UTF8.self))"
    case .failed(let number, let failure): "\(number): \(failure)"
    case .delivered(let number, let message):
      "\(number) to \(message.reply ?? "-"): \(String(decoding: message.body, as: UTF8.self))"
    case .unsent(let reason): "unsent: \(reason)"
    case .close(let reason): "close: \(reason)"
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A connection to a NATS server` {
  @Test func `greets it in clear text`() throws {
    var connection = Connection()
    let effects = connection.receive(info)
    #expect(effects.count == 1)
    let text = try #require(effects.first?.text)
    #expect(text.hasPrefix("CONNECT {") && text.hasSuffix("}\r\nSUB _INBOX.b1.T.* 1\r\nPING\r\n"))
    #expect(connection.receive("PONG\r\n").map(\.text) == ["ready 2.9.10"])
    // 2.15 sends another INFO, and one may come at any time.
    let other = "INFO {\"version\":\"2\",\"max_payload\":9,\"ldm\":true,\"connect_urls\":[\"a:1\"]}\r\n"
    #expect(connection.receive(other).map(\.text) == ["moved true [\"a:1\"]"])
  }

  @Test func `proves its key inside TLS`() throws {
    var connection = Connection(tls: true, signs: true)
    let secure = info.replacing("\"headers\"", with: "\"tls_required\":true,\"headers\"")
    #expect(connection.receive(secure) == [.startTLS])
    let text = try #require(connection.handle(.secured, at: 0).first?.text)
    #expect(text.contains(#""nkey":"U""#) && text.contains(#""sig":"signed-n""#))
    #expect(text.contains(#""tls_required":true"#))
  }

  @Test func `takes nothing in clear text after the greeting`() {
    var connection = Connection(tls: true)
    let secure = info.replacing("\"headers\"", with: "\"tls_required\":true,\"headers\"")
    let effects = connection.receive(secure + "PONG\r\n")
    #expect(effects.map(\.text) == ["close: the server went on without TLS"])
  }

  @Test(arguments: [
    (true, false, info, "the server offers no TLS"),
    (
      false, false, info.replacing("\"headers\"", with: "\"tls_required\":true,\"headers\""),
      "the server requires TLS"
    ),
    (false, true, info.replacing("nonce", with: "other"), "the server asks for no signature"),
    (false, false, info.replacing("true", with: "false"), "the server has no headers"),
    (false, false, "HELLO\r\n", "expected an operation"), (false, false, "INFO {}\r\n", "max_payload"),
    (
      false, false, info + "-ERR 'Authorization Violation'\r\n",
      "the server says: Authorization Violation"
    ),
  ])
  func `ends when the greeting is wrong`(_ tls: Bool, _ signs: Bool, _ text: String, _ reason: String) {
    var connection = Connection(tls: tls, signs: signs)
    let last = connection.receive(text).last?.text ?? ""
    #expect(last.hasPrefix("close: ") && last.contains(reason), "\(last)")
    #expect(connection.isClosed && connection.nextDeadline == nil)
  }

  @Test func `gives each request its answer`() {
    var connection = Connection.ready()
    #expect(connection.ask(7).map(\.text) == ["PUB f.a _INBOX.b1.T.7 1\r\nx\r\n"])
    #expect(connection.ask(8).count == 1)
    let effects = connection.receive(
      "MSG _INBOX.b1.T.8 1 1\r\nb\r\nMSG _INBOX.b1.T.7 1 1\r\na\r\nMSG _INBOX.b1.T.7 1 1\r\nc\r\n")
    #expect(effects.map(\.text) == ["8: b", "7: a"])
    _ = connection.ask(9)
    #expect(
      connection.receive("HMSG _INBOX.b1.T.9 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
        == [.failed(9, .unheard)])
  }

  @Test func `believes no message but to its inbox`() {
    var connection = Connection.ready()
    _ = connection.ask(7)
    for subject in ["_INBOX.b1.T.07x", "_INBOX.b1.U.7", "f.a", "_INBOX.b1.T."] {
      #expect(connection.receive("MSG \(subject) 1 1\r\na\r\n").isEmpty, "\(subject)")
    }
    #expect(connection.receive("MSG _INBOX.b1.T.7 2 1\r\na\r\n").isEmpty)
  }

  @Test func `gives a request up after its time, with what the server said`() {
    var connection = Connection.ready()
    _ = connection.ask(7, at: 0)
    _ = connection.receive("-ERR 'Permissions Violation for Publish to \"f.a\"'\r\n")
    #expect(connection.nextDeadline == 3 * second)
    #expect(connection.handle(.tick, at: 3 * second - 1).isEmpty)
    let complaint = "Permissions Violation for Publish to \"f.a\""
    #expect(connection.handle(.tick, at: 3 * second) == [.failed(7, .late(complaint))])
    #expect(connection.receive("MSG _INBOX.b1.T.7 1 1\r\na\r\n").isEmpty)
  }

  @Test func `sends no request that the server would not take`() throws {
    var connection = Connection()
    #expect(connection.ask(1) == [.failed(1, .refused("not connected"))])
    connection = .ready()
    let large = String(repeating: "x", count: 1001)
    #expect(connection.ask(2, large) == [.failed(2, .refused("1001 bytes, and the server takes 1000"))])
    let pattern = Connection.Request(try #require(Subject("f.>")))
    #expect(connection.handle(.request(pattern, number: 3), at: 0).count == 1)
    for number in 10..<10 + UInt64(Connection.mostRequests) { _ = connection.ask(number) }
    #expect(connection.ask(5) == [.failed(5, .refused("256 requests wait already"))])
    let all = connection.end("gone")
    #expect(all.count == Connection.mostRequests + 1 && all.last == .close("gone"))
    #expect(connection.ask(6) == [.failed(6, .disconnected("the connection has ended"))])
  }

  @Test func `ends without a greeting, and without an answer to its ping`() {
    var connection = Connection()
    #expect(connection.handle(.tick, at: 10 * second - 1).isEmpty)
    #expect(connection.handle(.tick, at: 10 * second).map(\.text) == ["close: no greeting within 10 s"])
    connection = .ready()
    #expect(connection.handle(.tick, at: 20 * second).map(\.text) == ["PING\r\n"])
    #expect(connection.receive("PONG\r\n", at: 21 * second).isEmpty)
    #expect(connection.handle(.tick, at: 40 * second).map(\.text) == ["PING\r\n"])
    #expect(connection.handle(.tick, at: 60 * second).map(\.text) == ["close: no PONG within 20 s"])
  }

  @Test func `gives each request one outcome, whatever happens`() {
    var random = SeededGenerator(Seed.next())
    for _ in 0..<200 {
      var connection = Connection.ready()
      var (now, open, asked) = (UInt64(0), Set<UInt64>(), UInt64(0))
      func note(_ effects: [Connection.Effect]) {
        for effect in effects {
          switch effect {
          case .answered(let number, _), .failed(let number, _):
            #expect(open.remove(number) != nil, "\(number)")
          default: break
          }
        }
      }
      for _ in 0..<200 {
        now += UInt64.random(in: 0...second, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<8:
          asked += 1
          open.insert(asked)
          note(connection.ask(asked, at: now))
        case 8..<15:
          let number = UInt64.random(in: 0...asked, using: &random)
          note(connection.receive("MSG _INBOX.b1.T.\(number) 1 1\r\na\r\n", at: now))
        case 15..<18: note(connection.handle(.tick, at: now))
        case 18: note(connection.receive("PING\r\nPONG\r\n", at: now))
        default: if Int.random(in: 0..<50, using: &random) == 0 { note(connection.end("gone")) }
        }
      }
      note(connection.end("over"))
      #expect(open.isEmpty)
    }
  }
}
