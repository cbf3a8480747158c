// What all connections share. It belongs to the one event loop: nothing here is locked.
import BoxAPI
import Kernel
import Manage
import ManageHost
import ManagePage
import NIOCore
import NIOPosix
import NIOSSL
import ServiceHost

/// What the service is made of, and does not change.
struct ServiceParts: Sendable {
  let settings: ManageSettings
  let folder: DataFolder
  let fingerprint: String
  let page: ManagePage
  let document: [UInt8]
  /// Seconds since 1970.
  let started: Double
}

/// The state of the service.
final class Service {
  let parts: ServiceParts
  let loop: any EventLoop
  let pool: NIOThreadPool
  let digests = DigestCache()
  var gate: Gate
  var metrics = ServiceMetrics()
  var isStopping = false
  private var store: TokenStore
  private var connections: [ObjectIdentifier: Connection] = [:]
  private var perAddress: [String: Int] = [:]
  /// How many answers are being compressed: each needs about 2 MiB.
  var compressing = 0
  static let maximumCompressing = 8
  /// How many bodies are on their way, in or out.
  var transfers = 0
  /// Bytes of memory that they share.
  private static let transferMemory = 8 << 20

  private var feed = EventFeed()
  private var lastStatus: [UInt8]?

  init(_ parts: ServiceParts, _ store: TokenStore, loop: any EventLoop, pool: NIOThreadPool) {
    self.parts = parts
    self.store = store
    self.loop = loop
    self.pool = pool
    gate = Gate(tokens: store.tokens, attemptsPerMinute: parts.settings.attemptsPerMinute)
  }

  static var now: Moment {
    Moment(date: Double(Clock.realtime) / 1e9, clock: Double(Clock.monotonic) / 1e9)
  }

  /// Does something that may wait for the disk on a thread of its own, and passes on what comes of it.
  func work<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value, then: @escaping (Result<Value, any Error>) -> Void
  ) {
    pool.runIfActive(eventLoop: loop, body).assumeIsolated().whenComplete(then)
  }

  /// Returns how many bytes of one body may be in memory: fewer when there are many.
  func pieceSize(atMost limit: Int) -> Int {
    max(1 << 14, min(limit, Self.transferMemory / max(1, transfers)))
  }

  // MARK: Connections

  var openConnections: Int { connections.count }

  /// Takes a connection. Returns whether there is room for it.
  func open(_ connection: Connection, from address: String) -> Bool {
    let own = perAddress[address, default: 0]
    guard !isStopping, connections.count < parts.settings.connections,
      own < parts.settings.connectionsPerAddress
    else {
      metrics.connectionsRefused += 1
      return false
    }
    metrics.connections += 1
    connections[ObjectIdentifier(connection)] = connection
    perAddress[address] = own + 1
    return true
  }

  func close(_ connection: Connection, from address: String) {
    guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    perAddress[address, default: 1] -= 1
    if perAddress[address] == 0 { perAddress[address] = nil }
  }

  // MARK: Every second

  /// Ends connections whose time is up, and tells clients what has changed.
  func tick() {
    for connection in Array(connections.values) { connection.checkTime() }
    reloadTokens()
    broadcast()
  }

  private func reloadTokens() {
    do {
      guard try store.reload() else { return }
      gate.tokens = store.tokens
      Log.write(.notice, "tokens read again", ["count": "\(store.tokens.entries.count)"])
    } catch {
      Log.write(.error, "the tokens stay as they were", ["error": "\(error)"])
    }
  }

  /// Ends the events of those whose token was removed or has expired, or whose session has ended.
  private func endEvents() {
    for connection in Array(connections.values) where connection.wantsEvents {
      if gate.stillAdmits(.events, connection.follower, now: Self.now) { continue }
      Log.write(.notice, "events ended: access withdrawn", ["from": connection.follower.address])
      connection.endEvents()
    }
  }

  private func broadcast() {
    endEvents()
    guard connections.values.contains(where: \.wantsEvents) else {
      feed = EventFeed()
      lastStatus = nil
      return
    }
    let folder = parts.folder
    work {
      (folder.statusText(), try folder.jobs())
    } then: { [weak self] result in
      guard let self, case .success((let status, let jobs)) = result else { return }
      let changes = feed.changes(jobs)
      var event: [UInt8]?
      if let status, status != lastStatus, let text = statusAnswer(status) {
        lastStatus = status
        event = EventFeed.event("status", data: text)
      }
      for connection in connections.values where connection.wantsEvents {
        connection.add(events: changes, status: event)
      }
    }
  }

  /// The status as clients get it.
  func statusAnswer(_ text: [UInt8]) -> [UInt8]? {
    let own = ManagementStatus(
      version: BuildIdentity.number, started: Timestamp(nanoseconds: UInt64(parts.started * 1e9)),
      fingerprint: parts.fingerprint, connections: openConnections)
    return JSONText.adding("management", JSONText.line(own), to: text)
  }

  /// Ends the connections that are between two requests, and all others after their answer.
  func stop() {
    isStopping = true
    for connection in Array(connections.values) { connection.endWhenIdle() }
  }
}

/// The member `management` of the status.
private struct ManagementStatus: Encodable {
  let version: String
  let started: Timestamp
  let fingerprint: String
  let connections: Int

  enum CodingKeys: String, CodingKey {
    case version, started
    case fingerprint = "certificate_sha256"
    case connections
  }
}
