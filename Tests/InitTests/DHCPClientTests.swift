// The DHCP client as lists of events on virtual time, and the effects that each must have.
import Init
import NIC
import TestSupport
import Testing
import Wire

private let second: UInt64 = 1_000_000_000
private let own = MACAddress(0x0200_0000_0001)
private let serverMAC = MACAddress(0x0200_0000_0099)
private let server = IPv4Address(192, 0, 2, 1)
private let granted = IPv4Address(192, 0, 2, 77)

/// A client, and a server that knows the transaction of its last question.
private struct Exchange {
  var client = DHCPClient(hardware: own, hostName: "box-1")
  var random = SeededGenerator(7)
  var now: UInt64 = 1000 * second
  private(set) var sent: [(at: UInt64, request: DHCPRequest, hop: DHCPClient.Hop?)] = []
  private(set) var changes: [String] = []

  mutating func handle(_ event: DHCPClient.Event) {
    for effect in client.handle(event, at: now, &random) {
      switch effect {
      case .send(let request, let hop): sent.append((now, request, hop))
      case .configure(let lease, _):
        changes.append("\((now - 1000 * second) / second) \(lease.configuration.address)")
      case .deconfigure: changes.append("\((now - 1000 * second) / second) none")
      }
    }
  }

  mutating func start(_ lease: DHCPLease? = nil, since: UInt64 = 0) {
    handle(.start(lease, since: since))
  }

  /// Lets the time pass, with a tick whenever the client wants one.
  mutating func pass(seconds: UInt64) {
    let end = now + seconds * second
    while client.wake <= end {
      now = max(now, client.wake)
      handle(.tick)
    }
    now = end
  }

  func reply(_ kind: DHCPReply.Kind, lease: UInt32 = 3600) -> DHCPReply {
    var reply = DHCPReply(
      kind, transaction: sent.last?.request.transaction ?? 0, hardware: own, address: granted,
      sender: serverMAC)
    reply.server = server
    reply.prefixLength = 24
    reply.router = IPv4Address(192, 0, 2, 254)
    reply.leaseTime = lease
    return reply
  }

  mutating func answer(_ kind: DHCPReply.Kind, lease: UInt32 = 3600) {
    handle(.reply(reply(kind, lease: lease)))
  }

