// The collector's page, its state as JSON, and its metrics, over HTTP on an address of this machine.
import Fleet
import Kernel
import ManagePage
import NIOCore
import NIOHTTP1
import NIOPosix

/// Answers GET requests; nothing can be changed by them.
final class CollectorPage: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let collector: NIOLoopBound<Collector>
  private var path = "/"

  init(_ collector: NIOLoopBound<Collector>) { self.collector = collector }

  /// - Parameter place: `ADDRESS:PORT`; only this machine's loopback, because there is no TLS.
  static func serve(
    _ collector: NIOLoopBound<Collector>, on group: any EventLoopGroup, at place: String
  ) throws {
    let parts = place.split(separator: ":")
    guard parts.count == 2, parts[0].hasPrefix("127."), let port = Int(parts[1]),
      (0...65535).contains(port),
      let address = try? SocketAddress(ipAddress: String(parts[0]), port: port)
    else {
      throw UsageError(
        "listen: found \(place), expected 127.0.0.1:PORT; a proxy with TLS may stand before it")
    }
    ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withPipeliningAssistance: true)
          try channel.pipeline.syncOperations.addHandler(CollectorPage(collector))
        }
      }
      .bind(to: address)
      .whenFailure { error in
        Terminal.error("synboxctl: cannot listen on \(place): \(error)\n")
        endProcessAtOnce(1)
      }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): path = head.method == .GET ? head.uri : ""
    case .body: break
    case .end: respond(context)
    }
  }

  private func respond(_ context: ChannelHandlerContext) {
    let (type, body): (String, [UInt8])
    switch path {
    case "/": (type, body) = ("text/html; charset=utf-8", ManagePage.fleet.html)
    case "/v1/fleet":
      (type, body) = ("application/json", JSONValue.object(collector.value.snapshot.json).canonical)
    case "/metrics":
      (type, body) = (
        "text/plain; version=0.0.4", Array(FleetMetrics(collector.value.snapshot).text.utf8)
      )
    default:
      guard let bytes = summary() else {
        return send(context, .notFound, "text/plain", Array("not found\n".utf8))
      }
      (type, body) = ("application/json", bytes)
    }
    send(context, .ok, type, body)
  }

  /// The summary.json of `/v1/scans/ID/summary`; nil if the path is another one, or the scan is not merged.
  private func summary() -> [UInt8]? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[1] == "v1", parts[2] == "scans", parts[4] == "summary",
      let scan = Digest(String(parts[3]))
    else { return nil }
    return collector.value.summary(of: scan)
  }

  private func send(
    _ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ type: String, _ body: [UInt8]
  ) {
    let fields: HTTPHeaders = [
      "Content-Type": type, "Content-Length": "\(body.count)", "Cache-Control": "no-store",
      "Content-Security-Policy": ManagePage.fleet.contentSecurityPolicy,
      "X-Content-Type-Options": "nosniff",
    ]
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: fields))),
      promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
