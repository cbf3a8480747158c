// A DHCPv4 client (RFC 2131, figure 5). Pure: events in, effects out; times, in nanoseconds, and randomness are parameters.
import NIC
import Wire

/// The state of one interface's client.
public struct DHCPClient: Sendable {
  public enum Event: Sendable {
    /// The interface is ready. A lease of an earlier process, and when that began.
    case start(DHCPLease?, since: UInt64)
    /// The time is `wake`, or later.
    case tick
    case reply(DHCPReply)
  }

  public enum Effect: Hashable, Sendable {
    /// Nil as the server: to all, 255.255.255.255.
    case send(DHCPRequest, to: Hop?)
    case configure(DHCPLease, since: UInt64)
    case deconfigure
  }

  /// A server, and where frames to it go.
  public struct Hop: Hashable, Sendable {
    public var server: IPv4Address
    public var address: MACAddress

    public init(server: IPv4Address, address: MACAddress) {
      self.server = server
      self.address = address
    }
  }

  /// A question that is repeated until it is answered.
  private struct Question: Hashable {
    let transaction: UInt32
    /// When the client began to ask.
    let began: UInt64
    /// When this was asked first. A lease counts from then, so that it never lasts longer here than at the server.
    let asked: UInt64
    var times = 1

    /// The same question, asked once more.
    var again: Question {
      var again = self
      again.times += 1
      return again
    }
  }

  private enum State: Hashable {
    /// Before the first question, or between two attempts.
    case waiting
    case selecting(Question)
    /// Has taken an offer.
    case requesting(DHCPLease, Question)
    /// Asks whether an earlier lease is still good.
    case rebooting(DHCPLease, since: UInt64, Question)
    case bound(DHCPLease, since: UInt64)
    /// Asks its server for an extension.
    case renewing(DHCPLease, since: UInt64, Question)
    /// Asks any server.
    case rebinding(DHCPLease, since: UInt64, Question)
  }

  private let hardware: MACAddress
  private let hostName: String
  /// The latest address, which the client asks for when it has no lease.
  private var preferred: IPv4Address?
  private var state = State.waiting
  /// When a tick has something to do; `never` if only a reply has.
  public private(set) var wake: UInt64

  public static let never = UInt64.max
  private static let second: UInt64 = 1_000_000_000
  /// The questions about an offer or an earlier lease that remain unanswered before the client asks all servers anew.
  private static let mostRequests = 4
  private static let mostReboots = 2

  /// - Parameter preferred: the address that this box had before, if it is known.
  public init(hardware: MACAddress, hostName: String, preferred: IPv4Address? = nil) {
    self.hardware = hardware
    self.hostName = hostName
    self.preferred = preferred
    wake = Self.never
  }

  /// The lease that is in force.
  public var lease: DHCPLease? {
    switch state {
    case .waiting, .selecting, .requesting, .rebooting: nil
    case .bound(let lease, _), .renewing(let lease, _, _), .rebinding(let lease, _, _): lease
    }
  }

  public mutating func handle(
    _ event: Event, at now: UInt64, _ random: inout some RandomNumberGenerator
  ) -> [Effect] {
    switch event {
    case .start(let lease, let since): return start(lease, since, now, &random)
    case .reply(let reply): return take(reply, now, &random)
    case .tick: return now >= wake ? tick(now, &random) : []
    }
  }

  // MARK: Questions

  private mutating func start(
    _ lease: DHCPLease?, _ since: UInt64, _ now: UInt64, _ random: inout some RandomNumberGenerator
  ) -> [Effect] {
    guard let lease, since <= now, now < Self.time(lease.duration, after: since) else {
      // The interface may still have the address of a lease that has ended.
      return [.deconfigure] + discover(now, &random)
    }
    let question = Question(transaction: random.next(), began: now, asked: now)
    state = .rebooting(lease, since: since, question)
    return ask(question, now, &random)
  }

  private mutating func discover(_ now: UInt64, _ random: inout some RandomNumberGenerator) -> [Effect]
  {
    let question = Question(transaction: random.next(), began: now, asked: now)
    state = .selecting(question)
    return ask(question, now, &random)
  }

  /// Sends the question of the current state, and sets the time of the next one.
  private mutating func ask(
    _ question: Question, _ now: UInt64, _ random: inout some RandomNumberGenerator
  ) -> [Effect] {
    // 4, 8, 16, 32, 64 s, each a second more or less (RFC 2131, 4.1).
    let seconds = UInt64(4) << UInt64(min(question.times - 1, 4))
    let pause = seconds * Self.second - Self.second + random.next(upperBound: 2 * Self.second)
    wake = now + pause
    var request = DHCPRequest(
      .request, transaction: question.transaction, hardware: hardware, hostName: hostName)
    request.seconds = UInt16(clamping: (now - min(now, question.began)) / Self.second)
    switch state {
    case .waiting, .bound: return []
    case .selecting:
      request.kind = .discover
      request.requested = preferred
    case .requesting(let lease, _):
      request.requested = lease.configuration.address.address
      request.server = lease.server
    case .rebooting(let lease, _, _): request.requested = lease.configuration.address.address
    case .renewing(let lease, let since, _):
      request.address = lease.configuration.address.address
      wake = Self.next(before: Self.time(lease.rebinding, after: since), now)
      return [.send(request, to: Hop(server: lease.server, address: lease.hop))]
    case .rebinding(let lease, let since, _):
      request.address = lease.configuration.address.address
      wake = Self.next(before: Self.time(lease.duration, after: since), now)
    }
    return [.send(request, to: nil)]
  }

