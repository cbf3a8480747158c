// Which interface belongs into which network namespace, and real ones that are moved.
import Foundation
import Init
import Kernel
import LabSupport
import NIC
import Testing
import Wire

private func device(_ name: String, _ driver: String, _ last: UInt8) throws -> NetworkDevice {
  NetworkDevice(
    name: name, driver: driver, mac: try #require(MACAddress("52:54:00:00:00:0\(last)")),
    bus: "0000:00:0\(last).0")
}

private func scan(driver: String? = nil, mac: String? = nil) -> InterfaceSettings {
  InterfaceSettings(driver: driver, mac: mac.flatMap { MACAddress($0) }, name: "scan0", addresses: [])
}

@Suite(.timeLimit(.minutes(5))) struct `The scanner's network namespace` {
  @Test func `keeps lo and the scan NIC, whatever else appears`() throws {
    let separation = InterfaceSeparation(
      interfaces: ["eth1", "lo", "scan0", "tunl0"],
      devices: [try device("scan0", "igb", 1), try device("eth1", "virtio_net", 2)],
      scan: scan(driver: "igb"), isFound: true)
    #expect(separation.moves == [.init("eth1"), .init("tunl0")])
  }

  @Test func `does not keep another NIC that [interface] would match`() throws {
    let separation = InterfaceSeparation(
      interfaces: ["eth0", "lo", "scan0"],
      devices: [try device("scan0", "igb", 1), try device("eth0", "igb", 2)],
      scan: scan(driver: "igb"), isFound: true)
    #expect(separation.moves == [.init("eth0")])
  }

  @Test func `keeps what could be the scan NIC until that is found`() throws {
    let devices = [
      try device("eth0", "igb", 1), try device("eth1", "igb", 2), try device("eth2", "e1000e", 3),
    ]
    let both = InterfaceSeparation(
      interfaces: ["eth0", "eth1", "eth2", "lo"], devices: devices, scan: scan(driver: "igb"),
      isFound: false)
    #expect(both.moves == [.init("eth2")])
    let one = InterfaceSeparation(
      interfaces: ["eth0", "eth1", "eth2", "lo"], devices: devices,
      scan: scan(driver: "igb", mac: "52:54:00:00:00:02"), isFound: false)
    #expect(one.moves == [.init("eth0"), .init("eth2")])
  }

  @Test func `gives up the management NIC under its name, if exactly one could be it`() throws {
    var management = ManagementSettings()
    management.driver = "e1000e"
    let devices = [
      try device("scan0", "igb", 1), try device("eth1", "e1000e", 2), try device("eth2", "e1000e", 3),
    ]
    let one = InterfaceSeparation(
      interfaces: ["eth1", "lo", "scan0"], devices: Array(devices.prefix(2)),
      scan: scan(driver: "igb"), isFound: true, management: management)
    #expect(one.moves == [.init("eth1", as: "mgmt0")] && one.problem == nil)
    let two = InterfaceSeparation(
      interfaces: ["eth1", "eth2", "lo", "scan0"], devices: devices, scan: scan(driver: "igb"),
      isFound: true, management: management)
    #expect(two.moves == [.init("eth1"), .init("eth2")])
    #expect(two.problem?.what == "2 NICs match [management] (driver e1000e)")
    // The scan NIC is not both, whatever matches it.
    management.driver = "igb"
    let same = InterfaceSeparation(
      interfaces: ["lo", "scan0"], devices: Array(devices.prefix(1)), scan: scan(driver: "igb"),
      isFound: true, management: management)
    #expect(same.moves.isEmpty && same.problem == nil)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The network namespace of the services` {
  /// Runs `ip COMMAND` in a namespace.
  @discardableResult
  private func ip(_ command: String, in namespace: NetworkNamespace) throws -> String {
    let file = "/proc/\(getpid())/fd/\(namespace.number)"
    return try mustRun(
      ["nsenter", "--net=\(file)", "ip"] + command.split(separator: " ").map(String.init)
    ).output
  }

  /// Makes an interface; the other end of its cable is in a namespace of its own.
  private func plug(_ name: String, mac: String = "02:00:00:00:00:10", in namespace: NetworkNamespace)
    throws -> NetworkNamespace
  {
    let peer = try NetworkNamespace.make()
    try ip(
      "link add \(name) address \(mac) type veth peer name far0 netns /proc/\(getpid())/fd/\(peer.number)",
      in: namespace)
    return peer
  }

  @Test func `takes interfaces, which are down and without addresses there`() throws {
    let box = try NetworkNamespace.make()
    let peers = [
      try plug("eth0", in: box), try plug("eth1", mac: "02:00:00:00:00:11", in: box),
    ]
    defer { withExtendedLifetime(peers) {} }
    try ip("address add 192.0.2.1/24 dev eth1", in: box)
    try ip("link set eth1 up", in: box)
    let services = try box.run { () throws(Fault) in
      let services = try ServicesNetwork()
      guard try services.take("eth1") == "eth1" else { throw Fault("renamed without need") }
      return services
    }
    #expect(try services.interfaces() == ["eth1"])
    #expect(try NetworkControl(in: box).interfaces(besides: "eth0").isEmpty)
    let moved = try NetworkControl(in: services.namespace).link(of: "eth1")
    #expect(moved.mac == MACAddress("02:00:00:00:00:11") && !moved.isUp)
    #expect(try ip("-4 address show dev eth1", in: services.namespace).isEmpty)
  }

  @Test func `gives an interface another name if one has its name already`() throws {
    let box = try NetworkNamespace.make()
    let services = try box.run { () throws(Fault) in try ServicesNetwork() }
    var peers: [NetworkNamespace] = []
    defer { withExtendedLifetime(peers) {} }
    for expected in ["eth1", "nic0", "nic1"] {
      peers.append(try plug("eth1", in: box))
      let name = try box.run { () throws(Fault) in try services.take("eth1") }
      #expect(name == expected)
    }
    #expect(try services.interfaces() == ["eth1", "nic0", "nic1"])
  }

  @Test func `says which interface it cannot take`() throws {
    let box = try NetworkNamespace.make()
    let services = try box.run { () throws(Fault) in try ServicesNetwork() }
    let fault = #expect(throws: Fault.self) {
      try box.run { () throws(Fault) in try services.take("lo") }
    }
    #expect(fault?.what == "cannot move lo to the network namespace of the services", "\(fault as Any)")
  }

  @Test func `is hardened like the machine, by settings of its own`() throws {
    let box = try NetworkNamespace.make()
    let services = try box.run { () throws(Fault) in try ServicesNetwork() }
    #expect(services.settings.faults.isEmpty, "\(services.settings.faults)")
    #expect(services.settings.inForce >= 10)
    // A setting of another namespace is another setting.
    try box.run { () throws(Fault) in
      do throws(Errno) {
        try SmallFile.write("1", to: "/proc/sys/net/ipv4/conf/all/accept_redirects")
      } catch {
        throw Fault("cannot write", cause: error)
      }
    }
    let again = try services.namespace.run { () throws(Fault) in
      (try? SmallFile.read("/proc/sys/net/ipv4/conf/all/accept_redirects", limit: 16)) ?? []
    }
    #expect(again == Array("0\n".utf8))
  }

  @Test func `is out of reach for a process in the scanner's`() throws {
    let box = try NetworkNamespace.make()
    try ip("link add scan0 type veth peer name far0", in: box)
    let peer = try plug("eth1", in: box)
    defer { withExtendedLifetime(peer) {} }
    try ip("link set far0 up", in: peer)
    let services = try box.run { () throws(Fault) in
      let services = try ServicesNetwork()
      _ = try services.take("eth1")
      _ = try services.take("far0")
      return services
    }
    try ip("address add 198.18.0.1/24 dev scan0", in: box)
    try ip("address add 192.0.2.10/24 dev eth1", in: services.namespace)
    for (name, namespace) in [
      ("scan0", box), ("eth1", services.namespace), ("far0", services.namespace),
    ] {
      try ip("link set \(name) up", in: namespace)
    }
    // Linux takes a packet for any of its addresses on every interface, but not for one of another namespace.
    let route = try ip("route get 198.18.0.99", in: box)
    #expect(route.contains("dev scan0"))
    #expect(throws: (any Error).self) { try ip("route get 192.0.2.10", in: box) }
    #expect(throws: (any Error).self) { try ip("route get 198.18.0.1", in: services.namespace) }
    let scanner = try NetworkControl(in: box)
    #expect(throws: Fault.self) { try scanner.link(of: "eth1") }
    #expect(throws: Fault.self) {
      try scanner.requireOwnNamespace(of: "eth9", milliseconds: 1)
    }
    try scanner.requireOwnNamespace(of: "scan0", milliseconds: 1)
  }
}
