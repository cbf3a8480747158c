// The scan NIC: found among the others, named, and given its addresses.
import Kernel
import NIC
import Wire

/// A network interface that belongs to a device, as sysfs shows it.
public struct NetworkDevice: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  public let driver: String
  public let mac: MACAddress
  /// The PCI address of the device, or of the one that it is a part of; nil where there is none.
  public let bus: String?

  /// All there are, by name. An interface without a device (`lo`, a tunnel) is none.
  public static func all(sysfs: String = "/sys") -> [Self] {
    let directory = "\(sysfs)/class/net"
    return ((try? SmallFile.names(in: directory)) ?? []).compactMap { name in
      let entry = "\(directory)/\(name)"
      let address = (try? SmallFile.read("\(entry)/address", limit: 64)) ?? []
      guard let device = Files.resolved("\(entry)/device"),
        let driver = Files.resolved("\(entry)/device/driver")?.split(separator: "/").last,
        let mac = MACAddress(
          String(decoding: address.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
      else { return nil }
      let bus = device.split(separator: "/").last { PCIAddress.checked(String($0)) != nil }
      return NetworkDevice(name: name, driver: String(driver), mac: mac, bus: bus.map(String.init))
    }
  }

  public var description: String { "\(name) (\(driver), \(mac), \(bus ?? "no PCI address"))" }
}

extension InterfaceSettings {
  /// The one device that is meant. A `Fault` where none is, or several are; it names what there is.
  public func choose(among devices: [NetworkDevice]) throws(Fault) -> NetworkDevice {
    let found = devices.filter { device in
      (driver.map { ModuleIndex.name(of: $0) == ModuleIndex.name(of: device.driver) } ?? true)
        && (mac.map { $0 == device.mac } ?? true) && (bus.map { $0 == device.bus } ?? true)
    }
    let list = devices.isEmpty ? "no NIC at all" : devices.map(\.description).joined(separator: ", ")
    guard let one = found.first else {
      throw Fault("the scan NIC (\(sought)) is missing", detail: "there is \(list)")
    }
    guard found.count == 1 else {
      throw Fault(
        "the scan NIC (\(sought)) is one of several", detail: "there is \(list)",
        remedy: "Name it in box.toml by its mac or bus too")
    }
    return one
  }

  private var sought: String {
    [driver.map { "driver \($0)" }, mac.map { "MAC \($0)" }, bus.map { "PCI \($0)" }]
      .compactMap(\.self).joined(separator: ", ")
  }

  /// Finds the NIC, names it, and gives it its addresses; what is done already stays. It is not brought up, for
  /// while it is down changes cost no negotiation of the link. It has an IPv4 stack alone: nothing of the box is to be
  /// reached by IPv6.
  public func prepare(sysfs: String = "/sys") throws(Fault) -> NetworkDevice {
    let device = try choose(among: NetworkDevice.all(sysfs: sysfs))
    let control = try NetworkControl()
    let index = try control.link(of: device.name).index
    do throws(NetlinkError) {
      if device.name != name {
        // Few drivers can be renamed while they are up.
        try control.setLink(index, up: false)
        try control.rename(index, to: name)
      }
      // A kernel without IPv6 has no such file.
      try? SmallFile.write("1", to: "/proc/sys/net/ipv6/conf/\(name)/disable_ipv6")
      for address in addresses { try control.ensureAddress(address, of: index) }
    } catch {
      throw error.fault("cannot configure \(device) as \(name)")
    }
    return device
  }

  /// Brings it up, with its route.
  public func bringUp() throws(Fault) { try NetworkControl().bringUp(name, gateway: gateway) }
}
