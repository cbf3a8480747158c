// Where a packet would go, and who is known on the link: rtnetlink's routes and neighbours.
import Kernel
import Wire

/// The way to one address.
public struct Route: Hashable, Sendable {
  /// nil when the address is on the link itself.
  public let gateway: IPv4Address?
  /// The interface's index.
  public let outInterface: Int32
  /// The source address the kernel would take; nil when it names none.
  public let preferredSource: IPv4Address?
}

extension NetworkControl {
  /// The route to `address` out of `interface`.
  ///
  /// The routing table is asked with `RTM_F_FIB_MATCH` first: to a plain question that names the
  /// interface, the kernel answers "on the link" even when it has no route at all
  /// (net/ipv4/route.c, ip_route_output_key_hash_rcu).
  public func route(to address: IPv4Address, via interface: InterfaceState) throws(Fault) -> Route {
    do throws(NetlinkError) {
      _ = try lookUp(address, out: interface.index, flags: RTM_F_FIB_MATCH)
      let attributes = try lookUp(address, out: interface.index, flags: 0).attributes
      return try Route(attributes, default: interface.index)
    } catch {
      throw error.fault(
        "there is no route to \(address) out of \(interface.name)",
        remedy: "Add one: `ip route add default via GATEWAY dev \(interface.name)`, "
          + "or name the gateway's MAC address")
    }
  }

  /// Whether `address` is one of this host's own, on any interface.
  public func isLocal(_ address: IPv4Address) throws(Fault) -> Bool {
    do throws(NetlinkError) {
      return try lookUp(address, out: nil, flags: 0).type == RTN_LOCAL
    } catch {
      // No route to it, or one that forbids it: the address is not ours.
      if error.errno != nil { return false }
      throw error.fault("cannot look up the route to \(address)")
    }
  }

  private func lookUp(_ address: IPv4Address, out: Int32?, flags: UInt32) throws(NetlinkError)
    -> (type: UInt8, attributes: NetlinkAttributes)
  {
    // struct rtmsg: family AF_INET, lengths of destination and source, tos, table, protocol, scope, type.
    var header: [UInt8] = [2, 32, 0, 0, 0, 0, 0, 0]
    header.append(native: flags)
    var message = NetlinkMessage(type: RTM_GETROUTE, header: header)
    message.put(RTA_DST, bytes: address.bytes)
    if let out { message.put(RTA_OIF, out) }
    return try route.request(message).route()
  }

  /// The networks that `interface` reaches without a gateway: its routes of link scope, in order.
  /// The address of each is the network's first.
  public func onLinkPrefixes(of interface: InterfaceState) throws(Fault) -> [InterfaceAddress] {
    do throws(NetlinkError) {
      let message = NetlinkMessage(
        type: RTM_GETROUTE, flags: NLM_F_DUMP, header: [2] + [UInt8](repeating: 0, count: 11))
      return try route.request(message).onLinkPrefixes(of: interface.index)
    } catch {
      throw error.fault("cannot read the routes of \(interface.name)")
    }
  }

  /// The neighbours whose MAC address the kernel knows: reachable, stale, delayed, being probed, or
  /// permanent. Not those that failed or were never answered.
  ///
  /// - Parameter permanent: only those that somebody has entered for good.
  public func neighbours(of interface: InterfaceState, permanent: Bool = false) throws(Fault)
    -> [IPv4Address: MACAddress]
  {
    do throws(NetlinkError) {
      // struct ndmsg: family AF_INET, pads, index, state, flags, type.
      let message = NetlinkMessage(
        type: RTM_GETNEIGH, flags: NLM_F_DUMP, header: [2] + [UInt8](repeating: 0, count: 11))
      return try route.request(message).neighbours(of: interface.index, permanent: permanent)
    } catch {
      throw error.fault("cannot read the neighbour table of \(interface.name)")
    }
  }
}
