// Routes and neighbours through rtnetlink(7).
import Kernel
import Wire

/// The route to one address.
public struct Route: Hashable, Sendable {
  /// nil if the address is on the link.
  public let gateway: IPv4Address?
  /// The index of the interface.
  public let outInterface: Int32
  /// The source address that the kernel would use; nil if it reports none.
  public let preferredSource: IPv4Address?
}

extension NetworkControl {
  /// Returns the route to `address` out of `interface`. Throws a `Fault` if there is none.
  ///
  /// First queries the routing table with `RTM_F_FIB_MATCH`, because a plain query with an interface succeeds ("on the
  /// link") even if there is no route (net/ipv4/route.c, ip_route_output_key_hash_rcu).
  public func route(to address: IPv4Address, via interface: InterfaceState) throws(Fault) -> Route {
    do throws(NetlinkError) {
      _ = try lookUp(address, out: interface.index, flags: RTM_F_FIB_MATCH)
      let attributes = try lookUp(address, out: interface.index, flags: 0).attributes
      return try Route(attributes, default: interface.index)
    } catch {
      throw error.fault(
        "there is no route to \(address) out of \(interface.name)",
        remedy: "Add one: `ip route add default via GATEWAY dev \(interface.name)`, "
          + "or set the gateway's MAC address")
    }
  }

  /// Returns whether `address` is one of this host's, on any interface.
  public func isLocal(_ address: IPv4Address) throws(Fault) -> Bool {
    do throws(NetlinkError) {
      return try lookUp(address, out: nil, flags: 0).type == RTN_LOCAL
    } catch {
      // No route, or a prohibiting one: the address is not local.
      if error.errno != nil { return false }
      throw error.fault("cannot look up the route to \(address)")
    }
  }

  private func lookUp(_ address: IPv4Address, out: Int32?, flags: UInt32) throws(NetlinkError)
    -> (type: UInt8, attributes: NetlinkAttributes)
  {
    // struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type.
    var header: [UInt8] = [AF_INET, 32, 0, 0, 0, 0, 0, 0]
    header.append(native: flags)
    var message = NetlinkMessage(type: RTM_GETROUTE, header: header)
    message.put(RTA_DST, bytes: address.bytes)
    if let out { message.put(RTA_OIF, out) }
    return try route.request(message).route()
  }

  /// Returns the networks that `interface` reaches without a gateway (its routes with link scope), sorted. Each address
  /// is the first of its network.
  public func onLinkPrefixes(of interface: InterfaceState) throws(Fault) -> [InterfaceAddress] {
    do throws(NetlinkError) {
      let message = NetlinkMessage(
        type: RTM_GETROUTE, flags: NLM_F_DUMP, header: [AF_INET] + [UInt8](repeating: 0, count: 11))
      return try route.request(message).onLinkPrefixes(of: interface.index)
    } catch {
      throw error.fault("cannot read the routes of \(interface.name)")
    }
  }

  /// Returns the neighbours whose MAC address the kernel knows: entries in the state reachable, stale, delay, probe or
  /// permanent.
  ///
  /// - Parameter permanentOnly: Whether to return only permanent entries.
  public func neighbours(of interface: InterfaceState, permanentOnly: Bool = false) throws(Fault)
    -> [IPv4Address: MACAddress]
  {
    do throws(NetlinkError) {
      // struct ndmsg: family, pads, index, state, flags, type.
      let message = NetlinkMessage(
        type: RTM_GETNEIGH, flags: NLM_F_DUMP, header: [AF_INET] + [UInt8](repeating: 0, count: 11))
      return try route.request(message).neighbours(of: interface.index, permanentOnly: permanentOnly)
    } catch {
      throw error.fault("cannot read the neighbour table of \(interface.name)")
    }
  }
}
