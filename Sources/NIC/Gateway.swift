// Finds the MAC address of the next hop to a target.
import Kernel
import Wire

/// The next hop to a target.
public struct NextHop: Hashable, Sendable {
  /// The source of the MAC address.
  public enum Origin: String, Sendable {
    case given
    case neighbourTable = "neighbour table"
    case arp = "ARP"
  }

  public let mac: MACAddress
  /// The gateway's address, or the target's own if it is on the link; nil if the MAC address was given.
  public let address: IPv4Address?
  public let origin: Origin
  /// Another MAC address that replied to ARP for the same address.
  public var rival: MACAddress?
}

extension NetworkControl {
  /// Returns the next hop for frames to `target` out of `interface`: the explicit MAC address if there is one; otherwise
  /// that of the route's gateway, or of the target if it is on the link, from the neighbour table or by ARP.
  ///
  /// Throws a `Fault` if the link is down or without carrier, or if there is no route or no reply. Its cause is
  /// EHOSTUNREACH if there is no route or the gateway does not reply.
  ///
  /// - Parameters:
  ///   - permanentNeighboursOnly: Whether to ignore entries of the neighbour table that are not permanent, because they
  ///     may be out of date.
  ///   - pins: MAC addresses that gateways had before. One stands as long as it replies, whoever replies first.
  public func gatewayMAC(
    explicit: MACAddress? = nil, to target: IPv4Address, via interface: InterfaceState,
    resolver: borrowing AddressResolver, permanentNeighboursOnly: Bool = false,
    pins: [IPv4Address: MACAddress] = [:]
  ) throws(Fault) -> NextHop {
    try interface.requireCarrier()
    if let explicit { return NextHop(mac: explicit, address: nil, origin: .given) }
    let route = try route(to: target, via: interface)
    let hop = route.gateway ?? target
    let known = try neighbours(of: interface, permanentOnly: permanentNeighboursOnly)
    if let mac = known[hop] {
      return NextHop(mac: mac, address: hop, origin: .neighbourTable)
    }
    let own = interface.addresses.first { $0.contains(hop) } ?? interface.addresses.first
    guard let source = route.preferredSource ?? own?.address else {
      throw Fault(
        "\(interface.name) has no IPv4 address to send ARP requests from",
        remedy: "Add one: `ip address add ADDRESS/LENGTH dev \(interface.name)`")
    }
    let reply = try resolver.askGateway(hop, from: source, pin: pins[hop])
    // A gateway that replies from another address only has been replaced.
    if let mac = reply.mac ?? reply.rival {
      return NextHop(
        mac: mac, address: hop, origin: .arp, rival: mac == reply.rival ? nil : reply.rival)
    }
    // A silent target concerns only itself; a silent gateway concerns every target behind it.
    let silence = resolver.silence(of: hop)
    guard route.gateway != nil else { throw silence }
    throw Fault("the gateway does not reply", cause: .hostUnreachable, detail: "\(silence)")
  }
}
