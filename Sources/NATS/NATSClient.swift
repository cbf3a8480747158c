// A client that keeps a connection to one of several servers.
import NATSWire
import NIOCore

/// Sends requests and serves patterns, over a connection that it makes again whenever it ends. It buffers nothing while there is none:
/// requests fail then, and whoever sends them repeats them. All calls are made on its event loop, and none blocks.
public final class NATSClient {
  public struct Settings: Sendable {
    /// Shown by the server, and a token of the inbox `_INBOX.NAME.>`.
    public var name: String
    /// Of the program.
    public var version: String
    /// nil for clear text.
    public var trust: NATSTrust?
    public var key: NATSKey?
    /// Bytes that may wait until the socket takes them; what is more is refused.
    public var mostWaitingBytes = 8 << 20
    /// Bytes of messages whose answers are being made; further messages are dropped.
    public var mostServedBytes = 64 << 20
    /// Whether servers that a server names are tried, too.
    public var learnsServers = true

    public init(name: String, version: String, trust: NATSTrust? = nil, key: NATSKey? = nil) {
      self.name = name
      self.version = version
      self.trust = trust
      self.key = key
    }
  }

  public enum Event: Hashable, Sendable {
    case connected(NATSServer)
    /// The connection in use has ended, and why.
    case disconnected(NATSServer, String)
    /// An attempt failed, and why. More follow.
    case unreachable(NATSServer, String)
    /// Something was refused or dropped.
    case problem(String)
  }

  /// Makes the answer to a message; nil for none.
  public typealias Handler = (Message) -> EventLoopFuture<[UInt8]?>

  let loop: any EventLoop
  private let settings: Settings
  private let report: (Event) -> Void
  private var servers: ServerList
  private var backoff = Backoff()
  private var random = SystemRandomNumberGenerator()
  private var served: [UInt64: (pattern: Subject, handler: Handler)] = [:]
  private var servedBytes = 0
  /// Of requests and subscriptions; 1 is the inbox's.
  private var lastNumber: UInt64 = 1
  /// Ready.
  private var current: Link?
  /// Not ready yet.
  private var attempt: Link?
  private var retiring: [Link] = []
  private var timer: Scheduled<Void>?
  private var isClosed = false
  private var lastReason = "no server was reached yet"

  /// Connects to the first server.
  ///
  /// - Parameter report: called on the event loop for each event.
  public init(
    servers: [NATSServer], settings: Settings, on loop: any EventLoop,
    report: @escaping (Event) -> Void
  ) {
    loop.preconditionInEventLoop()
    self.loop = loop
    self.settings = settings
    self.servers = ServerList(servers)
    self.report = report
    tryNext()
  }

  /// The server of the connection in use.
  public var server: NATSServer? { current?.server }

  /// Sends a request and waits for its answer. It fails with a `Connection.Failure`, at once if there is no connection.
  ///
  /// - Parameter patience: until an answer is no longer waited for.
  public func request(
    _ subject: Subject, headers: HeaderBlock? = nil, body: [UInt8] = [],
    patience: TimeAmount = .seconds(3)
  ) -> EventLoopFuture<Message> {
    loop.preconditionInEventLoop()
    let promise = loop.makePromise(of: Message.self)
    guard let current else {
      promise.fail(Connection.Failure.disconnected(lastReason))
      return promise.futureResult
    }
    lastNumber += 1
    let request = Connection.Request(
      subject, headers: headers, body: body, patience: UInt64(max(0, patience.nanoseconds)))
    current.request(request, number: lastNumber, promise)
    return promise.futureResult
  }

  /// Answers messages to a pattern, on this connection and all later ones. There are at most `Connection.mostSubscriptions`.
  public func serve(_ pattern: Subject, _ handler: @escaping Handler) {
    loop.preconditionInEventLoop()
    lastNumber += 1
    served[lastNumber] = (pattern, handler)
    current?.subscribe(pattern, number: lastNumber)
    attempt?.subscribe(pattern, number: lastNumber)
  }

  /// Ends the connection; requests that wait fail. Nothing is reported any more.
  public func close() {
    loop.preconditionInEventLoop()
    isClosed = true
    lastReason = "the client was closed"
    timer?.cancel()
    timer = nil
    for link in [current, attempt].compactMap(\.self) + retiring { link.end(lastReason) }
    (current, attempt, retiring) = (nil, nil, [])
    served = [:]
  }

  // MARK: Attempts

  /// Plans an attempt, unless one is under way or the connection will do.
  private func plan() {
    guard !isClosed, attempt == nil, timer == nil, current?.isLameDuck != false else { return }
    let wait = backoff.wait(servers: servers.count, using: &random)
    timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait)) { [weak self] in
      self?.timer = nil
      self?.tryNext()
    }
  }

  private func tryNext() {
    guard !isClosed, let server = servers.take(avoiding: current?.server) else { return }
    let link = Link(server, settings, client: self)
    attempt = link
    for (number, served) in served { link.subscribe(served.pattern, number: number) }
    link.connect()
  }

  // MARK: What links say

  func isReady(_ link: Link, _ info: ServerInfo) {
    let old = current
    (attempt, current) = (nil, link)
    if settings.learnsServers { servers.learn(info.servers ?? []) }
    report(.connected(link.server))
    if let old {
      retiring.append(old)
      old.retire()
    }
  }

  func hasMoved(_ link: Link, _ names: [String]) {
    if settings.learnsServers { servers.learn(names) }
    // The old connection is of use until the new one is ready.
    if link.isLameDuck { plan() }
  }

  func hasEnded(_ link: Link, _ reason: String) {
    retiring.removeAll { $0 === link }
    guard !isClosed else { return }
    if link === attempt {
      attempt = nil
      backoff.fail()
      if current == nil { lastReason = "\(link.server): \(reason)" }
      report(.unreachable(link.server, reason))
    } else if link === current {
      current = nil
      lastReason = "\(link.server): \(reason)"
      let hasSettled = link.readySince.map { Link.now >= $0 + Backoff.settled } ?? false
      if hasSettled { backoff.succeed() } else { backoff.fail() }
      report(.disconnected(link.server, reason))
    }
    plan()
  }

  func deliver(_ message: Message, _ number: UInt64, from link: Link) {
    guard let handler = served[number]?.handler else { return }
    let size = message.body.count + 1024
    guard servedBytes + size <= settings.mostServedBytes else {
      return note("a message to \(message.subject) was dropped: \(servedBytes) bytes are being served")
    }
    servedBytes += size
    handler(message).hop(to: loop).assumeIsolated().whenComplete { result in
      self.servedBytes -= size
      switch result {
      case .success(let body):
        if let body, let reply = message.reply { link.answer(reply, body) }
      case .failure(let error): self.note("no answer to \(message.subject): \(error)")
      }
    }
  }

  func note(_ problem: String) { if !isClosed { report(.problem(problem)) } }
}
