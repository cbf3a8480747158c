// Checks that probes can leave and replies can arrive, so that no checkpoint counts probes sent on a dead link.
import Kernel
import NIC
import Wire

/// Watches the link and the gateway during one scan.
package struct LinkMonitor: ~Copyable {
  private let station: Station
  /// The interface's carrier change count when the scan began.
  private let carrierChanges: UInt32
  /// nil if there is no gateway, or if the user gave its Ethernet address.
  private let gateway: NextHop?
  private var misses = 0

  /// ARP requests in a row that the gateway may leave unanswered.
  private static let maxMisses = 3

  package init(_ station: Station, _ gateway: NextHop?) throws(Fault) {
    self.station = station
    self.gateway = gateway?.origin == .arp ? gateway : nil
    carrierChanges = try station.requireLink().carrierChanges
  }

  /// Returns whether link and gateway are as they were when the scan began; false if the gateway has missed a
  /// request and may still reply to the next.
  ///
  /// - Throws: A fault caused by ENETDOWN or EHOSTUNREACH if they changed. Probes sent since the last
  ///   successful check must then be sent again.
  mutating func isIntact() throws(Fault) -> Bool {
    guard try station.requireLink().carrierChanges == carrierChanges else {
      throw Fault("\(station.interface.name) lost its carrier for a moment", cause: .networkDown)
    }
    guard let gateway, let address = gateway.address,
      let own = station.interface.addresses.first(where: { $0.contains(address) })
    else { return true }
    // Replies of others do not count as long as the gateway's own come.
    let reply = try station.askGateway(address, from: own.address, pin: gateway.mac)
    guard reply?.mac == nil else {
      misses = 0
      return true
    }
    misses += 1
    guard misses < Self.maxMisses else {
      let other = reply?.rival
      throw Fault(
        other.map {
          "gateway \(address) changed its Ethernet address from \(gateway.mac) to \($0)"
        } ?? "gateway \(address) no longer replies to ARP", cause: .hostUnreachable)
    }
    return false
  }
}

extension Station {
  /// Asks the gateway by ARP; returns nil if nobody replies within 200 ms. Scans that overlap share a
  /// missing answer for a second, so that a silent gateway does not keep the control thread for each of them.
  func askGateway(
    _ address: IPv4Address, from source: IPv4Address, pin: MACAddress
  ) throws(Fault) -> GatewayReply? {
    let now = Clock.monotonic
    if let last = silentGateway, last.address == address, now < last.time + 900_000_000 { return nil }
    let reply = try resolver.askGateway(address, from: source, pin: pin, tries: 1, milliseconds: 200)
    silentGateway = reply.mac == nil ? (address, now) : nil
    if let rival = reply.rival { noteRival(rival, of: address, pin) }
    return reply
  }

  /// Keeps the Ethernet address of a gateway for later jobs.
  func pin(_ hop: NextHop) {
    guard hop.origin == .arp, let address = hop.address else { return }
    if let before = gatewayPins[address], before != hop.mac { noteRival(before, of: address, hop.mac) }
    if let rival = hop.rival { noteRival(rival, of: address, hop.mac) }
    gatewayPins[address] = hop.mac
  }

  private func noteRival(_ rival: MACAddress, of address: IPv4Address, _ mac: MACAddress) {
    rivalry = (
      "gateway \(address) replies to ARP from two Ethernet addresses, \(mac), which is used, and \(rival): "
        + "if one of them is not the gateway's, find it, or set gateway-mac", Clock.monotonic
    )
  }

  /// That a gateway had two Ethernet addresses within the last minute; nil if none had.
  package var gatewayConflict: String? {
    rivalry.flatMap { Clock.monotonic < $0.time + 60_000_000_000 ? $0.sentence : nil }
  }

  /// Returns the current state of the link.
  ///
  /// - Throws: A fault caused by ENETDOWN if the interface has no carrier.
  @discardableResult
  package func requireLink() throws(Fault) -> InterfaceState {
    let link = try control.link(of: interface.name)
    do throws(Fault) {
      try link.requireCarrier()
    } catch {
      throw Fault(error.what, cause: .networkDown, remedy: error.remedy)
    }
    return link
  }
}
