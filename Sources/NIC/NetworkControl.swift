// Reads and changes the kernel's network configuration: links and addresses through rtnetlink(7).
import Kernel
import Wire

/// Two netlink sockets in the network namespace of the thread that opened them. Reading needs no capability; changing
/// needs CAP_NET_ADMIN.
public struct NetworkControl: ~Copyable {
  let route: NetlinkSocket
  let generic: NetlinkSocket
  /// IDs of the generic netlink families; nil if the kernel does not have them.
  let ethtool: UInt16?
  let netdev: UInt16?

  /// Opens the sockets and looks up the generic netlink families.
  public init() throws(Fault) {
    let route = try Self.open(.route)
    let generic = try Self.open(.generic)
    let ethtool = try Self.family("ethtool", on: generic)
    let netdev = try Self.family("netdev", on: generic)
    self.ethtool = ethtool
    self.netdev = netdev
    self.route = route
    self.generic = generic
  }

  /// The descriptor of rtnetlink, which is used after the drop, too.
  public var routeDescriptor: Int32 { route.number }

  private static func family(_ name: String, on socket: borrowing NetlinkSocket) throws(Fault)
    -> UInt16?
  {
    do throws(NetlinkError) {
      return try socket.family(named: name)
    } catch {
      throw error.fault("cannot look up the netlink family \(name)")
    }
  }

  private static func open(_ family: NetlinkSocket.Family) throws(Fault) -> NetlinkSocket {
    do throws(NetlinkError) {
      return try NetlinkSocket(family)
    } catch {
      throw error.fault("cannot open a netlink socket")
    }
  }

  /// Returns the current state of the link, without its addresses and its driver's settings. Opens no socket, so it
  /// works after the drop. Throws a `Fault` that lists all interfaces if there is none of this name.
  public func link(of name: String) throws(Fault) -> InterfaceState {
    let links = try links()
    guard let link = links.first(where: { $0.name == name }) else {
      let present = links.map(\.name).joined(separator: ", ")
      throw Fault("there is no interface \(name); present: \(present)")
    }
    return link
  }

  /// Returns the current state of the interface. Throws a `Fault` as `link(of:)` does.
  public func state(of name: String) throws(Fault) -> InterfaceState {
    var state = try link(of: name)
    do throws(NetlinkError) {
      state.addresses = try addresses(of: state.index)
      state.rings = try rings(of: state.index)
      state.channels = try channels(of: state.index)
      state.coalescing = try coalescing(of: state.index)
      state.features = try features(of: state.index)
      (state.xdpFeatures, state.xdpZeroCopyMaximumSegments) = try xdpFeatures(of: state.index)
    } catch {
      throw error.fault("cannot read the state of \(name)")
    }
    do throws(Errno) {
      state.driver = try InterfaceDriver.name(of: name)
    } catch {
      throw Fault("cannot read the driver of \(name)", cause: error)
    }
    state.interrupts = Interrupts.of(state)
    state.processors = InterfaceDriver.processors
    return state
  }

  /// Waits up to `milliseconds` until the interface is up with a carrier. Throws a `Fault` if it is not.
  ///
  /// Copper links negotiate for seconds after they are brought up. Also waits for the operational state, up to a second
  /// more, because the kernel drops frames until then.
  public func waitForCarrier(of name: String, milliseconds: Int) throws(Fault) -> InterfaceState {
    let deadline = Int(Clock.monotonic / 1_000_000) + milliseconds
    while true {
      let state = try state(of: name)
      let isOperational = state.operationalState == .up || state.operationalState == .unknown
      if state.isUp, state.hasCarrier, isOperational { return state }
      if !state.isUp || Int(Clock.monotonic / 1_000_000) >= deadline {
        try state.requireCarrier()
        return state
      }
      pause(milliseconds: 50)
    }
  }
}

extension InterfaceState {
  /// Throws a `Fault` unless the interface can send frames.
  public func requireCarrier() throws(Fault) {
    guard isUp else {
      throw Fault("\(name) is down", remedy: "Bring it up: `ip link set \(name) up`")
    }
    guard hasCarrier else {
      throw Fault("\(name) has no carrier", remedy: "Check the cable and the port at its other end")
    }
  }
}

// MARK: - Reading links and addresses

extension NetworkControl {
  /// `struct ifinfomsg`: family, pad, type, index, flags, change.
  static func linkHeader(index: Int32, flags: UInt32 = 0, change: UInt32 = 0) -> [UInt8] {
    var header: [UInt8] = [0, 0, 0, 0]
    header.append(native: index)
    header.append(native: flags)
    header.append(native: change)
    return header
  }

