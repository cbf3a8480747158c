import Foundation
import LabSupport
import LabTraits
import NATS
import NATSWire
import NIOCore
import NIOPosix
import Testing

/// Accepts connections, and sends the same bytes to each.
private final class HostileServer: Sendable {
  private final class Sender: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let bytes: ByteBuffer

    init(_ bytes: ByteBuffer) { self.bytes = bytes }

    func channelActive(context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
      context.fireChannelActive()
    }
  }

  let server: NATSServer
  private let channel: any Channel

  init(_ text: String, reads: Bool = true) throws {
    let address = LabServer.address()
    server = try NATSServer(parsing: "\(address):4222")
    let bytes = ByteBuffer(string: text)
    channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      // Small, so that the client's bytes soon wait.
      .serverChannelOption(.socketOption(.so_rcvbuf), value: reads ? 65_536 : 4096)
      .childChannelOption(.autoRead, value: reads)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Sender(bytes))
        }
      }
      .bind(host: address, port: 4222).wait()
  }

  deinit { channel.close(promise: nil) }
}

@Suite(.lab, .timeLimit(.minutes(5))) struct `A hostile NATS server` {
  private static let info = "INFO {\"version\":\"2\",\"headers\":true,\"max_payload\":1048576}\r\n"

  @Test(arguments: [
    ("HTTP/1.1 400 Bad Request\r\n\r\n", "", "expected an operation of a NATS server"),
    ("INFO {", String(repeating: "a", count: 100_000), "found a line of more than 65536 bytes"),
    (info, "MSG a 1 99999999999\r\n", "found a message of 99999999999 bytes"),
    (info, "MSG a 1 3\r\nabcdef\r\n", "expected CR LF after a message"),
    ("INFO {}\r\n", "", "version and max_payload"),
    ("INFO {\"version\":\"2\",\"max_payload\":1}\r\n", "", "has no headers"),
    ("", "", "no greeting within 10 s"), (info, "", "no greeting within 10 s"),
  ])
  func `is left with the reason`(_ first: String, _ then: String, _ expected: String) throws {
    let server = try HostileServer(first + then)
    let reason = try Probe([server.server]).refusal()
    #expect(reason.contains(expected), "\(reason)")
  }

  @Test func `that does not read fills no memory`() throws {
    let server = try HostileServer(Self.info + "PONG\r\n", reads: false)
    let probe = try Probe([server.server]) { $0.mostWaitingBytes = 4 << 20 }
    try probe.waitUntilConnected()
    let body = [UInt8](repeating: 0, count: 1 << 20)
    // What the kernel's buffers take goes, too.
    let requests = (0..<40).map { _ in probe.start("q.a", body, seconds: 30) }
    guard case .refused(let reason) = probe.failure("q.a", body) else {
      throw LabError("no refusal")
    }
    #expect(reason.hasSuffix("bytes wait to be written, the most are 4194304"), "\(reason)")
    try probe.close()
    for request in requests { #expect(throws: Connection.Failure.self) { try request.wait() } }
  }

  @Test func `that only asks is left`() throws {
    // The kernel takes up to 4 MiB of answers.
    let pings = String(repeating: "PING\r\n", count: 1_500_000)
    let server = try HostileServer(Self.info + "PONG\r\n" + pings, reads: false)
    let probe = try Probe([server.server]) { $0.mostWaitingBytes = 64 << 10 }
    try probe.wait(for: "the end", seconds: 60) {
      $0.contains {
        if case .disconnected(_, let reason) = $0 { reason.contains("does not read") } else { false }
      }
    }
  }

  @Test func `that answers nothing leaves requests late, and refuses more than 256`() throws {
    let server = try HostileServer(Self.info + "PONG\r\n")
    let probe = try Probe([server.server])
    try probe.waitUntilConnected()
    let requests = (0..<Connection.mostRequests).map { _ in probe.start("q.a", seconds: 1) }
    #expect(probe.failure("q.a") == .refused("256 requests wait already"))
    for request in requests {
      #expect(throws: Connection.Failure.late(nil)) { try request.wait() }
    }
  }
}
