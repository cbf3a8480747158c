// Parses replies of rtnetlink(7) about links, addresses, routes and neighbours. Pure, so that fuzzing needs no kernel.
import Kernel
import Wire

extension [NetlinkReply] {
  /// Returns the links.
  package func links() throws(NetlinkError) -> [InterfaceState] {
    var links: [InterfaceState] = []
    for reply in self where reply.type == RTM_NEWLINK {
      links.append(try InterfaceState(link: reply))
    }
    return links
  }

  /// Returns the IPv4 addresses of an interface. `struct ifaddrmsg`: family, prefix length, flags, scope, index.
  package func addresses(of index: Int32) throws(NetlinkError) -> [InterfaceAddress] {
    var addresses: [InterfaceAddress] = []
    for reply in self where reply.type == RTM_NEWADDR {
      let attributes = try NetlinkAttributes(reply, after: 8)
      guard reply.payload.native(at: 4, as: Int32.self) == index, reply.payload[0] == AF_INET,
        reply.payload[1] <= 32,
        let address = (attributes[IFA_LOCAL] ?? attributes[IFA_ADDRESS])
          .flatMap({ IPv4Address(bytes: $0.value) })
      else { continue }
      addresses.append(InterfaceAddress(address, prefixLength: reply.payload[1]))
    }
    return addresses
  }

  /// Returns `rtm_type` and the attributes of the first route.
  package func route() throws(NetlinkError) -> (type: UInt8, attributes: NetlinkAttributes) {
    guard let reply = first(where: { $0.type == RTM_NEWROUTE }) else {
      throw .malformed("no route in the reply to RTM_GETROUTE")
    }
    let attributes = try NetlinkAttributes(reply, after: 12)
    return (reply.payload[7], attributes)
  }

  /// Returns the networks of an interface's unicast routes with link scope, sorted.
  package func onLinkPrefixes(of index: Int32) throws(NetlinkError) -> [InterfaceAddress] {
    var prefixes: Set<InterfaceAddress> = []
    for reply in self where reply.type == RTM_NEWROUTE {
      let attributes = try NetlinkAttributes(reply, after: 12)
      guard reply.payload[6] == RT_SCOPE_LINK, reply.payload[7] == RTN_UNICAST,
        reply.payload[1] <= 32, attributes[RTA_GATEWAY] == nil,
        try attributes.number(RTA_OIF) == index
      else { continue }
      // A route to 0.0.0.0/0 has no RTA_DST.
      let network = attributes[RTA_DST].flatMap { IPv4Address(bytes: $0.value) } ?? IPv4Address(0)
      prefixes.insert(InterfaceAddress(network, prefixLength: reply.payload[1]))
    }
    return prefixes.sorted()
  }

  /// Returns the neighbours of an interface whose MAC address is known. `struct ndmsg`: family, pads, index, state.
  ///
  /// - Parameter permanentOnly: Whether to return only permanent entries.
  package func neighbours(of index: Int32, permanentOnly: Bool = false) throws(NetlinkError)
    -> [IPv4Address: MACAddress]
  {
    let known =
      permanentOnly
      ? NUD_PERMANENT : NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT
    var neighbours: [IPv4Address: MACAddress] = [:]
    for reply in self where reply.type == RTM_NEWNEIGH {
      let attributes = try NetlinkAttributes(reply, after: 12)
      guard reply.payload.native(at: 4, as: Int32.self) == index,
        let state = reply.payload.native(at: 8, as: UInt16.self), state & known != 0,
        let address = attributes[NDA_DST].flatMap({ IPv4Address(bytes: $0.value) }),
        let mac = attributes[NDA_LLADDR].flatMap({ MACAddress(bytes: $0.value) }), !mac.isGroup
      else { continue }
      neighbours[address] = mac
    }
    return neighbours
  }
}

extension Route {
  /// Parses the attributes of a route. Without `RTA_OIF`, it uses `interface`.
  package init(_ attributes: NetlinkAttributes, default interface: Int32) throws(NetlinkError) {
    gateway = attributes[RTA_GATEWAY].flatMap { IPv4Address(bytes: $0.value) }
    outInterface = try attributes.number(RTA_OIF) ?? interface
    preferredSource = attributes[RTA_PREFSRC].flatMap { IPv4Address(bytes: $0.value) }
  }
}

extension InterfaceState {
  /// Parses an `RTM_NEWLINK` message.
  init(link reply: NetlinkReply) throws(NetlinkError) {
    let attributes = try NetlinkAttributes(reply, after: 16)
    guard let index = reply.payload.native(at: 4, as: Int32.self),
      let flags = reply.payload.native(at: 8, as: UInt32.self), let name = attributes[IFLA_IFNAME]
    else { throw .malformed("a link without a name") }
    // `lo` and tunnels may have no Ethernet address.
    let mac = attributes[IFLA_ADDRESS].flatMap { MACAddress(bytes: $0.value) } ?? .zero
    self.init(
      index: index, name: name.string, mac: mac, mtu: try attributes.number(IFLA_MTU) ?? 0)
    let maximum = try attributes.number(IFLA_MAX_MTU, UInt32.self)
    maximumMTU = maximum == 0 ? nil : maximum
    isUp = flags & IFF_UP != 0
    hasCarrier = try attributes.number(IFLA_CARRIER, UInt8.self) == 1
    carrierChanges = try attributes.number(IFLA_CARRIER_CHANGES) ?? 0
    operationalState =
      try attributes.number(IFLA_OPERSTATE).flatMap(OperationalState.init(rawValue:)) ?? .unknown
    rxQueues = try attributes.number(IFLA_NUM_RX_QUEUES) ?? 1
    txQueues = try attributes.number(IFLA_NUM_TX_QUEUES) ?? 1
  }
}
