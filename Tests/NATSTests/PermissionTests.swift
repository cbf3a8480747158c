import Foundation
import LabSupport
import LabTraits
import NATS
import NIOCore
import Testing

@Suite(.lab, .timeLimit(.minutes(5))) struct `A party of the fleet's broker` {
  private static let digest = String(repeating: "a", count: 64)

  private static func broker(count: Int = 1) throws -> LabFleet {
    let fleet = try LabFleet(count: count)
    try fleet.start()
    return fleet
  }

  private static func raw(_ fleet: LabFleet, _ folder: String) throws -> RawClient {
    try RawClient(fleet.servers[0], try fleet.trust(folder))
  }

  @Test func `reaches the collector under its own name`() throws {
    let fleet = try Self.broker()
    let collector = try fleet.collector()
    for box in ["b1", "b2"] {
      let probe = try fleet.probe("boxes/\(box)")
      try probe.waitUntilConnected()
      for subject in [
        "q.hello.\(box)", "q.blob.\(box).\(Self.digest)", "q.chunk.\(box).\(Self.digest)",
      ] {
        #expect(try probe.requestUntilAnswered(subject, "x") == "\(subject) x")
      }
    }
    let operatorProbe = try fleet.probe("operator")
    try operatorProbe.waitUntilConnected()
    #expect(try operatorProbe.requestUntilAnswered("q.operator", "x") == "q.operator x")
    #expect(collector.events.count == 1, "\(collector.events)")
  }

  @Test func `publishes to nothing else`() throws {
    let fleet = try Self.broker()
    let foreign = [
      "q.hello.b2", "q.blob.b2.x", "q.chunk.b2.x", "q.hello", "q.hello.b1.x", "q.blob.b1",
      "q.blob.b1.x.y",
      "_INBOX.b1.x", "_INBOX.b2.x", "_INBOX.collector.x", "_INBOX.operator.x", "$SYS.REQ.SERVER.PING",
      "$SYS.REQ.ACCOUNT.fleet.CONNZ", "$JS.API.INFO", "_R_.x.y", "f.deny", "x",
    ]
    let parties = [
      ("boxes/b1", foreign + ["q.operator"]), ("operator", foreign + ["q.hello.b1", "q.chunk.b1.x"]),
      ("collector", foreign + ["q.hello.b1", "q.operator"]),
    ]
    for (folder, subjects) in parties {
      let client = try Self.raw(fleet, folder)
      for subject in subjects {
        let answer = try client.answer(to: "PUB \(subject) _INBOX.b1.a 1\r\nx\r\n")
        #expect(
          answer.contains("-ERR 'Permissions Violation for Publish to \"\(subject)\"'"),
          "\(folder) \(subject): \(answer)")
      }
    }
  }

  @Test func `subscribes to nothing but its inbox`() throws {
    let fleet = try Self.broker()
    let foreign = [
      ">", "*", "q.>", "q.hello.*", "q.hello.b1", "q.chunk.*.*", "q.operator", "_INBOX.>", "_INBOX.*.>",
      "_INBOX.b2.>", "_INBOX.collector.>", "$SYS.>", "$SYS.ACCOUNT.*.CONNECT", "_R_.>", "$JS.>",
    ]
    let parties = [
      ("boxes/b1", "_INBOX.b1.x.*", foreign), ("operator", "_INBOX.operator.x.*", foreign),
      (
        "collector", "_INBOX.collector.x.*", [">", "q.>", "_INBOX.>", "_INBOX.b1.>", "$SYS.>", "_R_.>"]
      ),
    ]
    for (folder, own, subjects) in parties {
      let client = try Self.raw(fleet, folder)
      #expect(try client.answer(to: "SUB \(own) 1\r\n") == "PONG\r\n")
      for (number, subject) in subjects.enumerated() {
        let answer = try client.answer(to: "SUB \(subject) \(number + 2)\r\n")
        #expect(
          answer.contains("-ERR 'Permissions Violation for Subscription to \"\(subject)\""),
          "\(folder) \(subject): \(answer)")
      }
    }
  }

  @Test func `cannot have the collector's answers sent to others`() throws {
    let fleet = try Self.broker()
    let collector = try fleet.collector()
    let (attacker, victim) = (try Self.raw(fleet, "boxes/b1"), try Self.raw(fleet, "boxes/b2"))
    #expect(try attacker.answer(to: "SUB _INBOX.b1.> 1\r\n") == "PONG\r\n")
    #expect(try victim.answer(to: "SUB _INBOX.b2.> 1\r\n") == "PONG\r\n")
    for reply in ["_INBOX.b2.x", "_INBOX.operator.x", "q.hello.b2", "q.operator", "f.deny", "$SYS.x"] {
      attacker.send("PUB q.hello.b1 \(reply) 6\r\nattack\r\n")
    }
    // The attacker's own answer comes after those of the attacks.
    attacker.send("PUB q.hello.b1 _INBOX.b1.last 4\r\nlast\r\n")
    try attacker.wait(for: "answer") { $0.contains("q.hello.b1 last") }
    _ = try victim.answer(to: "")
    #expect(!victim.text.contains("attack"), "\(victim.text)")
    #expect(!attacker.text.contains("q.hello.b2") && !attacker.text.contains("q.operator attack"))
    // What the collector got, it got under the attacker's own name.
    #expect(collector.events.count == 1, "\(collector.events)")
  }

  @Test func `cannot answer for the collector`() throws {
    let fleet = try Self.broker()
    let collector = try Self.raw(fleet, "collector")
    #expect(try collector.answer(to: "SUB q.hello.* 1\r\n") == "PONG\r\n")
    let box = try Self.raw(fleet, "boxes/b1")
    _ = try box.answer(to: "SUB _INBOX.b1.> 1\r\nPUB q.hello.b1 _INBOX.b1.a 2\r\nhi\r\n")
    try collector.wait(for: "hello") { $0.contains("\r\nhi\r\n") }
    let line = try #require(
      collector.text.split(separator: "\r\n").first { $0.contains("MSG q.hello.b1") })
    // The broker has put a subject of its own in place of the box's.
    let reply = try #require(line.split(separator: " ").dropFirst(3).first)
    #expect(reply.hasPrefix("_R_."), "\(line)")
    let forged = "PUB \(reply) 6\r\nforged\r\n"
    for folder in ["boxes/b2", "operator"] {
      #expect(try Self.raw(fleet, folder).answer(to: forged).contains("Permissions Violation"))
    }
    // An answer may be given once.
    #expect(try collector.answer(to: "PUB \(reply) 2\r\nyo\r\n") == "PONG\r\n")
    try box.wait(for: "answer") { $0.contains("yo") }
    #expect(try collector.answer(to: forged).contains("Permissions Violation"))
  }

  @Test func `does not get in with a certificate that is nobody's`() throws {
    let fleet = try Self.broker()
    // The server's own proves a server, not a client.
    let trust = try NATSTrust(
      authority: try fleet.bytes("boxes/b1/ca.crt"),
      certificate: try fleet.bytes("broker/s0/server.crt"),
      key: try fleet.bytes("broker/s0/server.key"), serverName: "broker.fleet.synbox")
    let reason = try Probe(fleet.servers, name: "b1", trust: trust).refusal()
    #expect(reason.contains("refuses the client's certificate"), "\(reason)")
  }

  /// nats-server 2.9 knows a new account after the first reload, and what it imports after the second.
  private static func reloadForNewBox(_ fleet: LabFleet) throws {
    for _ in 0..<2 { try fleet.running[0].reload() }
  }

  @Test func `is added by a reload, and the others stay connected`() throws {
    let fleet = try Self.broker()
    let (collector, kept) = (try fleet.collector(), try fleet.probe("boxes/b1"))
    #expect(try kept.requestUntilAnswered("q.hello.b1") == "q.hello.b1 ")
    try fleet.addBox("b3")
    try Self.reloadForNewBox(fleet)
    let added = try fleet.probe("boxes/b3")
    #expect(try added.requestUntilAnswered("q.hello.b3", "new") == "q.hello.b3 new")
    #expect(try kept.request("q.hello.b1", "still") == "q.hello.b1 still")
    #expect(kept.events.count == 1 && collector.events.count == 1)
  }

  @Test func `is cut off by a reload when it is revoked, and only it`() throws {
    let fleet = try Self.broker()
    let collector = try fleet.collector()
    let (kept, old) = (try fleet.probe("boxes/b2"), try fleet.trust("boxes/b1"))
    let revoked = try Probe(fleet.servers, name: "b1", trust: old)
    #expect(try kept.requestUntilAnswered("q.hello.b2") == "q.hello.b2 ")
    #expect(try revoked.requestUntilAnswered("q.hello.b1") == "q.hello.b1 ")
    try fleet.revoke("b1")
    try fleet.running[0].reload()
    try revoked.wait(for: "the end") {
      $0.contains { if case .disconnected = $0 { true } else { false } }
    }
    #expect(try revoked.refusal().contains("Authorization Violation"))
    #expect(try kept.request("q.hello.b2", "still") == "q.hello.b2 still")
    #expect(kept.events.count == 1 && collector.events.count == 1, "\(kept.events) \(collector.events)")
    // Added again, it has another certificate, and the old one stays of no use.
    try fleet.addBox("b1")
    try Self.reloadForNewBox(fleet)
    let again = try fleet.probe("boxes/b1")
    try again.waitUntilConnected()
    #expect(try again.requestUntilAnswered("q.hello.b1", "new") == "q.hello.b1 new")
    #expect(
      try Probe(fleet.servers, name: "b1", trust: old).refusal().contains("Authorization Violation"))
  }

  @Test func `is the same on three servers`() throws {
    let fleet = try Self.broker(count: 3)
    let collector = try fleet.collector()
    let box = try Probe([fleet.servers[2]], name: "b1", trust: try fleet.trust("boxes/b1"))
    #expect(try box.requestUntilAnswered("q.hello.b1", "hi") == "q.hello.b1 hi")
    let client = try Self.raw(fleet, "boxes/b2")
    #expect(try client.answer(to: "PUB q.hello.b1 1\r\nx\r\n").contains("Permissions Violation"))
    // A box's certificate is of no use at the port for routes.
    let route = try NATSServer(parsing: fleet.servers[0].description.replacing(":4222", with: ":6222"))
    let stranger = try RawClient(route, try fleet.trust("boxes/b1"), waits: false)
    try stranger.waitUntilClosed()
    #expect(!stranger.text.contains("PONG"), "\(stranger.text)")
    #expect(collector.events.count == 1)
  }
}
