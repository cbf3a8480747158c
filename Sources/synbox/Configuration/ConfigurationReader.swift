// Reads the configuration's TOML as strictly as NIC profiles: every key must be known, every value valid.
import Kernel
import NIC
import Plan
import Scan
import TOMLKit
import Wire

extension Configuration {
  /// Bytes.
  static let maximumSize = 1 << 20

  /// Reads a configuration.
  ///
  /// - Throws: `ProfileError` for a mistake in the file, `Fault` if it cannot be read.
  init(path: String) throws {
    try self.init(try Files.read(path, limit: Self.maximumSize), path: path)
  }

  /// Reads a configuration from bytes.
  ///
  /// - Parameter path: names the file in errors; the paths in it are relative to its directory.
  package init(_ bytes: [UInt8], path: String) throws(ProfileError) {
    let document = try TOMLDocument(bytes, file: path, maximumSize: Self.maximumSize)
    try document.requireKnown(document.root, [], Key.allCases.map(\.rawValue))
    let reader = ConfigurationReader(document: document)
    self.path = path
    data = try reader.requiredPath("data")
    station = StationSettings(interface: try reader.required("interface", "a name such as eth0"))
    scope = try reader.scope()
    profile = try reader.text(["profile"]).map { $0 == "auto" ? .automatic : .path(reader.path($0)) }
    try reader.read(into: &station)
    rate = try reader.value("rate")
    bandwidth = try reader.value("bandwidth")
    probes = try reader.value("probes") ?? probes
    cooldown = try reader.value("cooldown-time") ?? cooldown
    targetPorts = try reader.value("target-ports")
    format = try reader.choice("output-module") ?? format
    fields = try reader.fields() ?? fields
    probeProfile = try reader.choice("probe-options") ?? probeProfile
    maxRuntime = try reader.value("max-runtime")
    dedupeMemory = try reader.value("dedupe-memory") ?? dedupeMemory
    log = try reader.choice("log") ?? log
    user = try reader.value("user")
    lockMemory = try reader.choice("lock-memory")
    diskHighWater = try reader.integer("disk-high-water", 1...100) ?? diskHighWater
  }

  /// Returns the data directory that a configuration names, even if the rest of the file is invalid: a box that
  /// still runs on an earlier version of the file has its status there.
  static func dataDirectory(path: String) throws -> String {
    let bytes = try Files.read(path, limit: maximumSize)
    let document = try TOMLDocument(bytes, file: path, maximumSize: maximumSize)
    return try ConfigurationReader(document: document).requiredPath("data")
  }
}

private struct ConfigurationReader {
  let document: TOMLDocument

  func read(into station: inout StationSettings) throws(ProfileError) {
    station.sources = try value("source-ip") ?? station.sources
    if let ports: PortRange = try value("source-port") {
      station.sourcePorts = ports.first.value...ports.last.value
    }
    station.gatewayMAC = try gatewayMAC()
    station.transmit = try choice("transmit") ?? station.transmit
    station.receive = try choice("receive") ?? station.receive
    station.report = try choice("report") ?? station.report
    station.reset = try choice("rst") ?? station.reset
    station.senders = try integer("sender-threads", 1...64) ?? station.senders
    station.batch = try integer("batch", StationSettings.batches) ?? station.batch
    station.eventRing = try value("event-ring")
  }

  func scope() throws(ProfileError) -> ScopeSources {
    let known = ["allow", "allow-file", "deny", "deny-file", "special-purpose"]
    let missing = "[scope] with allow = [\"198.18.0.0/15\"] or allow-file = \"PATH\""
    guard let value = document.root["scope"]?.tomlValue else {
      throw ProfileError(
        file: document.file, line: 1, column: 1, found: "no scope", expected: missing)
    }
    guard let table = value.table else {
      throw document.error(at: ["scope"], found: TOMLDocument.shown(value), expected: missing)
    }
    try document.requireKnown(table, ["scope"], known)
    let sources = ScopeSources(
      allow: try self.value(["scope", "allow"]),
      allowFile: try text(["scope", "allow-file"]).map { path($0) },
      deny: try self.value(["scope", "deny"]),
      denyFile: try text(["scope", "deny-file"]).map { path($0) },
      specialPurpose: try choice(["scope", "special-purpose"]) ?? .skip)
    guard sources.allow != nil || sources.allowFile != nil else {
      throw document.error(
        at: ["scope"], found: "a scope that allows nothing", expected: "allow or allow-file")
    }
    return sources
  }

