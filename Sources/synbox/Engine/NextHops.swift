// Which Ethernet address each target is sent to: the gateway's, or its own where it is on the link.
import Kernel
import NIC
import Plan
import Wire

/// Resolved next hops of one scan. Entry 0 of `addresses` is the gateway's.
struct NextHops {
  let addresses: [MACAddress]
  /// On-link ranges with, for each of their addresses, an index into `addresses`; 0 is unresolved.
  private let links: [Link]
  /// On-link addresses that nobody answered for.
  let unresolved: [IPv4Address]

  private struct Link {
    let range: AddressRange
    let indices: [UInt32]
  }

  /// The gateway, where the plan needs one.
  let gateway: NextHop?

  /// Asks for what the plan needs. Sends ARP requests; needs no privilege.
  ///
  /// - Parameter asking: whatever the kernel remembers of the gateway.
  init(_ plan: TargetPlan, on station: Station, asking: Bool = false) throws(Fault) {
    let interface = station.interface
    if let given = station.settings.gatewayMAC {
      (addresses, links, unresolved, gateway) = ([given], [], [], nil)
      return
    }
    let onLink = AddressSet(
      try station.control.onLinkPrefixes(of: interface).map {
        AddressRange($0.address, prefix: Int($0.prefixLength))
      })
    let near = plan.addresses(within: onLink)
    let far = plan.firstAddress(outside: onLink)
    var addresses = [MACAddress.zero]
    var gateway: NextHop?
    if let far {
      let hop = try station.control.gatewayMAC(
        to: far, via: interface, resolver: station.resolver, permanentNeighboursOnly: asking)
      addresses[0] = hop.mac
      gateway = hop
    }
    var links: [Link] = []
    var unresolved: [IPv4Address] = []
    if !near.isEmpty {
      let found = try Self.resolve(near, on: station)
      unresolved = found.unresolved
      links = near.ranges.map { range in
        Link(
          range: range,
          indices: (range.first...range.last).map { address in
            guard let mac = found.found[IPv4Address(address)] else { return 0 }
            addresses.append(mac)
            return UInt32(addresses.count - 1)
          })
      }
    }
    // Nothing would be sent, and an empty result would look like an answer.
    guard far != nil || UInt64(unresolved.count) < near.count else {
      throw Fault(
        "none of the \(near.count) targets on the link of \(interface.name) answers ARP",
        remedy:
          "Are they on this network and switched on? One Ethernet address for all can be given with -G")
    }
    (self.addresses, self.links, self.unresolved) = (addresses, links, unresolved)
    self.gateway = gateway
  }

  private static func resolve(_ near: AddressSet, on station: Station) throws(Fault)
    -> ResolvedAddresses
  {
    guard near.count <= UInt64(AddressResolver.maximumAddresses) else {
      throw Fault(
        "\(near.count) targets are on the link of \(station.interface.name), too many to resolve one by one",
        remedy:
          "At most \(AddressResolver.maximumAddresses) are; name one Ethernet address for all with -G")
    }
    guard let source = station.interface.addresses.first?.address else {
      throw Fault(
        "\(station.interface.name) has no IPv4 address to send ARP requests from",
        remedy: "Give it one, or name the Ethernet address with -G")
    }
    let asked = near.ranges.flatMap { range in (range.first...range.last).map { IPv4Address($0) } }
    return try station.resolver.resolve(asked, from: source, milliseconds: 500)
  }

  /// Every target lies behind the gateway.
  var isAllRemote: Bool { links.isEmpty }

  /// The entry's next hop, or nil where the address is on the link and unresolved.
  func index(of address: UInt32) -> UInt32? {
    for link in links where address >= link.range.first && address <= link.range.last {
      let index = link.indices[Int(address - link.range.first)]
      return index == 0 ? nil : index
    }
    return 0
  }
}
