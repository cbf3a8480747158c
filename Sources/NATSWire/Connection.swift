// One connection to a server, as a pure machine: events and times in, effects out.
import Support

/// Greets a server, keeps the connection alive, matches answers to requests, and receives messages to subscriptions. It ends at the
/// first thing that is wrong; making a new connection, to the same server or another, is for whoever runs it.
public struct Connection: Sendable {
  private enum State: Hashable, Sendable {
    case greeting, securing, proving, ready, closed
  }

  /// Requests that may wait for their answers at one time.
  public static let mostRequests = 256
  public static let mostSubscriptions = 16
  /// Nanoseconds from the beginning until the server must have accepted the connection.
  public static let greetingTime: UInt64 = 10_000_000_000
  /// Nanoseconds between two pings, the second of which must find the first one answered.
  public static let pingInterval: UInt64 = 20_000_000_000
  private static let inboxSubscription: UInt64 = 1

  private let settings: Settings
  private let inbox: String
  private var state = State.greeting
  private var reader = FrameReader()
  private var info: ServerInfo?
  /// When each waiting request is given up.
  private var deadlines: [UInt64: UInt64] = [:]
  private var subscriptions: [UInt64: Subject] = [:]
  /// Of the greeting, then of the next ping.
  private var ownDeadline: UInt64
  private var awaitsPong = false
  private var complaint: String?

  /// - Parameter now: nanoseconds of a clock that all other calls use, too.
  public init(_ settings: Settings, at now: UInt64) {
    self.settings = settings
    inbox = "_INBOX.\(settings.name).\(settings.inboxToken)"
    ownDeadline = now + Self.greetingTime
  }

  public var isClosed: Bool { state == .closed }

  /// When the next `tick` is due; nil once closed.
  public var nextDeadline: UInt64? {
    isClosed ? nil : min(ownDeadline, deadlines.values.min() ?? .max)
  }

  public mutating func handle(_ event: Event, at now: UInt64) -> [Effect] {
    guard !isClosed else { return Self.afterEnd(event) }
    var effects: [Effect] = []
    do throws(FrameError) {
      switch event {
      case .received(let bytes):
        reader.append(bytes)
        while !isClosed, let frame = try reader.next() { try take(frame, now, &effects) }
      case .secured:
        guard state == .securing, let info else { break }
        try connect(info, &effects)
      case .request(let request, let number): send(request, number, now, &effects)
      case .subscribe(let pattern, let number): subscribe(pattern, number, &effects)
      case .answer(let reply, let headers, let body): answer(reply, headers, body, &effects)
      case .tick: expire(now, &effects)
      }
    } catch {
      close(error.description, &effects)
    }
    return effects
  }

  private static func afterEnd(_ event: Event) -> [Effect] {
    switch event {
    case .request(_, let number), .subscribe(_, let number):
      [.failed(number, .disconnected("the connection has ended"))]
    case .answer: [.unsent("the connection has ended")]
    default: []
    }
  }

  // MARK: Frames

  private mutating func take(_ frame: ServerFrame, _ now: UInt64, _ effects: inout [Effect])
    throws(FrameError)
  {
    switch frame {
    case .info(let json): try learn(ServerInfo(parsing: json), &effects)
    case .ping: effects.append(.send(ClientOperation.pong.bytes))
    case .pong: greetOrLive(now, &effects)
    case .ok: break
    case .error(let text):
      complaint = text
      // A subject that is refused leaves the connection as it is, and its request without an answer.
      guard text.lowercased().hasPrefix("permissions violation"), !text.contains("\"\(inbox).*\"")
      else { throw FrameError("the server says: \(text)") }
      refuseSubscriptions(text, &effects)
    case .message(let message): deliver(message, &effects)
    }
  }

  private mutating func learn(_ update: ServerInfo, _ effects: inout [Effect]) throws(FrameError) {
    let isFirst = info == nil
    info = update
    guard isFirst else {
      effects.append(.moved(isLameDuck: update.isLameDuck == true, servers: update.servers ?? []))
      return
    }
    guard update.headers == true else { throw FrameError("the server has no headers") }
    if settings.requiresTLS {
      guard update.requiresTLS == true else { throw FrameError("the server offers no TLS") }
      // What follows the greeting in clear text may be anybody's.
      guard reader.isEmpty else { throw FrameError("the server went on without TLS") }
      state = .securing
      effects.append(.startTLS)
    } else {
      guard update.requiresTLS != true else { throw FrameError("the server requires TLS") }
      try connect(update, &effects)
    }
  }

  private mutating func connect(_ info: ServerInfo, _ effects: inout [Effect]) throws(FrameError) {
    var proof: (publicKey: String, signature: String)?
    if let sign = settings.sign {
      guard let nonce = info.nonce, let signed = sign(nonce) else {
        throw FrameError("the server asks for no signature")
      }
      proof = signed
    }
    guard let pattern = Subject("\(inbox).*") else {
      throw FrameError("the name \(settings.name) cannot be part of a subject")
    }
    let client = ClientInfo(
      name: settings.name, version: settings.version, requiresTLS: settings.requiresTLS, proof: proof)
    state = .proving
    // Before the PING, so that all are in force once it is answered.
    let wanted = subscriptions.sorted { $0.key < $1.key }
      .map { ClientOperation.subscribe($0.value, $0.key) }
    let operations =
      [.connect(client.json), .subscribe(pattern, Self.inboxSubscription)] + wanted + [.ping]
    effects.append(.send(operations.flatMap(\.bytes)))
  }

