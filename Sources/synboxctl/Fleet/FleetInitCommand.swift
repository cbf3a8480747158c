// fleet init: the folder of a fleet, from which its parties get what they need.
import ArgumentParser
import Fleet
import FleetSetup
import Kernel

struct FleetInitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a fleet, add boxes to it, or remove them.",
    discussion: """
      The first time it makes DIR: authorities, certificates, the collector's key, and the whole configuration of each broker. Later \
      calls add or revoke boxes. Then copy DIR/boxes/NAME to the box, and DIR/broker/NAME to where the broker runs; after a \
      change send it SIGHUP twice, because nats-server 2.9 reads what a new box may use at the second time. DIR holds every private \
      key of the fleet: keep it to yourself.
      """)

  @Argument(help: "Directory of the fleet.", completion: .directory)
  var directory: String

  @Option(help: "Name of a new fleet.")
  var name: String = "fleet"

  @Option(
    help: ArgumentHelp(
      "A broker of a new fleet, where clients reach it; with the address of its routes if there are several.",
      valueName: "name=address:port[,address:port]"))
  var broker: [String] = []

  @Option(
    help: ArgumentHelp("Where the broker's files will lie; DIR/broker if not given.", valueName: "dir"))
  var brokerDirectory: String?

  @Option(
    help: ArgumentHelp("Public SSH key that may sign scans.", valueName: "file"), completion: .file())
  var submitKey: [String] = []

  @Option(
    help: ArgumentHelp(
      "Public SSH key that may sign deny lists; the submit keys if not given.", valueName: "file"),
    completion: .file())
  var denyKey: [String] = []

  @Option(help: ArgumentHelp("Add a box.", valueName: "name"))
  var box: [String] = []

  @Option(help: ArgumentHelp("Remove a box.", valueName: "name"))
  var revoke: [String] = []

  func run() throws {
    var folder: FleetFolder
    if Files.kind(of: "\(directory)/fleet.json") == nil {
      folder = try create()
    } else {
      guard broker.isEmpty, submitKey.isEmpty, denyKey.isEmpty else {
        throw UsageError("\(directory) is a fleet already: only --box and --revoke can change it")
      }
      folder = try FleetFolder(opening: directory)
    }
    for name in try revoke.map(Self.boxName) { try folder.revoke(name) }
    for name in try box.map(Self.boxName) { try folder.addBox(name) }
    for box in folder.boxes { Terminal.output("\(box.name)  \(box.identity)\n") }
  }

  private func create() throws -> FleetFolder {
    guard !broker.isEmpty, !submitKey.isEmpty else {
      throw UsageError("a new fleet needs --broker NAME=ADDRESS:PORT and --submit-key FILE")
    }
    guard let absolute = Files.resolved(Files.parent(of: directory)) else {
      throw UsageError("there is no directory \(Files.parent(of: directory))")
    }
    let own = "\(absolute)/\(directory.split(separator: "/").last ?? "")/broker"
    let brokers = try broker.map { try Self.broker($0, in: brokerDirectory ?? own) }
    let submit = try submitKey.flatMap(Self.lines)
    return try FleetFolder.create(
      directory, name: name, brokers: brokers, submitKeys: submit,
      denyKeys: denyKey.isEmpty ? submit : try denyKey.flatMap(Self.lines))
  }

  private static func broker(_ text: String, in directory: String) throws -> Broker {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    let places = parts.count == 2 ? parts[1].split(separator: ",").map { Endpoint(String($0)) } : []
    guard (1...2).contains(places.count), let address = places[0], places.count == 1 || places[1] != nil
    else {
      throw UsageError("--broker: found \(text), expected NAME=ADDRESS:PORT[,ADDRESS:PORT]")
    }
    return Broker(
      name: parts[0], address: address, route: places.count == 2 ? places[1] : nil,
      directory: "\(directory)/\(parts[0])")
  }

  private static func boxName(_ text: String) throws -> BoxName {
    guard let name = BoxName(text) else {
      throw UsageError("found \(text), expected 1 to 63 lower-case letters, digits and hyphens")
    }
    return name
  }

  private static func lines(_ file: String) throws -> [String] {
    let text = String(decoding: try Files.read(file, limit: 1 << 16), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).map(String.init).filter { !$0.hasPrefix("#") }
  }
}
