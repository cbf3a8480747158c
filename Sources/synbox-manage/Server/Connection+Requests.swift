// What a connection does with a request: admits it, and collects or refuses its body.
import Manage
import ManageHost
import NIOCore
import NIOHTTP1

extension Connection {
  func begin(_ head: HTTPRequestHead) {
    guard case .waiting = state else { return }
    requests += 1
    allow(Limit.stall)
    if !head.isKeepAlive || requests >= Limit.requests || service.isStopping { isLastRequest = true }
    let fields = RequestFields(head.headers)
    do {
      let routed = try RoutedRequest(method: head.method.rawValue, target: head.uri)
      let presented = try fields.presented(on: self.presented)
      let principal = try admit(routed.operation, presented)
      if routed.operation == .events { follower = presented }
      if routed.operation == .submit {
        try beginUpload(fields, routed, principal)
      } else {
        let limit = routed.operation.bodyLimit
        if let length = fields.bodyLength, length > limit { throw Problem.tooLarge(limit) }
        state = .collecting(fields, routed, principal, presented, [])
      }
    } catch {
      refuse(fields, isHead: head.method == .HEAD, Reply(error))
    }
  }

  private func admit(_ operation: APIOperation, _ presented: Presented) throws(Problem) -> Principal? {
    do throws(Gate.Refusal) {
      return try service.gate.admit(operation, presented, now: Service.now)
    } catch {
      service.log(error, presented)
      throw error.problem
    }
  }

  /// Answers a request whose body is not wanted.
  private func refuse(_ fields: RequestFields, isHead: Bool, _ reply: Reply) {
    // The body is read if it is small: the answer could get lost with a connection that ends before its time.
    let isSmall = (fields.bodyLength ?? .max) <= Limit.skipped && !fields.expectsContinue
    if isSmall, !reply.endsConnection {
      state = .skipping(reply, isHead: isHead)
    } else {
      var reply = reply
      reply.endsConnection = true
      send(reply, isHead: isHead)
    }
  }

  func take(_ bytes: ByteBuffer) {
    switch state {
    case .collecting(let fields, let routed, let principal, let presented, let body):
      guard body.count + bytes.readableBytes <= routed.operation.bodyLimit else {
        return send(Reply(Problem.tooLarge(routed.operation.bodyLimit)), isHead: routed.isHead)
      }
      state = .collecting(fields, routed, principal, presented, body + Array(bytes.readableBytesView))
    case .uploading(let stream): stream.take(bytes)
    case .waiting, .skipping, .answering, .ending: break
    }
  }

  func end() {
    switch state {
    case .collecting(let fields, let routed, let principal, let presented, let body):
      state = .answering
      holdReading(true)
      let request = AdmittedRequest(
        routed: routed, principal: principal, presented: presented, conditions: fields.conditions,
        range: fields.range, acceptEncoding: fields.acceptEncoding, body: body)
      service.answer(request) { [self] reply in send(reply, isHead: routed.isHead) }
    case .skipping(let reply, let isHead): send(reply, isHead: isHead)
    case .uploading(let stream): stream.end()
    case .waiting, .answering, .ending: break
    }
  }

  // MARK: Uploads

  private func beginUpload(
    _ fields: RequestFields, _ routed: RoutedRequest, _ principal: Principal?
  ) throws(Problem) {
    guard let principal else { return }
    try fields.requirePlainFile()
    let name = try DataFolder.newName(routed.names[0])
    let digest = try fields.digest()
    let stream = UploadStream(self, isHead: false, principal: principal, name: name)
    state = .uploading(stream)
    holdReading(true)
    stream.begin(
      length: fields.bodyLength, digest: digest, expectsContinue: fields.expectsContinue)
  }

  func refuseUpload(_ stream: UploadStream, _ problem: Problem) {
    guard case .uploading(let own) = state, own === stream else { return }
    stream.abandon { [self] in
      // The client may have gone meanwhile.
      guard case .uploading(let own) = state, own === stream else { return }
      var reply = Reply(problem)
      // The rest of the body may be long.
      if !stream.hasEnded { reply.endsConnection = true }
      send(reply, isHead: false)
    }
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
}
