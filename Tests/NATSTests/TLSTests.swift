import Foundation
import LabSupport
import LabTraits
import NATS
import NATSWire
import NIOCore
import Testing

@Suite(.lab, .timeLimit(.minutes(5))) struct `TLS to a NATS server` {
  private static func broker(isTranslated: Bool = false, now: Date = Date()) throws -> LabFleet {
    let fleet = try LabFleet(isTranslated: isTranslated, now: now)
    try fleet.start()
    return fleet
  }

  private static func refusal(_ fleet: LabFleet, _ trust: NATSTrust?) throws -> String {
    try Probe(fleet.servers, name: "b1", trust: trust).refusal()
  }

  @Test func `has certificates of both sides, and the server's name or address`() throws {
    let fleet = try Self.broker()
    let collector = try fleet.collector()
    for name in ["broker.fleet.synbox", nil] {
      let trust = try fleet.trust("boxes/b1", serverName: name)
      let probe = try Probe(fleet.servers, name: "b1", trust: trust)
      try probe.waitUntilConnected()
      #expect(try probe.requestUntilAnswered("q.hello.b1", "hi") == "q.hello.b1 hi")
    }
    #expect(collector.events.count == 1)
  }

  @Test func `is refused if the server's certificate is another's`() throws {
    let (fleet, other) = (try Self.broker(isTranslated: true), try LabFleet())
    #expect(
      try Self.refusal(fleet, try other.trust("boxes/b1"))
        == "the server's certificate is not of the authority, or is no server's")
    for name in ["other.fleet.synbox", nil] {
      #expect(
        try Self.refusal(fleet, try fleet.trust("boxes/b1", serverName: name))
          == "the server's certificate is for another name and address")
    }
    try Probe(fleet.servers, name: "b1", trust: try fleet.trust("boxes/b1")).waitUntilConnected()
  }

  @Test func `is refused if the server has a box's certificate`() throws {
    let fleet = try LabFleet()
    let impostor = try LabServer(
      """
      tls {
        cert_file: "\(fleet.path("boxes/b2/client.crt"))"
        key_file: "\(fleet.path("boxes/b2/client.key"))"
      }
      """)
    let trust = try fleet.trust("boxes/b1", serverName: "1.b2.fleet.synbox")
    #expect(
      try Probe([impostor.server], name: "b1", trust: trust).refusal()
        == "the server's certificate is not of the authority, or is no server's")
  }

  @Test func `is refused if the server's certificate has expired`() throws {
    let fleet = try Self.broker(now: Date(timeIntervalSinceNow: -3651 * 86_400))
    let reason = try Self.refusal(fleet, try fleet.trust("boxes/b1"))
    #expect(
      reason.hasPrefix("the server's certificate expired on ")
        && reason.contains("by this machine's clock"), "\(reason)")
  }

  @Test func `is refused without a client's certificate, or with another authority's`() throws {
    let (fleet, other) = (try Self.broker(), try LabFleet())
    let authority = try fleet.bytes("boxes/b1/ca.crt")
    let bare = try NATSTrust(authority: authority, serverName: "broker.fleet.synbox")
    let none = try Self.refusal(fleet, bare)
    #expect(none.contains("the server refuses the client's certificate, or requires one"), "\(none)")
    let stranger = try NATSTrust(
      authority: authority, certificate: try other.bytes("boxes/b1/client.crt"),
      key: try other.bytes("boxes/b1/client.key"), serverName: "broker.fleet.synbox")
    let refused = try Self.refusal(fleet, stranger)
    #expect(refused.contains("the server refuses the client's certificate"), "\(refused)")
    let clear = try Self.refusal(fleet, nil)
    #expect(clear.contains("the server requires TLS"), "\(clear)")
  }

  @Test func `is not given up for a server in clear text`() throws {
    let fleet = try LabFleet()
    let server = try LabServer()
    let probe = try Probe([server.server], trust: try fleet.trust("boxes/b1"))
    #expect(try probe.refusal() == "the server offers no TLS")
  }

  @Test func `says which file is of no use`() throws {
    let fleet = try LabFleet()
    let (authority, certificate) = (
      try fleet.bytes("boxes/b1/ca.crt"), try fleet.bytes("boxes/b1/client.crt")
    )
    let (key, other) = (
      try fleet.bytes("boxes/b1/client.key"), try fleet.bytes("boxes/b2/client.key")
    )
    let cases: [([UInt8], [UInt8]?, [UInt8]?, String)] = [
      ([], nil, nil, "the authority is no certificate"),
      (authority, key, key, "the client's certificate is no certificate"),
      (authority, certificate, certificate, "the client's key is no key"),
      (authority, certificate, other, "the client's key is not that of its certificate"),
      (authority, certificate, nil, "belong together"),
    ]
    for (authority, certificate, key, expected) in cases {
      let error = #expect(throws: NATSSettingError.self) {
        _ = try NATSTrust(authority: authority, certificate: certificate, key: key)
      }
      #expect(error?.description.contains(expected) == true, "\(expected)")
    }
  }
}
