// The folder from which an operator runs a fleet: its authorities, its broker's configuration, and what each party needs.
import Crypto
import Fleet
import Kernel
import Support

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A fleet's folder. It holds every private key, so it stays with the operator; all files are readable by their owner alone.
///
/// | path | what it is |
/// |---|---|
/// | `fleet.json` | the fleet: brokers, boxes, public keys; version 1 |
/// | `authority/` | the authority of clients and servers, and that of the broker's routes |
/// | `broker/NAME/` | `nats-server.conf` of one server, its certificates and keys |
/// | `boxes/NAME/` | what a box needs |
/// | `collector/`, `operator/` | what these need |
public struct FleetFolder: Sendable {
  public let path: String
  private(set) var record: FleetRecord

  /// Days that certificates hold.
  private static let days = 3650.0
  private static let authorityDays = 7300.0
  private static let recordLimit = 16 << 20

  public var name: String { record.name }
  public var boxes: [FleetBox] { record.boxes }
  public var brokers: [Broker] { record.brokers }

  // MARK: Making and opening

  /// Makes the folder of a new fleet, without boxes.
  ///
  /// - Parameters:
  ///   - submitKeys: lines of OpenSSH's public keys that may sign scans.
  ///   - denyKeys: those that may sign deny lists.
  public static func create(
    _ path: String, name: String, brokers: [Broker], submitKeys: [String], denyKeys: [String],
    now: Date = Date()
  ) throws(Fault) -> FleetFolder {
    guard Files.kind(of: "\(path)/fleet.json") == nil else {
      throw Fault("\(path) is a fleet's folder already")
    }
    let fleetKey = Curve25519.Signing.PrivateKey()
    let record = FleetRecord(
      name: name, brokers: brokers,
      fleetKey: Hexadecimal.encode(fleetKey.publicKey.rawRepresentation), submitKeys: submitKeys,
      denyKeys: denyKeys)
    try record.check(path)
    for folder in ["", "/authority", "/broker", "/boxes", "/collector", "/operator"] {
      try Files.makeDirectory(path + folder, mode: 0o700)
    }
    let folder = FleetFolder(path: path, record: record)
    let (clients, routes) = try folder.issuing {
      (
        try Authority(name: "\(name) fleet", now: now, days: authorityDays),
        try Authority(name: "\(name) fleet routes", now: now, days: authorityDays)
      )
    }
    for (name, authority) in [("clients", clients), ("routes", routes)] {
      try folder.write("authority/\(name).key", authority.keyPEM)
      try folder.write("authority/\(name).crt", authority.certificatePEM)
    }
    try folder.writeBrokers(clients, routes, now)
    try folder.writeParty("collector", BrokerConfiguration.collector, clients, now)
    try folder.write("collector/fleet.key", Self.line(fleetKey))
    try folder.writeOperatorKeys("collector")
    try folder.writeParty("operator", BrokerConfiguration.operatorUser, clients, now)
    try folder.save()
    try folder.writeBrokerConfiguration()
    return folder
  }

  /// Opens a folder that was made before.
  public init(opening path: String) throws(Fault) {
    let file = "\(path)/fleet.json"
    let bytes = try Files.read(file, limit: Self.recordLimit)
    do {
      record = try JSONDecoder().decode(FleetRecord.self, from: Data(bytes))
    } catch {
      throw Fault("cannot read \(file)", detail: Escaping.visible("\(error)"))
    }
    guard record.version == FleetRecord.version else {
      throw Fault(
        "\(file) has version \(record.version), expected \(FleetRecord.version)",
        remedy: "Use the synboxctl that made it, or a newer one")
    }
    self.path = path
    try record.check(file)
  }

  private init(path: String, record: FleetRecord) {
    self.path = path
    self.record = record
  }

  // MARK: Boxes

  /// Adds a box, and writes `boxes/NAME/` and the broker's configuration. The box reaches the collector once each server has read that
  /// twice (SIGHUP), because nats-server 2.9 reads what a new account imports at the second time. A name that was revoked may be used
  /// again.
  public mutating func addBox(_ name: BoxName, now: Date = Date()) throws(Fault) {
    let text = name.description
    guard !record.boxes.contains(where: { $0.name == text }) else {
      throw Fault("the fleet \(record.name) has a box \(text) already")
    }
    let key = Curve25519.Signing.PrivateKey()
    let box = FleetBox(
      name: text, issue: (record.issues[text] ?? 0) + 1,
      identity: Hexadecimal.encode(key.publicKey.rawRepresentation))
    let folder = "boxes/\(text)"
    try Files.makeDirectory("\(path)/\(folder)", mode: 0o700)
    try writeParty(folder, BrokerConfiguration.user(box), try clientAuthority(), now)
    try write("\(folder)/identity.key", Self.line(key))
    try write("\(folder)/name", text + "\n")
    try write("\(folder)/fleet.pub", record.fleetKey + "\n")
    try writeOperatorKeys(folder)
    record.issues[text] = box.issue
    record.boxes.append(box)
    record.boxes.sort { $0.name < $1.name }
    try save()
    try writeBrokerConfiguration()
  }

