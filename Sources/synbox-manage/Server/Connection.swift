// One connection: requests in, answers out, one at a time.
import Kernel
import Manage
import ManageHost
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// The last handler of a connection's pipeline.
final class Connection: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = Never
  typealias OutboundOut = HTTPServerResponsePart

  /// What the connection does.
  enum State {
    /// Waits for a request.
    case waiting
    /// Waits for the rest of a small body.
    case collecting(RequestFields, RoutedRequest, Principal?, Presented, [UInt8])
    /// Waits for the end of a body that nobody reads, to send the answer.
    case skipping(Reply, isHead: Bool)
    case uploading(UploadStream)
    /// Waits for an answer, or sends one.
    case answering
    /// The answer is sent, and the connection ends when the client has ended it, or soon.
    case ending
  }

  let service: Service
  private(set) var context: ChannelHandlerContext?
  /// When the client must have done its part; nanoseconds of the monotonic clock.
  private var deadline: UInt64 = 0
  /// Reading waits while there is enough to do.
  private var isReadHeld = false
  private var isReadWanted = false

  // The connection's other files use these, and nobody else does.
  var state = State.waiting
  var presented = Presented()
  var requests = 0
  var sender: BodySender?
  var events: EventSender?
  /// What the request for events showed of its sender: who loses their access gets no more of them.
  var follower = Presented()
  /// An answer that waits until the client has read those before it.
  var delayed: (reply: Reply, isHead: Bool)?
  var isLastRequest = false

  init(_ service: Service) { self.service = service }

  enum Limit {
    /// Nanoseconds.
    static let first: UInt64 = 10_000_000_000
    static let idle: UInt64 = 60_000_000_000
    static let stall: UInt64 = 30_000_000_000
    static let ending: UInt64 = 5_000_000_000
    static let requests = 10_000
    /// Bytes of a refused body that are read, so that the connection can stay.
    static let skipped = 1 << 16
  }

  // MARK: Beginning and end

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    presented.address = context.remoteAddress?.ipAddress ?? "unknown"
    allow(Limit.first)
    if !service.open(self, from: presented.address) { context.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    service.close(self, from: presented.address)
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    if case .uploading(let stream) = state { stream.abandon() }
    state = .ending
    sender = nil
    events = nil
    delayed = nil
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event {
      let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
      presented.certificate = handler?.peerCertificate.flatMap(CertificateSubject.init)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // What is no HTTP gets an answer, unless one is on its way; everything else ends the connection.
    if error is HTTPParserError, case .waiting = state {
      let isHeader = (error as? HTTPParserError) == .headerOverflow
      var reply = Reply(
        isHeader
          ? Problem(
            431, "The header fields are too large", "expected at most 16 KiB in all, 8 KiB each")
          : Problem.malformed("this is no HTTP/1.1"))
      reply.endsConnection = true
      send(reply, isHead: false)
      return
    }
    context.close(promise: nil)
  }

  /// Ends the connection, unless it is about to answer.
  func endWhenIdle() {
    isLastRequest = true
    if case .waiting = state { context?.close(promise: nil) }
    if events != nil { context?.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): begin(head)
    case .body(let bytes): take(bytes)
    case .end: end()
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      sender?.proceed()
      events?.proceed()
      if let (reply, isHead) = delayed.take() { send(reply, isHead: isHead) }
    }
    context.fireChannelWritabilityChanged()
  }

  // MARK: Time

  func allow(_ nanoseconds: UInt64) { deadline = Clock.monotonic + nanoseconds }

  /// Ends the connection if its client's time is up.
  func checkTime() {
    switch state {
    case .uploading(let stream):
      guard stream.isTooSlow(now: Clock.monotonic) else { return }
      refuseUpload(
        stream, Problem(408, "The body comes too slowly", "expected at least 1 KiB a second"))
    case .collecting, .skipping:
      guard Clock.monotonic > deadline else { return }
      var reply = Reply(Problem(408, "The body comes too slowly", "expected it within 30 s"))
      reply.endsConnection = true
      send(reply, isHead: false)
    case .answering:
      // Our own time does not count.
      let isStalled = delayed.map { _ in Clock.monotonic > deadline }
      if sender?.isStalled ?? events?.isStalled ?? isStalled ?? false { context?.close(promise: nil) }
    case .waiting, .ending:
      if Clock.monotonic > deadline { context?.close(promise: nil) }
    }
  }

  // MARK: Events

  var wantsEvents: Bool { events != nil }

  func add(events changes: [[UInt8]], status: [UInt8]?) { events?.add(changes, status) }

  // MARK: Backpressure

  func holdReading(_ isHeld: Bool) {
    isReadHeld = isHeld
    guard !isHeld, isReadWanted, let context else { return }
    isReadWanted = false
    context.read()
  }

  func read(context: ChannelHandlerContext) {
    if isReadHeld { isReadWanted = true } else { context.read() }
  }
}
