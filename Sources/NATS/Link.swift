// One connection: its machine, its channel and its clock.
import NATSWire
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Runs a `Connection` on a channel. All of it belongs to the channel's event loop.
final class Link: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Beyond the bound for requests, for what the machine itself sends.
  private static let ownBytes = 64 << 10
  /// Until a connection that another has replaced ends, whoever still waits.
  private static let retirement = TimeAmount.seconds(10)

  let server: NATSServer
  private let loop: any EventLoop
  private let trust: NATSTrust?
  private let mostWaitingBytes: Int
  private weak var client: NATSClient?
  private var machine: Connection
  private var context: ChannelHandlerContext?
  private var promises: [UInt64: EventLoopPromise<Message>] = [:]
  /// Bytes that the socket has not taken yet.
  private var waitingBytes = 0
  private var timer: (deadline: UInt64, task: Scheduled<Void>)?
  private var isRetiring = false
  private(set) var isLameDuck = false
  /// When it became ready.
  private(set) var readySince: UInt64?

  static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

  init(_ server: NATSServer, _ settings: NATSClient.Settings, client: NATSClient) {
    self.server = server
    loop = client.loop
    trust = settings.trust
    mostWaitingBytes = settings.mostWaitingBytes
    self.client = client
    let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    let token = (0..<22).map { _ in String(alphabet[Int.random(in: 0..<alphabet.count)]) }.joined()
    machine = Connection(
      Connection.Settings(
        name: settings.name, version: settings.version, requiresTLS: settings.trust != nil,
        inboxToken: token, sign: settings.key?.signer), at: Self.now)
  }

  func connect() {
    let link = NIOLoopBound(self, eventLoop: loop)
    ClientBootstrap(group: loop)
      .connectTimeout(.seconds(5))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(link.value)
        }
      }
      .connect(to: server.address)
      .assumeIsolated().whenFailure { self.end("cannot connect: \($0)") }
    restartTimer()
  }

  // MARK: What the client asks for

  func request(_ request: Connection.Request, number: UInt64, _ promise: EventLoopPromise<Message>) {
    let size = request.body.count + 4096
    guard waitingBytes + size <= mostWaitingBytes else {
      let reason = "\(waitingBytes) bytes wait to be written, the most are \(mostWaitingBytes)"
      return promise.fail(Connection.Failure.refused(reason))
    }
    promises[number] = promise
    handle(.request(request, number: number))
  }

  func subscribe(_ pattern: Subject, number: UInt64) { handle(.subscribe(pattern, number: number)) }

  func answer(_ reply: String, _ body: [UInt8]) {
    guard waitingBytes + body.count <= mostWaitingBytes else {
      client?.note("an answer was not sent: \(waitingBytes) bytes wait to be written")
      return
    }
    handle(.answer(to: reply, body: body))
  }

  /// Ends once no request waits. Another connection receives the messages from now on.
  func retire() {
    isRetiring = true
    guard !promises.isEmpty else { return end("replaced") }
    loop.assumeIsolated().scheduleTask(in: Self.retirement) { self.end("replaced") }
  }

  func end(_ reason: String) { perform(machine.end(reason)) }

  // MARK: The machine

  private func handle(_ event: Connection.Event) {
    perform(machine.handle(event, at: Self.now))
    restartTimer()
  }

  private func perform(_ effects: [Connection.Effect]) {
    // One write for many, because a server may ask a lot at once.
    var unsent: [UInt8] = []
    for effect in effects {
      if case .send(let bytes) = effect {
        if unsent.isEmpty { unsent = bytes } else { unsent += bytes }
        continue
      }
      write(unsent)
      unsent = []
      switch effect {
      case .send: break
      case .startTLS: startTLS()
      case .ready(let info):
        readySince = Self.now
        client?.isReady(self, info)
      case .moved(let isLame, let servers):
        isLameDuck = isLameDuck || isLame
        client?.hasMoved(self, servers)
      case .answered(let number, let message):
        promises.removeValue(forKey: number)?.succeed(message)
        if isRetiring && promises.isEmpty { end("replaced") }
      case .failed(let number, let failure): fail(number, failure)
      case .delivered(let number, let message):
        if !isRetiring { client?.deliver(message, number, from: self) }
      case .unsent(let reason): client?.note("an answer was not sent: \(reason)")
      case .close(let reason): close(reason)
      }
    }
    write(unsent)
  }

  private func fail(_ number: UInt64, _ failure: Connection.Failure) {
    if let promise = promises.removeValue(forKey: number) {
      promise.fail(failure)
    } else if case .refused(let reason) = failure {
      client?.note("the subscription \(number) was refused: \(reason)")
    }
    if isRetiring && promises.isEmpty { end("replaced") }
  }

  private func write(_ bytes: [UInt8]) {
    guard let context, !bytes.isEmpty else { return }
    guard waitingBytes + bytes.count <= mostWaitingBytes + Self.ownBytes else {
      return end("the server does not read: \(waitingBytes) bytes wait to be written")
    }
    waitingBytes += bytes.count
    context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)))
      .assumeIsolated().whenComplete { _ in self.waitingBytes -= bytes.count }
  }

  private func startTLS() {
    guard let context, let trust else { return }
    do {
      try context.pipeline.syncOperations.addHandler(try trust.handler(), position: .first)
    } catch {
      end("cannot begin TLS: \(error)")
    }
  }

  private func close(_ reason: String) {
    timer?.task.cancel()
    timer = nil
    context?.close(promise: nil)
    client?.hasEnded(self, reason)
  }

  private func restartTimer() {
    guard let deadline = machine.nextDeadline else { return }
    if let timer, timer.deadline <= deadline { return }
    timer?.task.cancel()
    let task = loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(deadline)) {
      self.timer = nil
      self.handle(.tick)
    }
    timer = (deadline, task)
  }

  // MARK: The channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    // The attempt was given up in the meantime.
    if machine.isClosed { context.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    handle(.received(Array(unwrapInboundIn(data).readableBytesView)))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted = event as? TLSUserEvent { handle(.secured) }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
    let now = Int(Date().timeIntervalSince1970)
    end(NATSTrust.reason(error, certificate: certificate, now: now) ?? "\(error)")
  }

  func channelInactive(context: ChannelHandlerContext) {
    end("the server ended the connection")
    context.fireChannelInactive()
  }
}
