// The network namespaces, and the management NIC in that of the services.
import BoxAPI
import Init
import Kernel
import NIC

extension Boot {
  /// Moves every interface that is not the scan NIC out of the scanner's network namespace. Costs one look at a directory
  /// of sysfs if there is none.
  func separateInterfaces() {
    guard let settings else { return }
    let directory = "/sys/class/net"
    // Links to devices; `bonding_masters` is a file.
    let present = ((try? SmallFile.names(in: directory)) ?? []).filter {
      Files.kind(of: "\(directory)/\($0)") == .other
    }
    guard present.contains(where: { $0 != "lo" && $0 != settings.interface.name }) else {
      return setProblem(.namespace, nil)
    }
    let devices = NetworkDevice.all()
    let separation = InterfaceSeparation(
      interfaces: present, devices: devices, scan: settings.interface, isFound: device != nil,
      management: hasManagementNIC ? nil : settings.management)
    if let problem = separation.problem { management.ambiguity = "\(problem)" }
    var problem: String?
    for move in separation.moves {
      keepAlive()
      let name = move.interface
      let what = devices.first { $0.name == name }.map(\.description) ?? "\(name) (no hardware)"
      do throws(Fault) {
        let newName = try networkOfServices().take(name, as: move.newName)
        console.say(
          "\(what) is in the network namespace of the services"
            + (newName == name ? "" : ", as \(newName)"))
      } catch {
        problem = "\(error)"
      }
    }
    setProblem(.namespace, problem)
  }

  private var hasManagementNIC: Bool {
    guard settings?.management != nil, let servicesNetwork else { return false }
    return (try? servicesNetwork.link(of: ManagementSettings.name)) ?? nil != nil
  }

  /// Brings up the management NIC when it is there, and gives it the configuration that it is to have.
  func manage(_ now: UInt64) {
    guard let settings = settings?.management else { return }
    do throws(Fault) {
      guard let network = servicesNetwork, let link = try network.link(of: ManagementSettings.name)
      else {
        management.index = nil
        // Its driver may not be loaded yet.
        return setProblem(
          .management, hasAllModules ? management.ambiguity ?? "\(settings.missing)" : nil)
      }
      // It may have gone and come back.
      if management.index != link.index { try bringUp(settings, in: network, link.index, now) }
      try configureManagement(in: network)
      management.note(hasCarrier: link.hasCarrier, now)
      setProblem(.management, management.problem(now))
    } catch {
      setProblem(.management, "\(error)")
    }
  }

  private func bringUp(
    _ settings: ManagementSettings, in network: ServicesNetwork, _ index: Int32, _ now: UInt64
  ) throws(Fault) {
    let name = ManagementSettings.name
    _ = report(try network.bringUp(name))
    management.index = index
    management.lastCarrier = now
    management.lastAddress = now
    if let fixed = settings.fixed {
      management.wanted = fixed
      management.origin = "fixed"
    } else {
      management.origin = "by DHCP"
      console.say("\(name) asks for an address by DHCP")
    }
  }

  /// Gives the management NIC the configuration of a report.
  func apply(_ report: NetworkReport) {
    guard let servicesNetwork, management.isUp else { return }
    management.wanted = if case .configured(let given) = report { given } else { nil }
    do throws(Fault) {
      try configureManagement(in: servicesNetwork)
    } catch {
      // Tried again with the next look at the interface.
      setProblem(.management, "\(error)")
    }
  }

  private func configureManagement(in network: ServicesNetwork) throws(Fault) {
    let (name, wanted) = (ManagementSettings.name, management.wanted)
    guard wanted != management.configuration else { return }
    try network.configure(name, wanted)
    let servers = (wanted?.nameServers ?? []).map { "nameserver \($0)\n" }.joined()
    try Files.replace(Self.nameServers, with: Array(servers.utf8), durable: false)
    management.configuration = wanted
    console.say("\(name): \(wanted.map { "\($0), \(management.origin)" } ?? "no address")")
  }

  /// For the services (resolv.conf(5)); the scanner resolves no names.
  private static let nameServers = "/etc/resolv.conf"
}

/// What PID 1 knows of the management NIC.
struct ManagementNIC {
  /// The kernel's number for the interface that was brought up; nil if there is none.
  var index: Int32? {
    didSet {
      guard index != oldValue else { return }
      configuration = nil
      wanted = nil
    }
  }
  /// The configuration in force, and the one that it is to have.
  var configuration: NetworkConfiguration?
  var wanted: NetworkConfiguration?
  /// Where that comes from, for the console.
  var origin = ""
  /// When it had a carrier, and an address, in nanoseconds; at first, when it was brought up.
  var lastCarrier: UInt64 = 0
  var lastAddress: UInt64 = 0
  /// Why none of several became it.
  var ambiguity: String?

  var isUp: Bool { index != nil }

  /// Links negotiate for seconds, and a client asks four times in a minute.
  private static let carrierPatience: UInt64 = 5_000_000_000
  private static let addressPatience: UInt64 = 60_000_000_000

  mutating func note(hasCarrier: Bool, _ now: UInt64) {
    if hasCarrier { lastCarrier = now }
    if configuration != nil { lastAddress = now }
  }

  func problem(_ now: UInt64) -> String? {
    if now - min(now, lastCarrier) > Self.carrierPatience {
      return
        "\(ManagementSettings.name) has no carrier; check the cable and the port at its other end"
    }
    guard now - min(now, lastAddress) > Self.addressPatience else { return nil }
    return
      "\(ManagementSettings.name) has no address, because no DHCP server offers one; check the server,"
      + " or set a fixed address in box.toml"
  }
}
