// Which keys of a configuration may change while a box runs.
import Testing

@testable import synbox

/// Configurations that differ in one key.
enum ConfigurationText {
  /// A line for each key, with a value that is neither the default nor the one in `base`.
  static let changes: [Configuration.Key: String] = [
    .data: "data = \"elsewhere\"", .interface: "interface = \"lo\"", .profile: "profile = \"auto\"",
    .sourceIP: "source-ip = \"198.18.0.2\"", .sourcePort: "source-port = \"40000-40001\"",
    .gatewayMAC: "gateway-mac = \"02:00:00:00:00:01\"", .transmit: "transmit = \"packet\"",
    .receive: "receive = \"packet\"", .report: "report = \"all\"", .rst: "rst = \"in-place\"",
    .rate: "rate = \"9k\"", .bandwidth: "bandwidth = \"1G\"", .probes: "probes = 2",
    .cooldownTime: "cooldown-time = 3", .targetPorts: "target-ports = 443",
    .outputModule: "output-module = \"json\"", .outputFields: "output-fields = \"saddr\"",
    .probeOptions: "probe-options = \"linux\"", .senderThreads: "sender-threads = 2",
    .batch: "batch = 8", .eventRing: "event-ring = \"16M\"", .maxRuntime: "max-runtime = \"1h\"",
    .dedupeMemory: "dedupe-memory = \"64M\"", .log: "log = \"kernel\"", .user: "user = 60901",
    .lockMemory: "lock-memory = \"required\"", .diskHighWater: "disk-high-water = 50",
    .scope: "[scope]\nallow = \"198.18.0.0/16\"",
  ]

  private static let base: [Configuration.Key: String] = [
    .data: "data = \"data\"", .interface: "interface = \"box0\"",
    .scope: "[scope]\nallow = \"198.18.0.0/15\"",
  ]

  /// Returns a configuration with one key changed from `base`, or with none.
  ///
  /// - Parameter more: further lines.
  static func changing(_ key: Configuration.Key?, _ more: String...) throws -> String {
    var lines = base
    if let key {
      let line: String = try #require(changes[key], "`changes` has no value of \(key.rawValue)")
      lines[key] = line
    }
    // A table has to come last.
    let scope = lines.removeValue(forKey: .scope) ?? ""
    return (lines.values + more + [scope]).joined(separator: "\n") + "\n"
  }
}

@Suite(.timeLimit(.minutes(1))) struct `A key of the configuration` {
  private func read(changing key: Configuration.Key?) throws -> Configuration {
    try Configuration(
      Array(ConfigurationText.changing(key).utf8), path: "/etc/synbox/synbox.toml")
  }

  @Test(arguments: Configuration.Key.allCases)
  func `is either fixed or applied by a reload`(_ key: Configuration.Key) throws {
    let old = try read(changing: nil)
    let new = try read(changing: key)
    #expect(String(reflecting: old) != String(reflecting: new), "the change has no effect")
    #expect(old.fixedKeys(changedIn: new) == (key.isFixed ? [key] : []))
    #expect(old.fixedKeys(changedIn: old).isEmpty)
    // The station is opened once, before privileges are dropped.
    if String(reflecting: old.station) != String(reflecting: new.station) { #expect(key.isFixed) }
  }
}

@Suite(.timeLimit(.minutes(1))) struct `The scanner of an image` {
  @Test(arguments: [true, false])
  func `has to lock its memory`(isEarly: Bool) {
    let launch = ScannerLaunch(configuration: "synbox.toml", gateway: nil, isEarly: isEarly)
    #expect(launch.arguments.contains("--require-locked-memory"))
  }
}
