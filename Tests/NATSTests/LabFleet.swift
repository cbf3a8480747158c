// A fleet's folder, and its broker on loopback addresses.
import Fleet
import FleetSetup
import Foundation
import LabSupport
import NATS
import NATSWire
import NIOCore

/// Removed when it goes out of scope.
final class LabFleet {
  let directory: URL
  private(set) var folder: FleetFolder
  let servers: [NATSServer]
  private(set) var running: [LabServer] = []

  /// Of `ssh-keygen -t ed25519`.
  static let operatorKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1hmx3v/Vpguoqk9JLsLMREScVpezJpGXA7rAMcrn9g lab"

  /// - Parameters:
  ///   - isTranslated: whether the servers' certificates are for other addresses than they listen on.
  ///   - now: when the certificates were made; they hold ten years.
  ///   - makesOperatorKey: whether there is a private key, `operator`, to sign scans with.
  init(
    boxes: [String] = ["b1", "b2"], count: Int = 1, isTranslated: Bool = false, now: Date = Date(),
    makesOperatorKey: Bool = false
  ) throws {
    directory = try LabServer.makeDirectory()
    let root = directory
    let key =
      makesOperatorKey ? try Self.makeKey(root.appending(path: "operator").path) : Self.operatorKey
    let addresses = (0..<count).map { _ in LabServer.address() }
    let brokers = try addresses.enumerated().map { index, address in
      guard let client = Endpoint("\(address):4222"), let route = Endpoint("\(address):6222"),
        let other = Endpoint("192.0.2.1:4222")
      else { throw LabError("no address") }
      return Broker(
        name: "s\(index)", address: isTranslated ? other : client, listen: client,
        route: count > 1 ? route : nil,
        directory: root.appending(path: "fleet/broker/s\(index)").path)
    }
    servers = try addresses.map { try NATSServer(parsing: "\($0):4222") }
    folder = try FleetFolder.create(
      root.appending(path: "fleet").path, name: "lab", brokers: brokers,
      submitKeys: [key], denyKeys: [key], now: now)
    for box in boxes { try folder.addBox(try name(box), now: now) }
  }

  /// Returns the public part.
  private static func makeKey(_ path: String) throws -> String {
    try mustRun(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", path])
    return try String(contentsOfFile: "\(path).pub", encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func name(_ text: String) throws -> BoxName {
    guard let name = BoxName(text) else { throw LabError("\(text) is no name") }
    return name
  }

  /// Starts the broker.
  func start() throws {
    running = try servers.enumerated().map { index, server in
      try LabServer(file: path("broker/s\(index)/nats-server.conf"), server: server)
    }
  }

  func path(_ file: String) -> String { directory.appending(path: "fleet/\(file)").path }

  func bytes(_ file: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path(file))))
  }

  func addBox(_ box: String) throws { try folder.addBox(try name(box)) }
  func revoke(_ box: String) throws { try folder.revoke(try name(box)) }

  /// What a party's folder has for TLS: `boxes/b1`, `collector`, `operator`.
  func trust(_ folder: String, serverName: String? = "broker.fleet.synbox") throws -> NATSTrust {
    try NATSTrust(
      authority: try bytes("\(folder)/ca.crt"), certificate: try bytes("\(folder)/client.crt"),
      key: try bytes("\(folder)/client.key"), serverName: serverName)
  }

  /// A client of a party.
  func probe(_ folder: String) throws -> Probe {
    try Probe(servers, name: String(folder.split(separator: "/").last ?? ""), trust: try trust(folder))
  }

  /// A collector that answers everything.
  func collector() throws -> Probe {
    let probe = try probe("collector")
    for pattern in FleetSubject.patterns { try probe.echo(pattern) }
    try probe.waitUntilConnected()
    return probe
  }
}