  func links() throws(Fault) -> [InterfaceState] {
    do throws(NetlinkError) {
      let message = NetlinkMessage(
        type: RTM_GETLINK, flags: NLM_F_DUMP, header: Self.linkHeader(index: 0))
      return try route.request(message).links()
    } catch {
      throw error.fault("cannot list the network interfaces")
    }
  }

  public func addresses(of index: Int32) throws(NetlinkError) -> [InterfaceAddress] {
    // struct ifaddrmsg: family, prefix length, flags, scope, index.
    let message = NetlinkMessage(
      type: RTM_GETADDR, flags: NLM_F_DUMP, header: [AF_INET, 0, 0, 0, 0, 0, 0, 0])
    return try route.request(message).addresses(of: index)
  }
}

// MARK: - Changing links and addresses

extension NetworkControl {
  /// Sets or clears `IFF_UP`. `ifi_change` protects the other flags.
  public func setLink(_ index: Int32, up: Bool) throws(NetlinkError) {
    let header = Self.linkHeader(index: index, flags: up ? IFF_UP : 0, change: IFF_UP)
    _ = try route.request(NetlinkMessage(type: RTM_NEWLINK, header: header))
  }

  /// Brings an interface up and, if there is a gateway, sets the default route.
  public func bringUp(_ name: String, gateway: IPv4Address?) throws(Fault) {
    let index = try link(of: name).index
    do throws(NetlinkError) {
      try setLink(index, up: true)
      if let gateway { try setDefaultRoute(via: gateway, out: index) }
    } catch {
      throw error.fault("cannot bring \(name) up")
    }
  }

  /// - Parameter mtu: Bytes.
  public func setMTU(_ index: Int32, to mtu: UInt32) throws(NetlinkError) {
    var message = NetlinkMessage(type: RTM_NEWLINK, header: Self.linkHeader(index: index))
    message.put(IFLA_MTU, mtu)
    _ = try route.request(message)
  }

  /// Renames an interface. Most drivers need the link down. Throws EEXIST if another interface has the name.
  public func rename(_ index: Int32, to name: String) throws(NetlinkError) {
    var message = NetlinkMessage(type: RTM_NEWLINK, header: Self.linkHeader(index: index))
    message.put(IFLA_IFNAME, string: name)
    _ = try route.request(message)
  }

  /// Sets or replaces the default route.
  public func setDefaultRoute(via gateway: IPv4Address, out index: Int32) throws(NetlinkError) {
    var message = NetlinkMessage(
      type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE, header: Self.defaultRoute)
    message.put(RTA_GATEWAY, bytes: gateway.bytes)
    message.put(RTA_OIF, index)
    _ = try route.request(message)
  }

  /// Removes the default route through an interface, if there is one.
  public func removeDefaultRoute(out index: Int32) throws(NetlinkError) {
    var message = NetlinkMessage(type: RTM_DELROUTE, header: Self.defaultRoute)
    message.put(RTA_OIF, index)
    do throws(NetlinkError) {
      _ = try route.request(message)
    } catch {
      guard error.errno == .noSuchProcess else { throw error }
    }
  }

  /// `struct rtmsg`: family, lengths of destination and source, tos, table, protocol, scope, type, flags.
  private static let defaultRoute: [UInt8] = [
    AF_INET, 0, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0, 0, 0, 0,
  ]

  /// Adds an address unless the interface already has it.
  public func ensureAddress(_ address: InterfaceAddress, of index: Int32) throws(NetlinkError) {
    guard try !addresses(of: index).contains(address) else { return }
    try addAddress(address, to: index)
  }

  /// Adds an address. Throws EEXIST if the interface already has it.
  public func addAddress(_ address: InterfaceAddress, to index: Int32) throws(NetlinkError) {
    try changeAddress(address, of: index, type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL)
  }

  /// Removes an address. Throws EADDRNOTAVAIL if the interface does not have it.
  public func removeAddress(_ address: InterfaceAddress, from index: Int32) throws(NetlinkError) {
    try changeAddress(address, of: index, type: RTM_DELADDR, flags: 0)
  }

  private func changeAddress(
    _ address: InterfaceAddress, of index: Int32, type: UInt16, flags: UInt16
  ) throws(NetlinkError) {
    var header: [UInt8] = [AF_INET, address.prefixLength, 0, RT_SCOPE_UNIVERSE]
    header.append(native: index)
    var message = NetlinkMessage(type: type, flags: flags, header: header)
    message.put(IFA_LOCAL, bytes: address.address.bytes)
    message.put(IFA_ADDRESS, bytes: address.address.bytes)
    _ = try route.request(message)
  }
}
