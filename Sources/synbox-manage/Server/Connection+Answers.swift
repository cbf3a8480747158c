// How a connection sends an answer.
import Kernel
import Manage
import NIOCore
import NIOHTTP1

extension Connection {
  var isWritable: Bool { context?.channel.isWritable ?? false }

  func write(_ bytes: [UInt8], then: @escaping () -> Void) {
    guard let context else { return }
    service.metrics.bytesSent += UInt64(bytes.count)
    let buffer = context.channel.allocator.buffer(bytes: bytes)
    context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer)))).assumeIsolated()
      .whenSuccess(then)
  }

  func send(_ reply: Reply, isHead: Bool) {
    if case .ending = state { return }
    guard let context else { return }
    state = .answering
    // A client may send many requests and read no answer.
    guard isWritable else {
      delayed = (reply, isHead)
      return allow(Limit.stall)
    }
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
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    // What the client still sends is read and dropped for a while: a reset could destroy the answer. Its half of the
    // connection is not closed alone: in swift-nio-ssl 2.37.6 that traps later if the client has reset the connection.
    holdReading(false)
  }

  func endEvents() {
    events = nil
    isLastRequest = true
    endAnswer()
  }

  /// Ends the connection in the middle of an answer, which the client notices.
  func breakOff() { context?.close(promise: nil) }
}
