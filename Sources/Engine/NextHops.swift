// The Ethernet address that each target's probes are sent to: the gateway's, or the target's own if it is on-link.
import Kernel
import NIC
import Plan
import Wire

/// The resolved next hops of one scan.
package struct NextHops: Sendable {
  /// Entry 0 is the gateway's.
  let addresses: [MACAddress]
  private var links: [Link]
  /// On-link addresses that did not reply to ARP.
  package let unresolved: [IPv4Address]

  /// An on-link range.
  private struct Link: Sendable {
    let range: AddressRange
    /// For each address of the range, an index into `addresses`; 0 is unresolved.
    let indices: [UInt32]
  }

  /// nil if the plan needs no gateway.
  package let gateway: NextHop?

  /// Sends everything to one address.
  init(through address: MACAddress) {
    (addresses, links, unresolved, gateway) = ([address], [], [], nil)
  }

  /// Resolves the next hops that the plan needs. Sends ARP requests; needs no privilege.
  ///
  /// - Parameter denied: Addresses of targets that are not probed, and so not asked either.
  /// - Parameter asking: Whether to resolve the gateway by ARP even if the kernel's neighbour table has an
  ///   entry that may be stale.
  /// - Throws: A fault if the gateway, or every target of a plan without one, does not reply.
  package init(
    _ plan: TargetPlan, without denied: AddressSet = AddressSet(), on station: Station,
    asking: Bool = false
  ) throws(Fault) {
    let interface = station.interface
    if let given = station.settings.gatewayMAC {
      (addresses, links, unresolved, gateway) = ([given], [], [], nil)
      return
    }
    let onLink = AddressSet(
      try station.control.onLinkPrefixes(of: interface).map {
        AddressRange($0.address, prefix: Int($0.prefixLength))
      })
    let near = plan.addresses(within: onLink).subtracting(denied)
    let far = plan.firstAddress(outside: onLink.union(denied))
    var addresses = [MACAddress.zero]
    var gateway: NextHop?
    if let far {
      let hop = try station.control.gatewayMAC(
        to: far, via: interface, resolver: station.resolver, permanentNeighboursOnly: asking,
        pins: station.gatewayPins)
      station.pin(hop)
      addresses[0] = hop.mac
      gateway = hop
    }
    var links: [Link] = []
    var unresolved: [IPv4Address] = []
    if !near.isEmpty {
      let resolved = try Self.resolve(near, on: station)
      unresolved = resolved.unresolved
      links = near.ranges.map { range in
        Link(
          range: range,
          indices: (range.first...range.last).map { address in
            guard let mac = resolved.found[IPv4Address(address)] else { return 0 }
            addresses.append(mac)
            return UInt32(addresses.count - 1)
          })
      }
    }
    // A scan that sends nothing would end with an empty result, which reads as "no port is open".
    // Where everything is denied, it is meant to be.
    guard far != nil || near.isEmpty || UInt64(unresolved.count) < near.count else {
      throw Fault(
        "none of the \(near.count) on-link targets of \(interface.name) replies to ARP",
        remedy:
          "Check that they are up and on this network, or give one Ethernet address for all with -G")
    }
    (self.addresses, self.links, self.unresolved) = (addresses, links, unresolved)
    self.gateway = gateway
  }

  private static func resolve(_ near: AddressSet, on station: Station) throws(Fault)
    -> ResolvedAddresses
  {
    guard near.count <= UInt64(AddressResolver.maximumAddresses) else {
      throw Fault(
        "\(near.count) targets are on-link at \(station.interface.name), "
          + "more than the \(AddressResolver.maximumAddresses) that ARP can resolve",
        remedy: "Give one Ethernet address for all with -G")
    }
    guard let source = station.interface.addresses.first?.address else {
      throw Fault(
        "\(station.interface.name) has no IPv4 address to send ARP requests from",
        remedy: "Assign one, or give the targets' Ethernet address with -G")
    }
    let addresses = near.ranges.flatMap { range in
      (range.first...range.last).map { IPv4Address($0) }
    }
    return try station.resolver.resolve(addresses, from: source, milliseconds: 500)
  }

  /// Returns the same next hops, numbered as in `table`. 0 stays the gateway's.
  func renumbered(in table: NextHopTable) -> NextHops {
    var copy = self
    copy.links = links.map { link in
      Link(
        range: link.range,
        indices: link.indices.map { $0 == 0 ? 0 : table.index(of: addresses[Int($0)]) })
    }
    return copy
  }

  /// Whether every target is behind the gateway.
  var isAllRemote: Bool { links.isEmpty }

  /// Returns the index of an address's next hop in `addresses`; nil if the address is on-link and unresolved.
  func index(of address: UInt32) -> UInt32? {
    for link in links where address >= link.range.first && address <= link.range.last {
      let index = link.indices[Int(address - link.range.first)]
      return index == 0 ? nil : index
    }
    return 0
  }
}
