// A client that may send anything.
import Foundation
import LabSupport
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

@testable import NATS

/// Greets a server inside TLS, and keeps all that comes.
final class RawClient: Sendable {
  private final class Received: Sendable {
    let text = Mutex("")
    let isClosed = Atomic<Bool>(false)
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let received: Received
    let trust: NATSTrust
    var hasTLS = false

    init(_ received: Received, _ trust: NATSTrust) { (self.received, self.trust) = (received, trust) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let text = String(buffer: unwrapInboundIn(data))
      received.text.withLock { $0 += text }
      guard !hasTLS else { return }
      hasTLS = true
      do {
        try context.pipeline.syncOperations.addHandler(try trust.handler(), position: .first)
      } catch { context.fireErrorCaught(error) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      guard case .handshakeCompleted = event as? TLSUserEvent else { return }
      let options =
        #"{"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"echo":false,"#
      let connect =
        "CONNECT \(options)\"protocol\":1,\"tls_required\":true,\"lang\":\"raw\",\"version\":\"1\"}\r\nPING\r\n"
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: connect)), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
      received.isClosed.store(true, ordering: .releasing)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      received.text.withLock { $0 += "<\(error)>" }
      context.close(promise: nil)
    }
  }

  private let received = Received()
  private let channel: any Channel

  /// - Parameter waits: until the server has accepted the connection.
  init(_ server: NATSServer, _ trust: NATSTrust, waits: Bool = true) throws {
    let received = received
    channel = try ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(received, trust))
        }
      }
      .connect(to: server.address).wait()
    if waits { try wait(for: "greeting") { $0.contains("PONG\r\n") } }
  }

  deinit { channel.close(promise: nil) }

  var isClosed: Bool { received.isClosed.load(ordering: .acquiring) }
  var text: String { received.text.withLock { $0 } }

  func send(_ text: String) { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }

  /// Waits until the condition holds for what has come, or the connection has ended.
  func wait(for what: String, _ condition: (String) -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: 20 * patience)
    while !condition(text) {
      guard Date() < deadline, !isClosed else { throw LabError("no \(what): \(text)") }
      Thread.sleep(forTimeInterval: 0.005)
    }
  }

  func waitUntilClosed() throws {
    let deadline = Date(timeIntervalSinceNow: 20 * patience)
    while !isClosed {
      guard Date() < deadline else { throw LabError("not closed: \(text)") }
      Thread.sleep(forTimeInterval: 0.005)
    }
  }

  /// Sends operations, and returns what the server says until it has taken them.
  func answer(to operations: String) throws -> String {
    let before = text.utf8.count
    send(operations + "PING\r\n")
    func new(_ text: String) -> String { String(decoding: text.utf8.dropFirst(before), as: UTF8.self) }
    try wait(for: "PONG after \(operations)") { new($0).contains("PONG\r\n") }
    return new(text)
  }
}