  private mutating func greetOrLive(_ now: UInt64, _ effects: inout [Effect]) {
    awaitsPong = false
    guard state == .proving, let info else { return }
    state = .ready
    ownDeadline = now + Self.pingInterval
    effects.append(.ready(info))
  }

  /// An answer that nobody waits for any more is ignored.
  private mutating func deliver(_ message: Message, _ effects: inout [Effect]) {
    guard message.subscription == Self.inboxSubscription else {
      if subscriptions[message.subscription] != nil {
        effects.append(.delivered(message.subscription, message))
      }
      return
    }
    guard message.subject.hasPrefix("\(inbox)."),
      let number = UInt64(decimal: message.subject.dropFirst(inbox.count + 1)),
      deadlines.removeValue(forKey: number) != nil
    else { return }
    let isUnheard = message.headers?.status == 503 && message.body.isEmpty
    effects.append(isUnheard ? .failed(number, .unheard) : .answered(number, message))
  }

  // MARK: Subscriptions

  private mutating func subscribe(
    _ pattern: Subject, _ number: UInt64, _ effects: inout [Effect]
  ) {
    guard subscriptions.count < Self.mostSubscriptions, number != Self.inboxSubscription,
      subscriptions[number] == nil
    else {
      let most = "\(Self.mostSubscriptions) subscriptions are the most"
      return effects.append(
        .failed(number, .refused("\(most), or the number \(number) is in use")))
    }
    subscriptions[number] = pattern
    guard state == .proving || state == .ready else { return }
    effects.append(.send(ClientOperation.subscribe(pattern, number).bytes))
  }

  /// `Permissions Violation for Subscription to "PATTERN"` names no number.
  private mutating func refuseSubscriptions(_ complaint: String, _ effects: inout [Effect]) {
    for (number, pattern) in subscriptions.sorted(by: { $0.key < $1.key })
    where complaint.contains("Subscription to \"\(pattern)\"") {
      subscriptions[number] = nil
      effects.append(.failed(number, .refused(complaint)))
    }
  }

  private func answer(
    _ reply: String, _ headers: HeaderBlock?, _ body: [UInt8], _ effects: inout [Effect]
  ) {
    guard state == .ready, let info else { return effects.append(.unsent("not connected")) }
    guard let subject = Subject(reply), !subject.isPattern else {
      return effects.append(.unsent("the reply subject \"\(Escaping.quotable(reply))\" is invalid"))
    }
    if let excess = excess(headers, body, info) { return effects.append(.unsent(excess)) }
    effects.append(.send(ClientOperation.publish(subject, headers: headers, body: body).bytes))
  }

  /// Says how a message is larger than the server takes; nil if it is not.
  private func excess(_ headers: HeaderBlock?, _ body: [UInt8], _ info: ServerInfo) -> String? {
    let size = (headers?.bytes.count ?? 0) + body.count
    return size > info.maximumPayload
      ? "\(size) bytes, and the server takes \(info.maximumPayload)" : nil
  }

  // MARK: Requests and time

  private mutating func send(
    _ request: Request, _ number: UInt64, _ now: UInt64, _ effects: inout [Effect]
  ) {
    func refuse(_ why: String) { effects.append(.failed(number, .refused(why))) }
    guard state == .ready, let info else { return refuse("not connected") }
    guard deadlines.count < Self.mostRequests else {
      return refuse("\(Self.mostRequests) requests wait already")
    }
    guard !request.subject.isPattern, let reply = Subject("\(inbox).\(number)"),
      deadlines[number] == nil
    else { return refuse("\(request.subject) is a pattern, or the number \(number) is in use") }
    if let excess = excess(request.headers, request.body, info) { return refuse(excess) }
    deadlines[number] = now + request.patience
    let operation = ClientOperation.publish(
      request.subject, reply: reply, headers: request.headers, body: request.body)
    effects.append(.send(operation.bytes))
  }

  private mutating func expire(_ now: UInt64, _ effects: inout [Effect]) {
    for (number, deadline) in deadlines.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) })
    where deadline <= now {
      deadlines[number] = nil
      effects.append(.failed(number, .late(complaint)))
    }
    guard now >= ownDeadline else { return }
    guard state == .ready else { return close("no greeting within 10 s", &effects) }
    guard !awaitsPong else { return close("no PONG within 20 s", &effects) }
    awaitsPong = true
    ownDeadline = now + Self.pingInterval
    effects.append(.send(ClientOperation.ping.bytes))
  }

  /// Ends the connection, and every request that waits.
  private mutating func close(_ reason: String, _ effects: inout [Effect]) {
    state = .closed
    for number in deadlines.keys.sorted() { effects.append(.failed(number, .disconnected(reason))) }
    deadlines = [:]
    effects.append(.close(reason))
  }

  /// The other side, or the network, has ended it.
  public mutating func end(_ reason: String) -> [Effect] {
    guard !isClosed else { return [] }
    var effects: [Effect] = []
    close(complaint.map { "\(reason); the server says: \($0)" } ?? reason, &effects)
    return effects
  }
}
