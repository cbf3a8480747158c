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
}

extension NetworkControl {
  /// Returns the next hop for frames to `target` out of `interface`: the explicit MAC address if there is one; otherwise
  /// that of the route's gateway, or of the target if it is on the link, from the neighbour table or by ARP.
  ///
  /// Throws a `Fault` if the link is down or without carrier, or if there is no route or no reply. Its cause is
  /// EHOSTUNREACH if there is no route or the gateway does not reply.
  ///
  /// - Parameter permanentNeighboursOnly: Whether to ignore entries of the neighbour table that are not permanent,
  ///   because they may be out of date.
  public func gatewayMAC(
    explicit: MACAddress? = nil, to target: IPv4Address, via interface: InterfaceState,
    resolver: borrowing AddressResolver, permanentNeighboursOnly: Bool = false
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
    do throws(Fault) {
      return NextHop(mac: try resolver.resolve(hop, from: source), address: hop, origin: .arp)
    } catch {
      // A silent target concerns only itself; a silent gateway concerns every target behind it.
      guard route.gateway != nil, error.cause == nil else { throw error }
      throw Fault("the gateway does not reply", cause: .hostUnreachable, detail: "\(error)")
    }
  }
}