  /// Half of the remaining time, but at least a minute (RFC 2131, 4.4.5).
  private static func next(before deadline: UInt64, _ now: UInt64) -> UInt64 {
    let remaining = deadline - min(deadline, now)
    return deadline == never ? now + 60 * second : min(deadline, now + max(60 * second, remaining / 2))
  }

  private static func time(_ seconds: UInt32?, after since: UInt64) -> UInt64 {
    guard let seconds else { return never }
    let (time, overflow) = since.addingReportingOverflow(UInt64(seconds) * second)
    return overflow ? never : time
  }

  // MARK: Time

  private mutating func tick(_ now: UInt64, _ random: inout some RandomNumberGenerator) -> [Effect] {
    switch state {
    case .waiting: return discover(now, &random)
    case .selecting(let question):
      state = .selecting(question.again)
      return ask(question.again, now, &random)
    case .requesting(let lease, let question):
      guard question.times < Self.mostRequests else { return discover(now, &random) }
      state = .requesting(lease, question.again)
      return ask(question.again, now, &random)
    case .rebooting(let lease, let since, let question):
      // No server objects: the lease is used for the rest of its time (RFC 2131, 3.2).
      guard question.times < Self.mostReboots else { return bind(lease, since, now) }
      state = .rebooting(lease, since: since, question.again)
      return ask(question.again, now, &random)
    case .bound(let lease, let since), .renewing(let lease, let since, _),
      .rebinding(let lease, let since, _):
      return extend(lease, since, now, &random)
    }
  }

  /// Asks for an extension of a lease, or gives it up at its end.
  private mutating func extend(
    _ lease: DHCPLease, _ since: UInt64, _ now: UInt64, _ random: inout some RandomNumberGenerator
  ) -> [Effect] {
    if now >= Self.time(lease.duration, after: since) { return [.deconfigure] + discover(now, &random) }
    let isLate = now >= Self.time(lease.rebinding, after: since)
    var question = Question(transaction: random.next(), began: now, asked: now)
    switch state {
    case .renewing(_, _, let asked) where !isLate: question = asked.again
    case .rebinding(_, _, let asked): question = asked.again
    default: break
    }
    state =
      isLate
      ? .rebinding(lease, since: since, question) : .renewing(lease, since: since, question)
    return ask(question, now, &random)
  }

  /// Uses a lease until it is to be renewed.
  private mutating func bind(_ lease: DHCPLease, _ since: UInt64, _ now: UInt64) -> [Effect] {
    state = .bound(lease, since: since)
    preferred = lease.configuration.address.address
    wake = lease.duration == nil ? Self.never : max(now, Self.time(lease.renewal, after: since))
    return [.configure(lease, since: since)]
  }

  // MARK: Replies

  private mutating func take(
    _ reply: DHCPReply, _ now: UInt64, _ random: inout some RandomNumberGenerator
  ) -> [Effect] {
    guard reply.hardware == hardware else { return [] }
    switch state {
    case .waiting, .bound: return []
    case .selecting(let question):
      guard reply.kind == .offer, reply.transaction == question.transaction,
        let lease = DHCPLease(reply)
      else { return [] }
      // The first usable offer, and the same transaction (RFC 2131, 4.4.1).
      let request = Question(transaction: question.transaction, began: question.began, asked: now)
      state = .requesting(lease, request)
      return ask(request, now, &random)
    case .requesting(let offered, let question):
      guard reply.server == offered.server else { return [] }
      return conclude(reply, question, hasLease: false, now, &random)
    case .rebooting(_, _, let question):
      return conclude(reply, question, hasLease: true, now, &random)
    case .renewing(_, _, let question), .rebinding(_, _, let question):
      return conclude(reply, question, hasLease: true, now, &random)
    }
  }

  /// Takes the answer to a request.
  private mutating func conclude(
    _ reply: DHCPReply, _ question: Question, hasLease: Bool, _ now: UInt64,
    _ random: inout some RandomNumberGenerator
  ) -> [Effect] {
    guard reply.transaction == question.transaction else { return [] }
    switch reply.kind {
    case .offer: return []
    case .acknowledgement:
      guard let lease = DHCPLease(reply) else { return [] }
      return bind(lease, question.asked, now)
    case .refusal:
      state = .waiting
      preferred = nil
      // Not at once, because a server that refuses every request would be asked without end.
      wake = now + Self.second + random.next(upperBound: 9 * Self.second)
      return hasLease ? [.deconfigure] : []
    }
  }
}
