// The scanner's configuration.
import Plan
import synbox

extension FuzzTarget {
  /// The result is an error with its place, or a configuration with a rate in range and without `/` among the paths
  /// that the confinement allows.
  static let configuration = FuzzTarget("configuration", maximumLength: 1024) { bytes in
    let configuration: Configuration
    do throws(InputError) {
      configuration = try Configuration(bytes, path: "/etc/synbox/synbox.toml")
    } catch {
      return try error.requirePlace(in: bytes)
    }
    let rate = try configuration.rateLimit(linkSpeed: 10_000_000_000).perSecond
    try require(rate.map { 1...PacketRate.maximum ~= $0 } ?? true, "rate \(rate ?? 0)")
    try require(!configuration.readablePaths.contains("/"), "everything stays readable")
    try require(configuration.readablePaths.contains("/etc/synbox"), "\(configuration.readablePaths)")
  }
}
