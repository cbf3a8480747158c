// What rtnetlink(7) answers about links, addresses, routes and neighbours. Pure, so that garbage can be fed
// to it without a kernel.
import Kernel
import Wire

extension [NetlinkReply] {
  /// The links among them.
  package func links() throws(NetlinkError) -> [InterfaceState] {
    var links: [InterfaceState] = []
    for reply in self where reply.type == RTM_NEWLINK {
      links.append(try InterfaceState(link: reply))
    }
    return links
  }

  /// An interface's own IPv4 addresses. `struct ifaddrmsg`: family, prefix length, flags, scope, index.
  package func addresses(of index: Int32) throws(NetlinkError) -> [InterfaceAddress] {
    var addresses: [InterfaceAddress] = []
    for reply in self where reply.type == RTM_NEWADDR {
      let attributes = try NetlinkAttributes(reply, after: 8)
      guard reply.payload.native(at: 4, as: Int32.self) == index, reply.payload[0] == 2,
        reply.payload[1] <= 32,
        let address = (attributes[IFA_LOCAL] ?? attributes[IFA_ADDRESS])
          .flatMap({ IPv4Address(bytes: $0.value) })
      else { continue }
      addresses.append(InterfaceAddress(address, prefixLength: reply.payload[1]))
    }
    return addresses
  }

  /// The first route: `rtm_type` of `struct rtmsg`, and its attributes.
  package func route() throws(NetlinkError) -> (type: UInt8, attributes: NetlinkAttributes) {
    guard let reply = first(where: { $0.type == RTM_NEWROUTE }) else {
      throw .malformed("no route in the answer about a route")
    }
    let attributes = try NetlinkAttributes(reply, after: 12)
    return (reply.payload[7], attributes)
  }

  /// The networks of the unicast routes of link scope out of an interface, in order.
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

  /// An interface's neighbours whose MAC address is known. `struct ndmsg`: family, pads, index, state.
  ///
  /// - Parameter permanent: only those that somebody has entered for good.
  package func neighbours(of index: Int32, permanent: Bool = false) throws(NetlinkError)
    -> [IPv4Address: MACAddress]
  {
    let known =
      permanent
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
  /// What a route's attributes say; without `RTA_OIF` it leaves by the interface that was asked about.
  package init(_ attributes: NetlinkAttributes, default interface: Int32) throws(NetlinkError) {
    gateway = attributes[RTA_GATEWAY].flatMap { IPv4Address(bytes: $0.value) }
    outInterface = try attributes.number(RTA_OIF) ?? interface
    preferredSource = attributes[RTA_PREFSRC].flatMap { IPv4Address(bytes: $0.value) }
  }
}

extension InterfaceState {
  /// What an `RTM_NEWLINK` message says.
  init(link reply: NetlinkReply) throws(NetlinkError) {
    let attributes = try NetlinkAttributes(reply, after: 16)
    guard let index = reply.payload.native(at: 4, as: Int32.self),
      let flags = reply.payload.native(at: 8, as: UInt32.self), let name = attributes[IFLA_IFNAME]
    else { throw .malformed("a link without a name") }
    // A tunnel or `lo` may have no Ethernet address.
    let mac = attributes[IFLA_ADDRESS].flatMap { MACAddress(bytes: $0.value) } ?? .zero
    self.init(
      index: index, name: name.string, mac: mac, mtu: try attributes.number(IFLA_MTU) ?? 0)
    let maximum = try attributes.number(IFLA_MAX_MTU, UInt32.self)
    maximumMTU = maximum == 0 ? nil : maximum
    isUp = flags & 1 == 1  // IFF_UP
    hasCarrier = try attributes.number(IFLA_CARRIER, UInt8.self) == 1
    carrierChanges = try attributes.number(IFLA_CARRIER_CHANGES) ?? 0
    operationalState =
      try attributes.number(IFLA_OPERSTATE).flatMap(OperationalState.init(rawValue:)) ?? .unknown
    rxQueues = try attributes.number(IFLA_NUM_RX_QUEUES) ?? 1
    txQueues = try attributes.number(IFLA_NUM_TX_QUEUES) ?? 1
  }
}
