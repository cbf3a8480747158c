// The file by which the scanner knows what it may send.

/// `DATA/fleet/licence`.
public struct LicenceFile: Hashable, Sendable {
  public var bootID: String
  /// Probes per second; 0 allows none.
  public var rate: UInt64
  /// CLOCK_BOOTTIME in nanoseconds.
  public var expires: UInt64
  public var denySequence: UInt64
  public var denyDigest: Digest

  public init(bootID: String, rate: UInt64, expires: UInt64, denySequence: UInt64, denyDigest: Digest) {
    self.bootID = bootID
    self.rate = rate
    self.expires = expires
    self.denySequence = denySequence
    self.denyDigest = denyDigest
  }

  /// TOML.
  public var text: String {
    """
    version = 1
    boot-id = "\(bootID)"
    rate = \(rate)
    expires = \(expires)
    deny-sequence = \(denySequence)
    deny-sha256 = "\(denyDigest)"

    """
  }
}
