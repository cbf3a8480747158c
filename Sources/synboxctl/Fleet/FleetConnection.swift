// Requests of an operator to a collector.
import BoxClient
import Fleet
import FleetHost
import Kernel
import NATS
import NATSWire
import NIOCore
import NIOPosix
import Support

/// A connection to a broker, for one command.
final class FleetConnection: Sendable {
  private let client: NIOLoopBound<NATSClient>
  private let loop: any EventLoop
  private static let patience = TimeAmount.seconds(20)
  private static let connectTime = TimeAmount.seconds(15)

  /// Waits until a broker has let this client in.
  ///
  /// - Throws: a `Fault` with the last reason if none has after 15 s.
  static func open(_ path: String) async throws -> FleetConnection {
    let bundle = try FleetBundle(path)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let connected = loop.makePromise(of: Void.self)
    let client = try await loop.submit {
      var last = "none was reached"
      let client = bundle.client(
        name: "operator", version: BuildIdentity.number, on: loop
      ) { event in
        switch event {
        case .connected: connected.succeed()
        case .unreachable(let server, let reason): last = "\(server): \(reason)"
        case .disconnected, .problem: break
        }
      }
      loop.assumeIsolated().scheduleTask(in: Self.connectTime) {
        connected.fail(Fault("no broker lets this client in", detail: last))
      }
      return NIOLoopBound(client, eventLoop: loop)
    }.get()
    try await connected.futureResult.get()
    return FleetConnection(client, loop)
  }

  private init(_ client: NIOLoopBound<NATSClient>, _ loop: any EventLoop) {
    self.client = client
    self.loop = loop
  }

  /// Sends a request and returns the members of the answer.
  ///
  /// - Throws: a `FleetError` with what the collector refuses.
  func ask(_ what: String, _ members: [String: JSONValue] = [:]) async throws -> [String: JSONValue] {
    guard let subject = Subject(FleetSubject.operation.text) else { throw Fault("no subject") }
    let body = JSONValue.object(
      members.merging(["v": .number(1), "do": .text(what)]) { $1 }
    ).canonical
    let client = client
    let answer: Message
    do {
      answer = try await loop.flatSubmit {
        client.value.request(subject, body: body, patience: Self.patience)
      }.get()
    } catch Connection.Failure.unheard {
      throw Fault("no collector answers", remedy: "Start it: synboxctl fleet collect")
    } catch let failure as Connection.Failure {
      throw Fault("the collector does not answer", detail: "\(failure)")
    }
    return try Self.members(of: answer)
  }

  private static func members(of answer: Message) throws(FleetError) -> [String: JSONValue] {
    guard
      case .object(let members) = try JSONValue(
        parsing: answer.body, "answer", limit: CollectorMachine.largestFile)
    else { throw FleetError("the collector's answer is no object") }
    if case .text(let reason)? = members["error"] {
      throw FleetError("the collector refuses: \(reason)")
    }
    return members
  }

  /// Bytes of a piece of a blob: as base64 it fits into a message.
  private static let pieceSize = 384 << 10

  /// Gives the collector a file that a signed object names, unless it has it.
  func send(_ file: String, as digest: Digest, size: UInt64) async throws {
    let source = try Files.openToRead(file)
    var offset: UInt64 = 0
    while offset < size {
      let bytes = try Files.readPiece(source.number, name: file, size: Self.pieceSize)
      guard !bytes.isEmpty else { throw Fault("\(file) became shorter while it was sent") }
      let answer = try await ask(
        "blob",
        [
          "sha256": .digest(digest), "size": .number(size), "offset": .number(offset),
          "data": .text(Base64.encode(bytes)),
        ])
      if answer["known"] == JSONValue.flag(true) { return }
      offset += UInt64(bytes.count)
    }
  }
}