  /// From nothing to a lease, in no time.
  mutating func bind(lease: UInt32 = 3600) {
    start()
    answer(.offer, lease: lease)
    answer(.acknowledgement, lease: lease)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A DHCP client` {
  @Test func `discovers, takes the first offer and is configured by the acknowledgement`() throws {
    var exchange = Exchange()
    exchange.start()
    let discover = try #require(exchange.sent.first)
    #expect(discover.request.kind == .discover && discover.hop == nil)
    #expect(discover.request.address == IPv4Address(0) && discover.request.hostName == "box-1")
    exchange.answer(.offer)
    let request = try #require(exchange.sent.last)
    #expect(request.request.kind == .request && request.hop == nil)
    #expect(request.request.requested == granted && request.request.server == server)
    #expect(request.request.address == IPv4Address(0))
    #expect(request.request.transaction == discover.request.transaction)
    var other = exchange.reply(.offer)
    other.address = IPv4Address(192, 0, 2, 78)
    exchange.handle(.reply(other))
    #expect(exchange.sent.count == 2 && exchange.client.lease == nil)
    exchange.answer(.acknowledgement)
    let lease = try #require(exchange.client.lease)
    #expect(lease.configuration.gateway == IPv4Address(192, 0, 2, 254))
    #expect(exchange.changes == ["0 none", "0 192.0.2.77/24"])
  }

  @Test func `asks ever more rarely, without end`() {
    var exchange = Exchange()
    exchange.start()
    exchange.pass(seconds: 400)
    let times = exchange.sent.map { Double($0.at) / 1e9 }
    let pauses = zip(times.dropFirst(), times).map { $0 - $1 }
    for (pause, expected) in zip(pauses, [4, 8, 16, 32, 64, 64, 64] as [Double]) {
      #expect(abs(pause - expected) <= 1, "\(pauses)")
    }
    #expect(exchange.sent.allSatisfy { $0.request.kind == .discover } && pauses.count >= 6)
    #expect(Set(exchange.sent.map(\.request.transaction)).count == 1)
    #expect((exchange.sent.last?.request.seconds ?? 0) > 180)
  }

  @Test func `asks all servers anew if the one that made the offer is silent, or refuses`() {
    var silent = Exchange()
    silent.start()
    silent.answer(.offer)
    silent.pass(seconds: 70)
    let kinds = silent.sent.map(\.request.kind)
    #expect(kinds.prefix(6) == [.discover, .request, .request, .request, .request, .discover])
    var refused = Exchange()
    refused.start()
    refused.answer(.offer)
    refused.answer(.refusal)
    #expect(refused.sent.count == 2 && refused.changes == ["0 none"])
    refused.pass(seconds: 11)
    #expect(refused.sent.last?.request.kind == .discover)
    // Whoever refuses every request is asked at most once a second.
    for _ in 0..<100 {
      refused.answer(.offer)
      refused.answer(.refusal)
      refused.pass(seconds: 1)
    }
    #expect(refused.sent.count < 210, "\(refused.sent.count)")
  }

  @Test func `renews with its server, rebinds with any, and gives up the address at the end`() throws {
    var exchange = Exchange()
    exchange.bind()
    let before = exchange.sent.count
    exchange.pass(seconds: 1799)
    #expect(exchange.sent.count == before)
    exchange.pass(seconds: 2)
    let renewal = try #require(exchange.sent.last)
    #expect(renewal.hop == DHCPClient.Hop(server: server, address: serverMAC))
    #expect(renewal.request.address == granted)
    #expect(renewal.request.requested == nil && renewal.request.server == nil)
    exchange.pass(seconds: 3150 - 1801 + 1)
    let rebinding = try #require(exchange.sent.last)
    #expect(rebinding.hop == nil && rebinding.request.address == granted)
    // At half of the remaining time, but not more often than once a minute.
    let asked = exchange.sent.dropFirst(before).map { $0.at / second - 1000 }
    #expect(asked == [1800, 2475, 2812, 2981, 3065, 3125, 3150], "\(asked)")
    exchange.pass(seconds: 3600 - 3151 - 1)
    #expect(exchange.changes == ["0 none", "0 192.0.2.77/24"])
    exchange.pass(seconds: 2)
    #expect(exchange.changes.last == "3600 none" && exchange.client.lease == nil)
    #expect(exchange.sent.last?.request.kind == .discover)
  }

  @Test func `is extended by an acknowledgement, from the time of its question`() {
    var exchange = Exchange()
    exchange.bind()
    exchange.pass(seconds: 1800)
    exchange.pass(seconds: 30)
    exchange.answer(.acknowledgement)
    #expect(exchange.changes.last == "1830 192.0.2.77/24")
    let before = exchange.sent.count
    exchange.pass(seconds: 1769)
    #expect(exchange.sent.count == before)
    exchange.pass(seconds: 1)
    #expect(exchange.sent.count == before + 1 && exchange.sent.last?.at == 4600 * second)
  }

  @Test func `gives up the address at once if an extension is refused`() {
    var exchange = Exchange()
    exchange.bind()
    exchange.pass(seconds: 1801)
    exchange.answer(.refusal)
    #expect(exchange.changes.last == "1801 none" && exchange.client.lease == nil)
    exchange.pass(seconds: 11)
    #expect(exchange.sent.last?.request.kind == .discover)
  }

  @Test func `never asks again about a lease that is for ever`() {
    var exchange = Exchange()
    exchange.bind(lease: .max)
    #expect(exchange.client.wake == DHCPClient.never)
    exchange.pass(seconds: 1_000_000)
    #expect(exchange.sent.count == 2 && exchange.client.lease != nil)
  }

  @Test func `asks for its earlier address after a restart, and uses it if nobody answers`() throws {
    var first = Exchange()
    first.bind()
    let lease = try #require(first.client.lease)
    var silent = Exchange()
    silent.start(lease, since: 900 * second)
    #expect(silent.sent.map(\.request.kind) == [.request])
    #expect(silent.sent.first?.request.requested == granted)
    #expect(silent.sent.first?.request.server == nil && silent.sent.first?.hop == nil)
    silent.pass(seconds: 20)
    #expect(silent.changes.count == 1 && silent.changes.first?.hasSuffix(" 192.0.2.77/24") == true)
    // 100 s of its time had passed.
    silent.pass(seconds: 1679)
    #expect(silent.sent.count == 2)
    silent.pass(seconds: 2)
    #expect(silent.sent.count == 3)
    var refused = Exchange()
    refused.start(lease, since: 900 * second)
    refused.answer(.refusal)
    #expect(refused.changes == ["0 none"])
    var expired = Exchange()
    expired.now = 5000 * second
    expired.start(lease, since: 900 * second)
    #expect(expired.sent.map(\.request.kind) == [.discover])
  }

  @Test func `ignores what is not for it, or unusable`() {
    var exchange = Exchange()
    exchange.start()
    let changes: [(inout DHCPReply) -> Void] = [
      { $0.transaction ^= 1 }, { $0.hardware = MACAddress(5) }, { $0.server = nil },
      { $0.prefixLength = nil }, { $0.prefixLength = 0 }, { $0.leaseTime = nil }, { $0.leaseTime = 0 },
      { $0.leaseTime = 59 },
      { $0.address = IPv4Address(192, 0, 2, 0) }, { $0.address = IPv4Address(192, 0, 2, 255) },
      { $0.address = IPv4Address(127, 0, 0, 1) }, { $0.address = IPv4Address(224, 0, 0, 1) },
      { $0.server = IPv4Address(0) }, { $0.sender = .broadcast }, { $0.kind = .acknowledgement },
      { $0.kind = .refusal },
    ]
    for (index, change) in changes.enumerated() {
      var reply = exchange.reply(.offer)
      change(&reply)
      exchange.handle(.reply(reply))
      #expect(exchange.sent.count == 1, "change \(index)")
    }
    exchange.answer(.offer)
    var acknowledgement = exchange.reply(.acknowledgement)
    acknowledgement.server = IPv4Address(192, 0, 2, 2)
    exchange.handle(.reply(acknowledgement))
    #expect(exchange.client.lease == nil)
    exchange.answer(.acknowledgement)
    #expect(exchange.client.lease != nil)
  }

  @Test func `drops a gateway that is not in its network, and times that make no sense`() throws {
    var exchange = Exchange()
    exchange.start()
    exchange.answer(.offer)
    var reply = exchange.reply(.acknowledgement, lease: 1000)
    reply.router = IPv4Address(198, 51, 100, 1)
    reply.renewalTime = 5000
    reply.rebindingTime = 400
    exchange.handle(.reply(reply))
    let lease = try #require(exchange.client.lease)
    #expect(lease.configuration.gateway == nil)
    #expect(lease.rebinding == 400 && lease.renewal == 400)
  }

  @Test func `asks a server that wants to be asked without pause twice a minute at most`() {
    var exchange = Exchange()
    exchange.start()
    exchange.answer(.offer)
    for _ in 0..<1000 {
      var reply = exchange.reply(.acknowledgement, lease: 60)
      reply.renewalTime = 0
      reply.rebindingTime = 0
      exchange.handle(.reply(reply))
      exchange.pass(seconds: 1)
    }
    #expect(exchange.client.lease != nil && exchange.sent.count < 40, "\(exchange.sent.count)")
  }

  @Test func `asks for the address that it had before, until a server refuses it`() throws {
    var exchange = Exchange()
    exchange.client = DHCPClient(hardware: own, hostName: "box-1", preferred: granted)
    exchange.start()
    let first = try #require(exchange.sent.first?.request)
    #expect(first.kind == .discover && first.requested == granted && first.address == IPv4Address(0))
    exchange.answer(.offer)
    exchange.answer(.refusal)
    exchange.pass(seconds: 11)
    #expect(exchange.sent.last?.request.kind == .discover)
    #expect(exchange.sent.last?.request.requested == nil)
    // A lease that ends leaves a wish.
    var bound = Exchange()
    bound.bind()
    bound.pass(seconds: 3601)
    #expect(bound.sent.last?.request.kind == .discover)
    #expect(bound.sent.last?.request.requested == granted)
  }

  /// Whatever arrives and however the time passes, there is a next tick or an unlimited lease, and what is sent is bounded.
  @Test func `never gets stuck, and never floods`() {
    var random = SeededGenerator(Seed.next())
    for _ in 0..<200 {
      var exchange = Exchange()
      exchange.random = SeededGenerator(random.next())
      exchange.start()
      let kinds: [DHCPReply.Kind] = [.offer, .acknowledgement, .refusal]
      for _ in 0..<200 {
        if Bool.random(using: &random) {
          exchange.answer(
            kinds.randomElement(using: &random) ?? .offer,
            lease: .random(in: 1...100_000, using: &random))
        } else {
          exchange.pass(seconds: .random(in: 0...1000, using: &random))
        }
        #expect(exchange.client.wake != DHCPClient.never)
      }
      let elapsed = (exchange.now - 1000 * second) / second
      #expect(UInt64(exchange.sent.count) <= 400 + elapsed, "\(exchange.sent.count) in \(elapsed) s")
    }
  }
}
