// Which keys of a configuration may change while a box runs.
import Testing

@testable import synbox

/// Configurations that differ in one key.
enum ConfigurationText {
  /// For each key a value that is neither the default nor the one in `base`.
  static let changes = [
    "data": "\"elsewhere\"", "interface": "\"lo\"", "profile": "\"auto\"",
    "source-ip": "\"198.18.0.2\"", "source-port": "\"40000-40001\"",
    "source-use": "\"dedicated\"", "gateway-mac": "\"02:00:00:00:00:01\"", "transmit": "\"packet\"",
    "receive": "\"packet\"",
    "report": "\"all\"", "rst": "\"transmitter\"", "rate": "\"9k\"", "bandwidth": "\"1G\"",
    "probes": "2",
    "cooldown-time": "3", "target-ports": "443", "output-module": "\"json\"",
    "output-fields": "\"saddr\"", "probe-options": "\"linux\"", "pace-interval": "\"2ms\"",
    "on-overload": "\"drop\"",
    "sender-threads": "2", "batch": "8",
    "event-ring": "\"16M\"", "max-runtime": "\"1h\"", "max-cooldown": "\"1h\"",
    "max-probes": "3", "max-target-rate": "\"9k\"", "allow-ports": "\"80,443\"",
    "dedupe-memory": "\"64M\"", "log": "\"kernel\"",
    "user": "60901", "licence": "\"fleet/licence\"", "lock-memory": "\"required\"",
    "disk-high-water": "50", "max-spool": "\"64M\"",
    "scope": "{ allow = \"198.18.0.0/16\" }",
  ]

  private static let base = [
    "data": "\"data\"", "interface": "\"box0\"", "scope": "{ allow = \"198.18.0.0/15\" }",
  ]

  /// Returns a configuration with one key changed from `base`, or with none.
  ///
  /// - Parameter more: further lines.
  static func changing(_ key: Configuration.Key?, _ more: String...) throws -> String {
    var values = base
    if let key {
      let value: String = try #require(changes[key.rawValue], "`changes` has no value of \(key)")
      values[key.rawValue] = value
    }
    return (values.map { "\($0.key) = \($0.value)" } + more).joined(separator: "\n") + "\n"
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A key of the configuration` {
  private func read(changing key: Configuration.Key?) throws -> Configuration {
    try Configuration(
      Array(ConfigurationText.changing(key).utf8), path: "/etc/synbox/synbox.toml")
  }

  @Test(arguments: Configuration.Key.allCases)
  func `is either fixed or applied by a reload`(_ key: Configuration.Key) throws {
    let old = try read(changing: nil)
    let new = try read(changing: key)
    #expect(old.keys(changedIn: new) == [key])
    // The station is opened once, before privileges are dropped.
    if String(reflecting: old.station) != String(reflecting: new.station) { #expect(key.isFixed) }
    try old.requireSameFixedKeys(in: old)
    guard key.isFixed else { return try old.requireSameFixedKeys(in: new) }
    let error = try #require(throws: FixedKeyError.self) { try old.requireSameFixedKeys(in: new) }
    #expect(error.keys == [key])
    #expect(error.description.hasPrefix("\(key.rawValue) cannot change while the box runs; "))
  }

  @Test func `is listed once`() {
    let keys = Configuration.Key.allCases.map(\.rawValue)
    #expect(Set(keys).count == keys.count)
    #expect(Set(keys) == Set(ConfigurationText.changes.keys))
  }
}
