// The sockets that listen: handed over by systemd or PID 1, or opened before the drop.
import BoxAPI
import Kernel
import Manage
import ServiceHost

/// Sockets that listen.
struct ListeningSockets {
  private let numbers: [Int32]
  /// For the log.
  let names: [String]
  /// In host byte order, for the certificate.
  let addresses: [UInt32]

  /// - Parameter status: the scanner's, which says which addresses are the scan NIC's.
  init(_ settings: ManageSettings, status: BoxSnapshot?) throws(Fault) {
    let inherited = ServiceEnvironment.sockets
    guard inherited.isEmpty else {
      var numbers: [Int32] = []
      for number in inherited { numbers.append(try Descriptor.inherited(number).release()) }
      self.numbers = numbers
      names = inherited.map { "descriptor \($0)" }
      addresses = []
      return
    }
    let scanning = Set(
      (status?.nic.addresses ?? []).map { $0.split(separator: "/").first.map(String.init) ?? "" })
    var numbers: [Int32] = []
    var names: [String] = []
    var addresses: [UInt32] = []
    for place in settings.listen {
      let address = ListenAddress.tcp(address: try Self.address(place), port: place.port)
      let host = "\(address)".split(separator: ":").first.map(String.init) ?? ""
      guard settings.inBand || !scanning.contains(host) else {
        throw Fault(
          "\(host) is an address of the scan NIC \(status?.station.interface ?? "")",
          remedy: "Listen on another address, or set in-band = true")
      }
      // Linux takes packets for any of its addresses from any interface.
      var interface: String?
      if case .interface(let name) = place.host { interface = name }
      numbers.append(try Descriptor.listening(on: address, interface: interface).release())
      names.append("\(address)")
      if case .tcp(let value, _) = address { addresses.append(value) }
    }
    self.numbers = numbers
    self.names = names
    self.addresses = addresses
  }

  /// Gives up the sockets, which whoever calls this must close.
  func release() -> [Int32] { numbers }

  private static func address(_ place: ListenPlace) throws(Fault) -> UInt32 {
    switch place.host {
    case .address(let value): return value
    case .interface(let name): return try InterfaceIPv4.first(of: name)
    }
  }
}
