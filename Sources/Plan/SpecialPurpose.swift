// Special-purpose space, which a scan must not reach by accident.

import Wire

/// The IANA IPv4 Special-Purpose Address Registry (RFC 6890, RFC 8190), and multicast (RFC 5771).
///
/// The table omits the nine registry entries that lie within a wider one: within 0.0.0.0/8, 192.0.0.0/24, 192.88.99.0/24
/// and 240.0.0.0/4.
public enum SpecialPurpose {
  /// The "last updated" date of the registry that this table follows. PlanTests compares the table with the registry of
  /// that date.
  public static let date = "2025-10-09"

  /// How entries wider than a block of `skippedInside` treat it. No rule allows `neverProbed`.
  public enum Rule: String, CaseIterable, Sendable {
    /// Only an entry wholly within the block reaches it.
    case skip
    /// Wider entries reach it, too: for labs that use special-purpose space throughout.
    case probe
  }

  public struct Block: Sendable {
    public let addresses: AddressRange
    /// The registry's name for the block.
    public let name: String
    public let source: String

    init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ length: Int, _ name: String, _ source: String) {
      addresses = AddressRange(IPv4Address(a, b, c, 0), prefix: length)
      self.name = name
      self.source = source
    }
  }

  /// Blocks that contain no addresses of single remote hosts. They are never probed.
  public static let neverProbed = [
    Block(0, 0, 0, 8, "This network", "RFC 791, section 3.2"),
    Block(127, 0, 0, 8, "Loopback", "RFC 1122, section 3.2.1.3"),
    Block(224, 0, 0, 4, "Multicast", "RFC 5771"),
    Block(240, 0, 0, 4, "Reserved, with limited broadcast", "RFC 1112, section 4; RFC 8190"),
  ]

  /// Blocks that are skipped inside wider entries. An entry wholly within one of them is probed.
  public static let skippedInside = [
    Block(10, 0, 0, 8, "Private-Use", "RFC 1918"),
    Block(100, 64, 0, 10, "Shared Address Space", "RFC 6598"),
    Block(169, 254, 0, 16, "Link Local", "RFC 3927"),
    Block(172, 16, 0, 12, "Private-Use", "RFC 1918"),
    Block(192, 0, 0, 24, "IETF Protocol Assignments", "RFC 6890, section 2.1"),
    Block(192, 0, 2, 24, "Documentation (TEST-NET-1)", "RFC 5737"),
    Block(192, 31, 196, 24, "AS112-v4", "RFC 7535"),
    Block(192, 52, 193, 24, "AMT", "RFC 7450"),
    Block(192, 88, 99, 24, "Deprecated (6to4 Relay Anycast)", "RFC 7526"),
    Block(192, 168, 0, 16, "Private-Use", "RFC 1918"),
    Block(192, 175, 48, 24, "Direct Delegation AS112 Service", "RFC 7534"),
    Block(198, 18, 0, 15, "Benchmarking", "RFC 2544"),
    Block(198, 51, 100, 24, "Documentation (TEST-NET-2)", "RFC 5737"),
    Block(203, 0, 113, 24, "Documentation (TEST-NET-3)", "RFC 5737"),
  ]

  static let never = AddressSet(neverProbed.map(\.addresses))
  private static let skipped = skippedInside.map(\.addresses)

  /// Returns whether `Rule.skip` removes part of an entry.
  static func trims(_ entry: AddressRange) -> Bool {
    entry.first < entry.last && skipped.contains { $0.overlaps(entry) && !$0.contains(entry) }
  }

  /// Returns the parts of an entry that remain under `Rule.skip`.
  static func remainder(of entry: AddressRange) -> [AddressRange] {
    if skipped.contains(where: { $0.contains(entry) }) { return [entry] }
    return AddressSet([entry]).subtracting(AddressSet(skipped)).ranges
  }
}
