import Plan
import Testing

/// Compared with the IANA IPv4 Special-Purpose Address Registry as of 2025-10-09.
@Suite(.timeLimit(.minutes(5))) struct `Special-purpose space` {
  static let registry: [(block: String, name: String)] = [
    ("0.0.0.0/8", "This network"), ("0.0.0.0/32", "This host on this network"),
    ("10.0.0.0/8", "Private-Use"), ("100.64.0.0/10", "Shared Address Space"),
    ("127.0.0.0/8", "Loopback"), ("169.254.0.0/16", "Link Local"), ("172.16.0.0/12", "Private-Use"),
    ("192.0.0.0/24", "IETF Protocol Assignments"), ("192.0.0.0/29", "IPv4 Service Continuity Prefix"),
    ("192.0.0.8/32", "IPv4 dummy address"), ("192.0.0.9/32", "Port Control Protocol Anycast"),
    ("192.0.0.10/32", "Traversal Using Relays around NAT Anycast"),
    ("192.0.0.170/32", "NAT64/DNS64 Discovery"), ("192.0.0.171/32", "NAT64/DNS64 Discovery"),
    ("192.0.2.0/24", "Documentation (TEST-NET-1)"), ("192.31.196.0/24", "AS112-v4"),
    ("192.52.193.0/24", "AMT"), ("192.88.99.0/24", "Deprecated (6to4 Relay Anycast)"),
    ("192.88.99.2/32", "6a44-relay anycast address"), ("192.168.0.0/16", "Private-Use"),
    ("192.175.48.0/24", "Direct Delegation AS112 Service"), ("198.18.0.0/15", "Benchmarking"),
    ("198.51.100.0/24", "Documentation (TEST-NET-2)"),
    ("203.0.113.0/24", "Documentation (TEST-NET-3)"), ("240.0.0.0/4", "Reserved"),
    ("255.255.255.255/32", "Limited Broadcast"),
  ]

  private var table: [SpecialPurpose.Block] {
    SpecialPurpose.neverProbed + SpecialPurpose.skippedInside
  }

  @Test func `has the date of the registry that it follows`() {
    #expect(SpecialPurpose.date == "2025-10-09")
  }

  @Test(arguments: registry)
  func `covers every entry of the registry`(
    block: String, name: String
  ) throws {
    let addresses = try #require(addressSet(block).ranges.first)
    let own = table.first { $0.addresses == addresses }
    if let own {
      #expect(own.name.hasPrefix(name))
    } else {
      #expect(table.contains { $0.addresses.contains(addresses) })
    }
  }

  @Test func `consists of the registry and multicast`() throws {
    let known =
      try Self.registry.map { try addressSet($0.block).ranges[0] } + addressSet("224.0.0.0/4").ranges
    for block in table { #expect(known.contains(block.addresses), "\(block.name)") }
    // The blocks must be disjoint, so that outOfScope counts each address once.
    #expect(AddressSet(table.map(\.addresses)).count == table.reduce(0) { $0 + $1.addresses.count })
  }
}
