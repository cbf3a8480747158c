// What `synboxctl fleet init` gives a party of the fleet: a directory with its certificate, its keys and those of others.
import Fleet
import Kernel
import NATS
import NIOCore
import Support

/// The identity of a box, a collector or an operator. All of it is read at once, before any privilege is dropped.
public struct FleetBundle: Sendable {
  public let path: String
  private let servers: [NATSServer]
  private let trust: NATSTrust
  private let files: [String: [UInt8]]

  /// Bytes of one file.
  private static let limit = 1 << 20
  /// Of all parties, and of some.
  private static let names = [
    "servers", "tls-name", "ca.crt", "client.crt", "client.key", "name", "identity.key", "fleet.key",
    "fleet.pub", "submit.pub", "deny.pub",
  ]

  public init(_ path: String) throws {
    self.path = path
    var files: [String: [UInt8]] = [:]
    for name in Self.names where Files.kind(of: "\(path)/\(name)") != nil {
      files[name] = try Files.read("\(path)/\(name)", limit: Self.limit)
    }
    self.files = files
    let lines = try Self.lines(files, path, "servers")
    servers = try lines.map { try NATSServer(parsing: $0) }
    guard !servers.isEmpty else { throw Fault("\(path)/servers names no broker") }
    do {
      trust = try NATSTrust(
        authority: try Self.read(files, path, "ca.crt"),
        certificate: try Self.read(files, path, "client.crt"),
        key: try Self.read(files, path, "client.key"),
        serverName: try Self.lines(files, path, "tls-name").first)
    } catch let error as NATSSettingError {
      throw Fault("cannot use the certificates in \(path)", detail: "\(error)")
    }
  }

  private static func read(_ files: [String: [UInt8]], _ path: String, _ name: String) throws(Fault)
    -> [UInt8]
  {
    guard let file = files[name] else {
      throw Fault(
        "there is no file \(path)/\(name)",
        remedy: "Copy the whole directory that synboxctl fleet init made for this party")
    }
    return file
  }

  private static func lines(_ files: [String: [UInt8]], _ path: String, _ name: String) throws(Fault)
    -> [String]
  {
    String(decoding: try read(files, path, name), as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { String($0.drop(while: \.isWhitespace)) }
      .filter { !$0.isEmpty && !$0.hasPrefix("#") }
  }

  private func lines(_ name: String) throws(Fault) -> [String] { try Self.lines(files, path, name) }

  // MARK: Keys

  /// The name of a box.
  public func boxName() throws -> BoxName {
    guard let text = try lines("name").first, let name = BoxName(text) else {
      throw Fault("\(path)/name has no box's name")
    }
    return name
  }

  /// Reads a key of 32 bytes, in hexadecimal digits.
  private func key(_ name: String) throws(Fault) -> [UInt8] {
    guard let key = try lines(name).first.flatMap({ Hexadecimal.decode($0) }), key.count == 32
    else { throw Fault("\(path)/\(name) has no key of 64 hexadecimal digits") }
    return key
  }

  /// The seed of a box's own key.
  public func boxSeed() throws(Fault) -> [UInt8] { try key("identity.key") }
  /// The seed of a collector's key.
  public func fleetSeed() throws(Fault) -> [UInt8] { try key("fleet.key") }
  /// The collector's public key.
  public func fleetKey() throws(Fault) -> [UInt8] { try key("fleet.pub") }

  public func submitKeys() throws -> [SSHPublicKey] { try operatorKeys("submit.pub") }
  public func denyKeys() throws -> [SSHPublicKey] { try operatorKeys("deny.pub") }

  private func operatorKeys(_ name: String) throws -> [SSHPublicKey] {
    let keys = try lines(name).map { line throws(FleetError) in
      do throws(FleetError) { return try SSHPublicKey(parsing: line) } catch {
        throw FleetError("\(path)/\(name): \(error)")
      }
    }
    guard !keys.isEmpty else { throw Fault("\(path)/\(name) has no key") }
    return keys
  }

  // MARK: The broker

  /// The ports of the brokers.
  public var ports: [UInt16] {
    servers.compactMap { $0.description.split(separator: ":").last.flatMap { UInt16($0) } }
  }

  /// Connects to a broker, on the event loop that calls this.
  ///
  /// - Parameters:
  ///   - name: the party's, a token of its inbox.
  ///   - report: called on the event loop.
  public func client(
    name: String, version: String, on loop: any EventLoop, report: @escaping (NATSClient.Event) -> Void
  ) -> NATSClient {
    var settings = NATSClient.Settings(name: name, version: version, trust: trust)
    // Landlock permits the ports of the configured ones alone.
    settings.learnsServers = false
    return NATSClient(servers: servers, settings: settings, on: loop, report: report)
  }
}
