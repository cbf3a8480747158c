// Whether probes have really left and replies could come back: a checkpoint must not say so of a dead link.
import Kernel
import NIC
import Wire

/// Watches the link and the gateway of one running scan.
struct LinkWatch: ~Copyable {
  private let station: Station
  private let changes: UInt32
  /// nil where there is none, or where its Ethernet address was given.
  private let gateway: NextHop?
  private var misses = 0

  /// Looks in a row that the gateway may leave unanswered.
  private static let missesMax = 3

  init(_ station: Station, _ gateway: NextHop?) throws(Fault) {
    self.station = station
    self.gateway = gateway?.origin == .arp ? gateway : nil
    changes = try station.requireLink().carrierChanges
  }

  /// True when all is as it was when the scan began; false when that cannot be said yet. Throws a fault whose
  /// cause is ENETDOWN or EHOSTUNREACH when it is not: what was sent meanwhile must be sent again.
  mutating func look() throws(Fault) -> Bool {
    guard try station.requireLink().carrierChanges == changes else {
      throw Fault("the carrier of \(station.interface.name) was lost for a moment", cause: .networkDown)
    }
    guard let gateway, let address = gateway.address,
      let own = station.interface.addresses.first(where: { $0.contains(address) })
    else { return true }
    let answer = try station.resolver.resolve(
      [address], from: own.address, tries: 1, milliseconds: 200)
    guard let mac = answer.found[address] else {
      misses += 1
      guard misses < Self.missesMax else {
        throw Fault("the gateway \(address) does not answer ARP any more", cause: .hostUnreachable)
      }
      return false
    }
    misses = 0
    guard mac == gateway.mac else {
      throw Fault(
        "the gateway \(address) has changed from \(gateway.mac) to \(mac)", cause: .hostUnreachable)
    }
    return true
  }
}

extension Station {
  /// The link as it is now. Throws a fault whose cause is ENETDOWN unless frames can leave.
  @discardableResult
  func requireLink() throws(Fault) -> InterfaceState {
    let link = try control.link(of: interface.name)
    do throws(Fault) {
      try link.requireCarrier()
    } catch {
      throw Fault(error.what, cause: .networkDown, remedy: error.remedy)
    }
    return link
  }
}
