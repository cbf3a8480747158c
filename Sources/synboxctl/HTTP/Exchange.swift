// One request and its answer, on a connection of its own.
import BoxClient
import Kernel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Support
import Synchronization

/// A request without its body.
struct Request: Sendable {
  var method: HTTPMethod
  var path: String
  var fields: [(name: String, value: String)] = []
}

/// Gives the body of a request piece by piece; nil at its end.
typealias BodySource = @Sendable () throws -> [UInt8]?

/// An answer whose body has yet to be read.
struct AnswerBody: ~Copyable {
  typealias Iterator = NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator

  let status: Int
  let fields: HTTPHeaders
  private var iterator: Iterator

  init(_ head: HTTPResponseHead, _ iterator: consuming Iterator) {
    status = Int(head.status.code)
    fields = head.headers
    self.iterator = iterator
  }

  /// The next bytes; nil once the body is complete. A body that is cut off is an error.
  mutating func next() async throws -> ByteBuffer? {
    while let part = try await iterator.next() {
      switch part {
      case .head: continue
      case .body(let bytes): return bytes
      case .end: return nil
      }
    }
    throw CutOff()
  }

  /// The whole body.
  ///
  /// - Parameter limit: more bytes are an error.
  mutating func bytes(limit: Int = 64 << 20) async throws -> [UInt8] {
    var body: [UInt8] = []
    while let piece = try await next() {
      guard body.count + piece.readableBytes <= limit else {
        throw Fault("the answer has more than \(limit) bytes")
      }
      body += piece.readableBytesView
    }
    return body
  }
}

/// The connection ended before the answer did.
struct CutOff: Error {}

/// Why the body of a request could not be read.
private final class BodyFailure: Sendable {
  let error = Mutex<Fault?>(nil)
}

/// Talks to one box.
struct BoxConnection: Sendable {
  let address: BoxAddress
  let trust: Trust
  /// An access token; nil if a certificate proves who the user is.
  let token: String?

  private typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

  /// Sends a request and reads its answer.
  ///
  /// - Parameters:
  ///   - silence: seconds without any byte after which the box is given up.
  ///   - read: reads the answer. Unless its status is one of `accepting`, a `ProblemDetails` is thrown instead.
  func exchange<Value: Sendable>(
    _ request: Request, body: BodySource? = nil, silence: Int64 = 60,
    accepting: ClosedRange<Int> = 200...299,
    _ read: (inout AnswerBody) async throws -> Value
  ) async throws -> Value {
    let channel = try await connect(silence)
    do {
      return try await channel.executeThenClose { inbound, outbound in
        let head = head(request)
        let failure = BodyFailure()
        return try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            do {
              try await outbound.write(.head(head))
              try await Self.send(body, to: outbound)
            } catch let error as Fault {
              // Otherwise the box would wait for the rest.
              failure.error.withLock { $0 = error }
              try? await channel.channel.close()
            } catch {
              // The box may have answered already, for example that the body is too large. If the connection failed, the
              // reader learns why.
            }
          }
          defer { group.cancelAll() }
          do {
            return try await answer(inbound, accepting, read)
          } catch {
            throw failure.error.withLock { $0 } ?? error
          }
        }
      }
    } catch { throw explain(error) }
  }

  private func answer<Value: Sendable>(
    _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>, _ accepting: ClosedRange<Int>,
    _ read: (inout AnswerBody) async throws -> Value
  ) async throws -> Value {
    var iterator = inbound.makeAsyncIterator()
    guard case .head(let head) = try await iterator.next() else { throw CutOff() }
    var answer = AnswerBody(head, iterator)
    guard accepting.contains(answer.status) else {
      let body = try await answer.bytes(limit: 1 << 20)
      throw ProblemDetails(status: answer.status, body: body)
    }
    return try await read(&answer)
  }

  private static func send(
    _ body: BodySource?, to outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
  ) async throws {
    while let body, let piece = try body() {
      try Task.checkCancellation()
      try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: piece))))
    }
    try await outbound.write(.end(nil))
  }

  private func head(_ request: Request) -> HTTPRequestHead {
    var headers = HTTPHeaders([
      ("Host", address.authority), ("User-Agent", "synboxctl"), ("Connection", "close"),
    ])
    if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
    for field in request.fields { headers.add(name: field.name, value: field.value) }
    return HTTPRequestHead(
      version: .http1_1, method: request.method, uri: request.path, headers: headers)
  }

  private func connect(_ silence: Int64) async throws -> Channel {
    do {
      return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(15))
        .connect(host: address.host, port: address.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(silence)))
            try pipeline.addHandler(SilenceHandler(seconds: silence))
            try pipeline.addHandler(trust.handler(for: address))
            try pipeline.addHTTPClientHandlers()
            return try Channel(wrappingChannelSynchronously: channel)
          }
        }
    } catch { throw explain(error) }
  }

  private func explain(_ error: any Error) -> any Error {
    switch error {
    case is CutOff, NIOSSLError.uncleanShutdown, is HTTPParserError, ChannelError.ioOnClosedChannel,
      ChannelError.inputClosed, ChannelError.eof:
      return ConnectionCut(address: address)
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return trust.explain(error, address)
    case let error as IOError where [Self.reset, Self.brokenPipe].contains(error.errnoCode):
      return ConnectionCut(address: address)
    case is NIOConnectionError, is IOError, is ChannelError, is SocketAddressError:
      return Fault(
        "cannot reach \(address)", detail: Escaping.visible("\(error)"),
        remedy: "Check the address, and that synbox-manage runs on the box")
    default: return error
    }
  }

  /// ECONNRESET, EPIPE.
  private static let (reset, brokenPipe) = (Int32(104), Int32(32))
}

/// The connection was cut while an answer was under way. It may be made again.
struct ConnectionCut: Error, CustomStringConvertible {
  let address: BoxAddress
  var description: String { "the connection to \(address) was cut" }
}

/// Gives up a connection on which nothing moves.
private final class SilenceHandler: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  let seconds: Int64
  init(seconds: Int64) { self.seconds = seconds }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent {
      context.fireErrorCaught(Fault("the box was silent for \(seconds) s"))
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }
}
