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
    case collecting(HTTPRequestHead, RoutedRequest, Principal?, Presented, [UInt8])
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
  private var state = State.waiting
  private var presented = Presented()
  private var requests = 0
  private(set) var sender: BodySender?
  private(set) var events: EventSender?
  /// When the client must have done its part; nanoseconds of the monotonic clock.
  private var deadline: UInt64 = 0
  /// Reading waits while there is enough to do.
  private var isReadHeld = false
  private var isReadWanted = false
  private var isLastRequest = false

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

  // MARK: Time

  private func allow(_ nanoseconds: UInt64) { deadline = Clock.monotonic + nanoseconds }

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
      if sender?.isStalled ?? events?.isStalled ?? false { context?.close(promise: nil) }
    case .waiting, .ending:
      if Clock.monotonic > deadline { context?.close(promise: nil) }
    }
  }

  // MARK: Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): begin(head)
    case .body(let bytes): take(bytes)
    case .end: end()
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    guard case .waiting = state else { return }
    requests += 1
    allow(Limit.stall)
    if !head.isKeepAlive || requests >= Limit.requests || service.isStopping { isLastRequest = true }
    do {
      let routed = try RoutedRequest(method: head.method.rawValue, target: head.uri)
      let presented = self.presented(by: head)
      let principal = try admit(routed.operation, presented)
      if routed.operation == .submit {
        try beginUpload(head, routed, principal)
      } else {
        if let length = head.bodyLength, length > routed.operation.bodyLimit {
          throw Problem.tooLarge(routed.operation.bodyLimit)
        }
        state = .collecting(head, routed, principal, presented, [])
      }
    } catch {
      refuse(head, Reply(error))
    }
  }

  private func presented(by head: HTTPRequestHead) -> Presented {
    var presented = presented
    presented.authorization = head.headers["Authorization"]
    presented.cookies = head.headers["Cookie"]
    presented.origin = head.headers["Origin"]
    presented.host = head.headers["Host"]
    return presented
  }

  private func admit(_ operation: APIOperation, _ presented: Presented) throws(Problem) -> Principal? {
    guard presented.host.count == 1 else {
      throw Problem.malformed("found \(presented.host.count) Host fields, expected one")
    }
    do throws(Gate.Refusal) {
      return try service.gate.admit(operation, presented, now: Service.now)
    } catch {
      service.log(error, presented)
      throw error.problem
    }
  }

  /// Answers a request whose body is not wanted.
  private func refuse(_ head: HTTPRequestHead, _ reply: Reply) {
    let isHead = head.method == .HEAD
    // The body is read if it is small: the answer could get lost with a connection that ends before its time.
    let isSmall = (head.bodyLength ?? .max) <= Limit.skipped && !head.expectsContinue
    if isSmall, !reply.endsConnection {
      state = .skipping(reply, isHead: isHead)
    } else {
      var reply = reply
      reply.endsConnection = true
      send(reply, isHead: isHead)
    }
  }

  private func take(_ bytes: ByteBuffer) {
    switch state {
    case .collecting(let head, let routed, let principal, let presented, let body):
      guard body.count + bytes.readableBytes <= routed.operation.bodyLimit else {
        return send(Reply(Problem.tooLarge(routed.operation.bodyLimit)), isHead: routed.isHead)
      }
      state = .collecting(head, routed, principal, presented, body + Array(bytes.readableBytesView))
    case .uploading(let stream): stream.take(bytes)
    case .waiting, .skipping, .answering, .ending: break
    }
  }

  private func end() {
    switch state {
    case .collecting(let head, let routed, let principal, let presented, let body):
      state = .answering
      holdReading(true)
      let request = AdmittedRequest(
        routed: routed, principal: principal, presented: presented, conditions: head.conditions,
        range: head.headers.first(name: "Range"),
        acceptEncoding: head.headers.joined("Accept-Encoding"), body: body)
      service.answer(request) { [self] reply in send(reply, isHead: routed.isHead) }
    case .skipping(let reply, let isHead): send(reply, isHead: isHead)
    case .uploading(let stream): stream.end()
    case .waiting, .answering, .ending: break
    }
  }

  // MARK: Uploads

  private func beginUpload(
    _ head: HTTPRequestHead, _ routed: RoutedRequest, _ principal: Principal?
  ) throws(Problem) {
    guard let principal else { return }
    let codings = head.headers["Content-Encoding"].filter { $0.lowercased() != "identity" }
    guard codings.isEmpty else {
      throw Problem(
        415, "The content coding is not supported",
        "send the file as it is; a file that is itself gzip or zstd is expanded by the box")
    }
    guard head.headers["Content-Range"].isEmpty else {
      throw Problem.malformed("found Content-Range, expected a whole file")
    }
    let name = try DataFolder.newName(routed.names[0])
    let digest = try head.digest
    let stream = UploadStream(self, isHead: false, principal: principal, name: name)
    state = .uploading(stream)
    holdReading(true)
    stream.begin(
      length: head.bodyLength.map(UInt64.init), digest: digest,
      expectsContinue: head.expectsContinue)
  }

  func refuseUpload(_ stream: UploadStream, _ problem: Problem) {
    guard case .uploading(let own) = state, own === stream else { return }
    stream.abandon()
    var reply = Reply(problem)
    // The rest of the body may be long.
    if !stream.hasEnded { reply.endsConnection = true }
    send(reply, isHead: false)
  }

  func finishUpload(_ stream: UploadStream, _ reply: Reply) {
    guard case .uploading(let own) = state, own === stream else { return }
    send(reply, isHead: false)
  }

  func sendContinue() {
    guard let context else { return }
    let head = HTTPResponseHead(version: .http1_1, status: .continue)
    context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
  }

  // MARK: Answers

  var isWritable: Bool { context?.channel.isWritable ?? false }

  func write(_ bytes: [UInt8], then: @escaping () -> Void) {
    guard let context else { return }
    service.metrics.bytesSent += UInt64(bytes.count)
    let buffer = context.channel.allocator.buffer(bytes: bytes)
    context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer)))).assumeIsolated()
      .whenSuccess(then)
  }

  private func send(_ reply: Reply, isHead: Bool) {
    if case .ending = state { return }
    guard let context else { return }
    state = .answering
    if reply.endsConnection { isLastRequest = true }
    service.metrics.count(status: reply.status)
    let head = reply.head(isLast: isLastRequest, seconds: Int(Clock.realtime / 1_000_000_000))
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    switch reply.body {
    case .bytes(let bytes) where !isHead:
      service.metrics.bytesSent += UInt64(bytes.count)
      let buffer = context.channel.allocator.buffer(bytes: bytes)
      context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
      endAnswer()
    case .file(let file, let range, let coding) where !isHead:
      context.flush()
      sender = BodySender(self, file, range, coding)
      sender?.proceed()
    case .events where !isHead:
      context.flush()
      events = EventSender(self)
      events?.begin()
    case .none, .bytes, .file, .events: endAnswer()
    }
  }

  func endAnswer() {
    guard let context else { return }
    sender = nil
    guard isLastRequest else {
      state = .waiting
      allow(Limit.idle)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      holdReading(false)
      return
    }
    state = .ending
    allow(Limit.ending)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { [self] _ in
      // What the client still sends is read and dropped for a while: a reset could destroy the answer.
      guard let context = self.context else { return }
      context.close(mode: .output, promise: nil)
      holdReading(false)
    }
  }

  /// Ends the connection in the middle of an answer, which the client notices.
  func breakOff() { context?.close(promise: nil) }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      sender?.proceed()
      events?.proceed()
    }
    context.fireChannelWritabilityChanged()
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

extension HTTPRequestHead {
  /// The bytes of the body; nil if only its end tells.
  fileprivate var bodyLength: Int? {
    if headers.contains(name: "Transfer-Encoding") { return nil }
    return headers.first(name: "Content-Length").map { Int($0) ?? .max } ?? 0
  }

  fileprivate var expectsContinue: Bool {
    headers["Expect"].contains { $0.lowercased() == "100-continue" }
  }

  fileprivate var conditions: Conditions {
    Conditions(
      ifMatch: headers.joined("If-Match"), ifNoneMatch: headers.joined("If-None-Match"),
      ifRange: headers.first(name: "If-Range"))
  }

  /// The SHA-256 that the client says the body has.
  fileprivate var digest: [UInt8]? {
    get throws(Problem) {
      guard let field = headers.joined("Repr-Digest") ?? headers.joined("Content-Digest") else {
        return nil
      }
      return try DigestField.sha256(field)
    }
  }
}

extension HTTPHeaders {
  /// All fields of a name as one; nil if there is none.
  fileprivate func joined(_ name: String) -> String? {
    let fields = self[name]
    return fields.isEmpty ? nil : fields.joined(separator: ", ")
  }
}
