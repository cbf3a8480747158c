import Foundation
import LabSupport
import LabTraits
import NATS
import NATSWire
import NIOCore
import Synchronization
import Testing

@Suite(.lab, .timeLimit(.minutes(5))) struct `A NATS client` {
  @Test func `gets the answers of another client`() throws {
    let server = try LabServer()
    let (asks, serves) = (try Probe([server.server]), try Probe([server.server], name: "other"))
    try asks.waitUntilConnected()
    try serves.waitUntilConnected()
    try serves.echo("q.hello.*")
    #expect(try asks.requestUntilAnswered("q.hello.b1", "hi") == "q.hello.b1 hi")
    let large = String(repeating: "x", count: 512 << 10)
    #expect(try asks.request("q.hello.b2", large) == "q.hello.b2 \(large)")
    let many = (0..<200).map { asks.start("q.hello.b\($0)", Array("\($0)".utf8)) }
    for (number, future) in many.enumerated() {
      #expect(try future.wait().body == Array("q.hello.b\(number) \(number)".utf8))
    }
  }

  @Test func `is told at once what cannot be answered`() throws {
    let server = try LabServer("max_payload: 1000")
    let probe = try Probe([server.server])
    try probe.waitUntilConnected()
    #expect(probe.failure("q.nobody") == .unheard)
    let refusal = Connection.Failure.refused("1001 bytes, and the server takes 1000")
    #expect(probe.failure("q.nobody", [UInt8](repeating: 0, count: 1001)) == refusal)
    try server.kill()
    try probe.wait(for: "the end") {
      $0.contains { if case .disconnected = $0 { true } else { false } }
    }
    guard case .disconnected(let reason) = probe.failure("q.a") else {
      throw LabError("another failure: \(probe.events)")
    }
    #expect(reason.contains("\(server.server): "), "\(reason)")
    try probe.close()
    #expect(probe.failure("q.a") == .disconnected("the client was closed"))
  }

  @Test func `serves again after its server was killed`() throws {
    let server = try LabServer()
    let (asks, serves) = (try Probe([server.server]), try Probe([server.server], name: "other"))
    try serves.echo("q.*")
    try asks.waitUntilConnected()
    #expect(try asks.requestUntilAnswered("q.a") == "q.a ")
    let heard = Atomic(false)
    try serves.serve("q.silent.*") { _ in
      heard.store(true, ordering: .releasing)
      return nil
    }
    #expect(try asks.requestUntilAnswered("q.a") == "q.a ")
    let waiting = asks.start("q.silent.a")
    try serves.wait(for: "request") { _ in heard.load(ordering: .acquiring) }
    try server.kill()
    #expect(throws: Connection.Failure.disconnected("the server ended the connection")) {
      try waiting.wait()
    }
    try server.restart()
    try asks.waitUntilConnected(times: 2)
    try serves.waitUntilConnected(times: 2)
    #expect(try asks.requestUntilAnswered("q.b") == "q.b ")
  }

  @Test func `proves its key`() throws {
    let key = NATSKey()
    #expect(NATSKey(seed: key.seed)?.publicKey == key.publicKey && NATSKey(seed: "SU") == nil)
    let server = try LabServer("authorization { users: [ { nkey: \(key.publicKey) } ] }")
    try Probe([server.server], key: key).waitUntilConnected()
    let refused = try Probe([server.server], key: NATSKey()).refusal()
    #expect(refused.contains("the server says: Authorization Violation"), "\(refused)")
  }

  @Test func `says which server it cannot reach, and tries the next`() throws {
    let server = try LabServer()
    let nobody = try NATSServer(parsing: "\(LabServer.address()):4222")
    let probe = try Probe([nobody, server.server])
    try probe.waitUntilConnected()
    guard case .unreachable(nobody, let reason) = probe.events.first else {
      throw LabError("\(probe.events)")
    }
    #expect(reason.contains("refused"), "\(reason)")
    #expect(try probe.server == server.server)
  }

  @Test(arguments: [
    "127.0.0.1", "localhost:4222", "127.0.0.1:0", "127.0.0.1:65536", "::1:4222", "[::1]", "",
    "a:4222", "127.1:4222",
  ]) func `takes literal addresses alone`(_ text: String) {
    let error = #expect(throws: NATSSettingError.self) { _ = try NATSServer(parsing: text) }
    #expect(error?.description.contains("expected ADDRESS:PORT") == true)
    #expect((try? NATSServer(parsing: "[::1]:4222"))?.description == "[::1]:4222")
  }
}

@Suite(.lab, .timeLimit(.minutes(5))) struct `A cluster of NATS servers` {
  /// Three servers that know each other.
  private static func cluster() throws -> [LabServer] {
    let addresses = (0..<3).map { _ in LabServer.address() }
    let routes = addresses.map { "\"nats-route://\($0):6222\"" }.joined(separator: ", ")
    return try addresses.enumerated().map { index, address in
      try LabServer(
        """
        server_name: s\(index)
        lame_duck_grace_period: "10s"
        lame_duck_duration: "30s"
        cluster { name: c, listen: "\(address):6222", routes: [\(routes)] }
        """, address: address)
    }
  }

  private static func connected(_ events: [NATSClient.Event]) -> [NATSServer] {
    events.compactMap { if case .connected(let server) = $0 { server } else { nil } }
  }

  @Test func `keeps serving while one after another is killed`() throws {
    let servers = try Self.cluster()
    let all = servers.map(\.server)
    // The second learns of the other servers from the first alone.
    let (serves, asks) = (try Probe(all), try Probe([all[0]], name: "asks"))
    try serves.echo("q.*")
    try asks.waitUntilConnected()
    #expect(try asks.requestUntilAnswered("q.a") == "q.a ")
    for round in 2...3 {
      let used = try #require(servers.first { $0.server == (try? asks.server) })
      try used.kill()
      try asks.waitUntilConnected(times: round)
      #expect(try asks.server != used.server)
      #expect(try asks.requestUntilAnswered("q.\(round)") == "q.\(round) ")
      try used.restart()
    }
  }

  @Test func `is left before a server stops`() throws {
    let servers = try Self.cluster()
    let (serves, asks) = (try Probe([servers[1].server]), try Probe([servers[0].server], name: "asks"))
    try serves.echo("q.*")
    try asks.waitUntilConnected()
    #expect(try asks.requestUntilAnswered("q.a") == "q.a ")
    try mustRun([Lab.natsServer, "--signal", "ldm=\(servers[0].pid)"])
    // No request fails meanwhile.
    var count = 0
    while Self.connected(asks.events).count < 2 {
      #expect(try asks.request("q.b") == "q.b ")
      count += 1
    }
    #expect(count > 0)
    #expect(try asks.request("q.c") == "q.c ")
    let isCut = asks.events.contains { if case .disconnected = $0 { true } else { false } }
    let server = try #require(try asks.server)
    #expect(!isCut && asks.events.last == .connected(server))
    #expect(try asks.server != servers[0].server)
  }
}
