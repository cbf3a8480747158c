// The MAC address that frames to a target are sent to.
import Kernel
import Wire

/// The next hop towards a target.
public struct NextHop: Hashable, Sendable {
  /// How its MAC address is known.
  public enum Origin: String, Sendable {
    case given
    case neighbourTable = "neighbour table"
    case arp = "ARP"
  }

  public let mac: MACAddress
  /// The gateway's address, or the target's own when it is on the link; nil when the MAC was given.
  public let address: IPv4Address?
  public let origin: Origin
}

extension NetworkControl {
  /// The MAC address for frames to `target` out of `interface`: the one given, else the route's gateway
  /// (or the target itself, when it is on the link) in the kernel's neighbour table, else by asking.
  ///
  /// - Parameter asking: the table's word is taken for permanent entries only, since the others may be old.
  ///
  /// Throws a `Fault` that names what is missing: the link, the carrier, the route, the answer. Its cause is
  /// EHOSTUNREACH where there is no route or its gateway is silent.
  public func gatewayMAC(
    explicit: MACAddress? = nil, to target: IPv4Address, via interface: InterfaceState,
    resolver: borrowing AddressResolver, asking: Bool = false
  ) throws(Fault) -> NextHop {
    try interface.requireCarrier()
    if let explicit { return NextHop(mac: explicit, address: nil, origin: .given) }
    let route = try route(to: target, via: interface)
    let hop = route.gateway ?? target
    if let mac = try neighbours(of: interface, permanent: asking)[hop] {
      return NextHop(mac: mac, address: hop, origin: .neighbourTable)
    }
    let own = interface.addresses.first { $0.contains(hop) } ?? interface.addresses.first
    guard let source = route.preferredSource ?? own?.address else {
      throw Fault(
        "\(interface.name) has no IPv4 address to ask \(hop) from",
        remedy: "Give it one: `ip address add ADDRESS/LENGTH dev \(interface.name)`")
    }
    do throws(Fault) {
      return NextHop(mac: try resolver.resolve(hop, from: source), address: hop, origin: .arp)
    } catch {
      // A machine that is off is its own matter; a gateway that is concerns all that lies behind it.
      guard route.gateway != nil, error.cause == nil else { throw error }
      throw Fault("the gateway does not answer", cause: .hostUnreachable, detail: "\(error)")
    }
  }
}
