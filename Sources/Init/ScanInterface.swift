// Finding, renaming and addressing the NIC that the box scans with.
import Kernel
import NIC
import Wire

/// A network interface of a hardware device, as in sysfs.
public struct NetworkDevice: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  public let driver: String
  public let mac: MACAddress
  /// The PCI address of the device or of the device that contains it; nil if there is none.
  public let bus: String?

  package init(name: String, driver: String, mac: MACAddress, bus: String?) {
    self.name = name
    self.driver = driver
    self.mac = mac
    self.bus = bus
  }

  /// Returns all of them, by name. Interfaces without a device (`lo`, tunnels) are not included.
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

extension NICSelection {
  /// Whether a device could be the NIC.
  func matches(_ device: NetworkDevice) -> Bool {
    (driver.map { ModuleIndex.name(of: $0) == ModuleIndex.name(of: device.driver) } ?? true)
      && (mac.map { $0 == device.mac } ?? true) && (bus.map { $0 == device.bus } ?? true)
  }

  /// Returns the device that matches. Throws a `Fault` that lists all devices unless exactly one does.
  public func choose(among devices: [NetworkDevice]) throws(Fault) -> NetworkDevice {
    let found = devices.filter(matches)
    let list = devices.isEmpty ? "no NIC" : devices.map(\.description).joined(separator: ", ")
    guard let one = found.first else {
      throw Fault(missing.what, detail: "present: \(list)")
    }
    guard found.count == 1 else {
      throw Fault(
        "\(found.count) NICs match [\(Self.section)] (\(criteria))", detail: "present: \(list)",
        remedy: "Add mac or bus to [\(Self.section)] in box.toml")
    }
    return one
  }

  /// That there is no such NIC.
  public var missing: Fault { Fault("no NIC matches [\(Self.section)] (\(criteria))") }

  private var criteria: String {
    [driver.map { "driver \($0)" }, mac.map { "MAC \($0)" }, bus.map { "PCI \($0)" }]
      .compactMap(\.self).joined(separator: ", ")
  }
}

extension InterfaceSettings {
  /// Finds the NIC, renames it, disables IPv6 on it and adds its addresses. Does not repeat what is already done.
  ///
  /// Leaves the link down, because every change while it is up costs a renegotiation. IPv6 is disabled so that the box
  /// cannot be reached by it.
  public func prepare(sysfs: String = "/sys") throws(Fault) -> NetworkDevice {
    let device = try choose(among: NetworkDevice.all(sysfs: sysfs))
    let control = try NetworkControl()
    let index = try control.link(of: device.name).index
    do throws(NetlinkError) {
      if device.name != name {
        // Most drivers cannot be renamed while they are up.
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

  /// Brings the NIC up and adds the default route.
  public func bringUp() throws(Fault) { try NetworkControl().bringUp(name, gateway: gateway) }
}
