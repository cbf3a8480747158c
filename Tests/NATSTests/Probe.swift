// A client on an event loop, for tests that wait.
import Foundation
import LabSupport
import NATS
import NATSWire
import NIOCore
import NIOPosix
import Synchronization

final class Probe: Sendable {
  private final class Log: Sendable {
    let events = Mutex<[NATSClient.Event]>([])
  }

  private let loop: any EventLoop
  private let log: Log
  private let client: NIOLoopBound<NATSClient>

  init(
    _ servers: [NATSServer], name: String = "probe", trust: NATSTrust? = nil, key: NATSKey? = nil,
    change: @escaping @Sendable (inout NATSClient.Settings) -> Void = { _ in }
  ) throws {
    let (loop, log) = (MultiThreadedEventLoopGroup.singleton.next(), Log())
    (self.loop, self.log) = (loop, log)
    client = try loop.submit {
      var settings = NATSClient.Settings(name: name, version: "1", trust: trust, key: key)
      change(&settings)
      let client = NATSClient(servers: servers, settings: settings, on: loop) { event in
        log.events.withLock { $0.append(event) }
      }
      return NIOLoopBound(client, eventLoop: loop)
    }.wait()
  }

  deinit {
    let client = client
    loop.execute { client.value.close() }
  }

  var events: [NATSClient.Event] { log.events.withLock { $0 } }
  var server: NATSServer? {
    get throws { try loop.submit { [client] in client.value.server }.wait() }
  }

  func close() throws { try loop.submit { [client] in client.value.close() }.wait() }

  func wait(
    for what: String, seconds: Double = 20, _ condition: ([NATSClient.Event]) -> Bool
  ) throws {
    let deadline = Date(timeIntervalSinceNow: seconds * patience)
    while !condition(events) {
      guard Date() < deadline else { throw LabError("no \(what): \(events)") }
      Thread.sleep(forTimeInterval: 0.005)
    }
  }

  /// Waits until a connection is in use, `times` in all.
  func waitUntilConnected(times: Int = 1) throws {
    try wait(for: "connection") {
      $0.count { if case .connected = $0 { true } else { false } } >= times
    }
  }

  /// Why the first attempt failed.
  func refusal() throws -> String {
    try wait(for: "refusal") {
      $0.contains { if case .unreachable = $0 { true } else { false } }
    }
    for case .unreachable(_, let reason) in events { return reason }
    return ""
  }

  func start(_ subject: String, _ body: [UInt8] = [], seconds: Int64 = 20) -> EventLoopFuture<Message> {
    loop.flatSubmit { [client, loop] in
      guard let subject = Subject(subject) else {
        return loop.makeFailedFuture(LabError("the subject \(subject) is invalid"))
      }
      return client.value.request(subject, body: body, patience: .seconds(seconds))
    }
  }

  func request(_ subject: String, _ text: String = "", seconds: Int64 = 20) throws -> String {
    let message = try start(subject, Array(text.utf8), seconds: seconds).wait()
    return String(decoding: message.body, as: UTF8.self)
  }

  /// The failure of a request.
  func failure(_ subject: String, _ body: [UInt8] = [], seconds: Int64 = 20) -> Connection.Failure? {
    do {
      _ = try start(subject, body, seconds: seconds).wait()
      return nil
    } catch { return error as? Connection.Failure }
  }

  /// Answers messages to a pattern with their subject and body.
  func echo(_ pattern: String) throws {
    try serve(pattern) { Array("\($0.subject) ".utf8) + $0.body }
  }

  /// Answers messages to a pattern, or does not.
  func serve(_ pattern: String, _ answer: @escaping @Sendable (Message) -> [UInt8]?) throws {
    guard let pattern = Subject(pattern) else { throw LabError("\(pattern) is invalid") }
    try loop.submit { [client, loop] in
      client.value.serve(pattern) { loop.makeSucceededFuture(answer($0)) }
    }.wait()
  }

  /// Requests until there is an answer: another connection's subscription may not be known yet.
  func requestUntilAnswered(_ subject: String, _ text: String = "") throws -> String {
    let deadline = Date(timeIntervalSinceNow: 20 * patience)
    while true {
      do { return try request(subject, text, seconds: 2) } catch {
        guard Date() < deadline else { throw error }
        Thread.sleep(forTimeInterval: 0.02)
      }
    }
  }
}
