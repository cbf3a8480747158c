// The event loop: sockets that listen, and the pipeline of each connection.
import Kernel
import Manage
import ManageHost
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ServiceHost

/// The running server: one thread for the network, and a few for the disk.
struct Server {
  private let group: MultiThreadedEventLoopGroup
  private let pool: NIOThreadPool
  private let service: NIOLoopBound<Service>
  private var loop: any EventLoop { group.next() }

  private static let diskThreads = 3

  /// Starts to accept connections. Call this after the drop, because it starts threads.
  init(
    _ parts: ServiceParts, _ store: TokenStore, sockets: [Int32], tls: NIOSSLContext,
    heartbeat: Heartbeat?
  ) throws {
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    pool = NIOThreadPool(numberOfThreads: Self.diskThreads)
    pool.start()
    let (loop, pool) = (group.next(), pool)
    service = try loop.submit {
      NIOLoopBound(Service(parts, store, loop: loop, pool: pool), eventLoop: loop)
    }.wait()
    for socket in sockets { try listen(socket, tls) }
    let service = service
    loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
      service.value.tick()
      heartbeat?.send()
    }
  }

  private func listen(_ socket: Int32, _ tls: NIOSSLContext) throws {
    let service = service
    _ = try ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try Self.configure(channel, service.value, tls)
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: false)
      // Small pieces, so that many connections need little memory; a record of TLS has no more than 16 KiB.
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 1 << 14)
      )
      .childChannelOption(
        .writeBufferWaterMark,
        value: ChannelOptions.Types.WriteBufferWaterMark(low: 1 << 15, high: 1 << 17)
      )
      .withBoundSocket(socket)
      .wait()
  }

  private static func configure(_ channel: any Channel, _ service: Service, _ tls: NIOSSLContext) throws
  {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = 8 << 10
    limits.maxHeaderListSize = 16 << 10
    limits.maxHeaderFieldCount = 100
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandlers([
      NIOSSLServerHandler(context: tls), HTTPResponseEncoder(),
      ByteToMessageHandler(
        HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)),
      PipelineLimit(), HTTPServerPipelineHandler(), Connection(service),
    ])
  }

  /// Ends connections after the answer that they are about to give, for at most two seconds.
  func stop() {
    let service = service
    _ = try? loop.submit { service.value.stop() }.wait()
    for _ in 0..<20 {
      guard let open = try? loop.submit({ service.value.openConnections }).wait(), open > 0 else {
        return
      }
      Clock.sleep(untilMonotonic: Clock.monotonic + 100_000_000)
    }
  }
}