  // MARK: Values

  func required(_ key: String, _ expected: String) throws(ProfileError) -> String {
    guard let text = try text([key]), !text.isEmpty else {
      throw ProfileError(
        file: document.file, line: 1, column: 1, found: "no \(key)",
        expected: "\(key) = \(expected)")
    }
    return text
  }

  func requiredPath(_ key: String) throws(ProfileError) -> String {
    path(try required(key, "a path such as \"/data\""))
  }

  /// Resolves a path relative to the configuration's directory.
  func path(_ text: String) -> String {
    text.hasPrefix("/") ? text : "\(Files.parent(of: document.file))/\(text)"
  }

  func value<Value: ParsableValue>(_ key: String) throws(ProfileError) -> Value? {
    try value([key])
  }

  func value<Value: ParsableValue>(_ path: [String]) throws(ProfileError) -> Value? {
    guard let text = try text(path) else { return nil }
    do throws(ValueError) {
      return try Value(parsing: text)
    } catch {
      throw document.error(at: path, found: error.found, expected: error.expected)
    }
  }

  func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) throws(ProfileError) -> Choice?
  where Choice.RawValue == String {
    try choice([key])
  }

  func choice<Choice: RawRepresentable & CaseIterable>(_ path: [String]) throws(ProfileError) -> Choice?
  where Choice.RawValue == String {
    guard let text = try text(path) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw document.error(at: path, found: TOMLDocument.shown(text), expected: "one of \(known)")
    }
    return choice
  }

  func integer(_ key: String, _ range: ClosedRange<Int>) throws(ProfileError) -> Int? {
    guard let value = document.root[key]?.tomlValue else { return nil }
    guard let integer = value.int, range.contains(integer) else {
      throw document.error(
        at: [key], found: TOMLDocument.shown(value),
        expected: "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  func fields() throws(ProfileError) -> [ResultField]? {
    guard let text = try text(["output-fields"]) else { return nil }
    do throws(FieldListError) {
      return try ResultField.parse(list: text)
    } catch {
      throw document.error(at: ["output-fields"], found: error.found, expected: error.expected)
    }
  }

  private func gatewayMAC() throws(ProfileError) -> MACAddress? {
    guard let text = try text(["gateway-mac"]) else { return nil }
    guard let mac = MACAddress(text), !mac.isGroup, mac != .zero else {
      throw document.error(
        at: ["gateway-mac"], found: TOMLDocument.shown(text),
        expected: "an Ethernet address of one host such as 02:00:00:00:00:01")
    }
    return mac
  }

  /// Returns a value as the command line would spell it: text, a number, or a list of these joined by commas.
  func text(_ path: [String]) throws(ProfileError) -> String? {
    var table = document.root
    for name in path.dropLast() {
      guard let inner = table[name]?.tomlValue.table else { return nil }
      table = inner
    }
    guard let value = path.last.flatMap({ table[$0]?.tomlValue }) else { return nil }
    if let array = value.array, !array.isEmpty {
      let parts = array.compactMap { Self.scalar($0.tomlValue) }
      if parts.count == array.count { return parts.joined(separator: ",") }
    } else if let text = Self.scalar(value) {
      return text
    }
    let found = value.array?.isEmpty == true ? "an empty list" : TOMLDocument.shown(value)
    throw document.error(at: path, found: found, expected: "text, a number, or a list of these")
  }

  private static func scalar(_ value: TOMLValue) -> String? {
    value.string ?? value.int.map(String.init) ?? value.double.map { "\($0)" }
  }
}