  /// Removes a box and its private files, and writes the broker's configuration without it. The box is out once each server has read
  /// that (SIGHUP), and the collector its list of boxes.
  public mutating func revoke(_ name: BoxName) throws(Fault) {
    let text = name.description
    guard record.boxes.contains(where: { $0.name == text }) else {
      throw Fault("the fleet \(record.name) has no box \(text)")
    }
    record.boxes.removeAll { $0.name == text }
    try save()
    try writeBrokerConfiguration()
    for file in ["identity.key", "client.key"] {
      let file = "\(path)/boxes/\(text)/\(file)"
      if Files.kind(of: file) != nil { try Files.remove(file) }
    }
  }

  // MARK: What follows from the record

  /// Writes `broker/NAME/nats-server.conf` of each server, and the collector's list of boxes.
  public func writeBrokerConfiguration() throws(Fault) {
    for broker in record.brokers {
      try write(
        "broker/\(broker.name)/nats-server.conf",
        BrokerConfiguration(record: record, broker: broker).text)
    }
    let lines = record.boxes.map { "\($0.name) \($0.identity)\n" }
    try write("collector/boxes", lines.joined())
  }

  private func writeBrokers(_ clients: Authority, _ routes: Authority, _ now: Date) throws(Fault) {
    for broker in record.brokers {
      let folder = "broker/\(broker.name)"
      try Files.makeDirectory("\(path)/\(folder)", mode: 0o700)
      let server = Authority.Subject(
        commonName: broker.name, names: [BrokerConfiguration.serverName],
        addresses: [broker.address.address], isServer: true)
      try write(folder, "server", try issuing { try clients.issue(server, now: now, days: Self.days) })
      try write("\(folder)/ca.crt", clients.certificatePEM)
      guard let route = broker.route else { continue }
      let own = Authority.Subject(
        commonName: broker.name, names: [BrokerConfiguration.routeName], addresses: [route.address],
        isServer: true, isClient: true)
      try write(folder, "route", try issuing { try routes.issue(own, now: now, days: Self.days) })
      try write("\(folder)/routes-ca.crt", routes.certificatePEM)
    }
  }

  /// Where a party connects, its certificate and key.
  private func writeParty(_ folder: String, _ user: String, _ authority: Authority, _ now: Date)
    throws(Fault)
  {
    let subject = Authority.Subject(commonName: user, names: [user], isClient: true)
    try write(
      folder, "client", try issuing { try authority.issue(subject, now: now, days: Self.days) })
    try write("\(folder)/ca.crt", authority.certificatePEM)
    let servers = record.brokers.map { "\($0.address)\n" }.joined()
    try write("\(folder)/servers", servers)
    try write("\(folder)/tls-name", BrokerConfiguration.serverName + "\n")
  }

  private func writeOperatorKeys(_ folder: String) throws(Fault) {
    try write("\(folder)/submit.pub", record.submitKeys.map { "\($0)\n" }.joined())
    try write("\(folder)/deny.pub", record.denyKeys.map { "\($0)\n" }.joined())
  }

  private func clientAuthority() throws(Fault) -> Authority {
    let certificate = try Files.read("\(path)/authority/clients.crt", limit: Self.recordLimit)
    let key = try Files.read("\(path)/authority/clients.key", limit: Self.recordLimit)
    return try issuing {
      try Authority(
        certificate: String(decoding: certificate, as: UTF8.self),
        key: String(decoding: key, as: UTF8.self))
    }
  }

  private func save() throws(Fault) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let bytes = try issuing { Array(try encoder.encode(record)) }
    try Files.replace(
      "\(path)/fleet.json", with: bytes + [0x0a], durable: true, isSecret: true)
  }

  private func write(_ folder: String, _ name: String, _ identity: Identity) throws(Fault) {
    try write("\(folder)/\(name).key", identity.key)
    try write("\(folder)/\(name).crt", identity.certificate)
  }

  private func write(_ file: String, _ text: String) throws(Fault) {
    let end = text.hasSuffix("\n") || text.isEmpty ? "" : "\n"
    try Files.replace(
      "\(path)/\(file)", with: Array((text + end).utf8), durable: true, isSecret: true)
  }

  /// The seed as 64 hexadecimal digits.
  private static func line(_ key: Curve25519.Signing.PrivateKey) -> String {
    Hexadecimal.encode(key.rawRepresentation) + "\n"
  }

  private func issuing<Value>(_ body: () throws -> Value) throws(Fault) -> Value {
    do { return try body() } catch {
      throw Fault("cannot make the keys of \(path)", detail: Escaping.visible("\(error)"))
    }
  }
}
