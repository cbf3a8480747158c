// The DHCP client as PID 1 runs it, with a real server at the other end of the cable.
import Foundation
import Init
import Kernel
import LabSupport
import NIC
import Supervision
import Testing
import Wire

/// A network namespace for services with `mgmt0` in it, and dnsmasq at its other end.
private final class ManagementLab {
  let network: ServicesNetwork
  private let outside: NetworkNamespace
  private let serverSide: NetworkNamespace
  private let root: URL
  private var server: Running?
  private(set) var serverLog = ""
  let services: Services
  private(set) var lines: [String] = []
  private(set) var reports: [NetworkReport] = []

  /// - Parameter kept: what the client finds on the disk.
  init(kept: String? = nil) throws {
    outside = try NetworkNamespace.make()
    let serverSide = try NetworkNamespace.make()
    self.serverSide = serverSide
    root = URL(fileURLWithPath: try Lab.boxDirectory())
    if let kept {
      try FileManager.default.createDirectory(
        at: root.appending(path: "network"), withIntermediateDirectories: false)
      try Data(kept.utf8).write(to: root.appending(path: "network/address"))
    }
    let fileOfServer = "/proc/\(getpid())/fd/\(serverSide.number)"
    try mustRun([
      "nsenter", "--net=/proc/\(getpid())/fd/\(outside.number)", "ip", "link", "add", "eth1", "type",
      "veth", "peer", "name", "srv0", "netns", fileOfServer,
    ])
    let network = try outside.run { () throws(Fault) in
      let network = try ServicesNetwork()
      _ = try network.take("eth1", as: ManagementSettings.name)
      return network
    }
    self.network = network
    _ = try network.bringUp(ManagementSettings.name)
    var client = ServiceSpecification.dhcpClient(
      program: Lab.synbox, hostName: "box-1", state: root.appending(path: "state").path,
      keep: root.appending(path: "network").path)
    client.timing.startTimeout = 60_000_000_000
    services = Services(
      [client], helper: [], reapsOrphans: false, now: Clock.monotonic,
      servicesNetwork: { () throws(Fault) in network.namespace })
    try beside(["ip", "address", "add", "192.0.2.1/24", "dev", "srv0"])
    try beside(["ip", "link", "set", "srv0", "up"])
    try beside(["ip", "link", "set", "lo", "up"])
  }

  /// Runs a program at the server's end.
  @discardableResult
  func beside(_ arguments: [String]) throws -> String {
    try mustRun(["nsenter", "--net=/proc/\(getpid())/fd/\(serverSide.number)"] + arguments).output
  }

  /// Runs a program in the namespace of the services.
  @discardableResult
  func inside(_ arguments: [String]) throws -> String {
    try mustRun(["nsenter", "--net=/proc/\(getpid())/fd/\(network.namespace.number)"] + arguments)
      .output
  }

  private var leaseFile: String { root.appending(path: "dnsmasq.leases").path }
  var leases: String { (try? String(contentsOfFile: leaseFile, encoding: .utf8)) ?? "" }
  /// What the next boot finds.
  var kept: String? {
    try? String(contentsOf: root.appending(path: "network/address"), encoding: .utf8)
  }
  var log: String { serverLog + (server?.errorText ?? "") }

  func startServer(range: String = "192.0.2.50,192.0.2.60") throws {
    server = try Running([
      "nsenter", "--net=/proc/\(getpid())/fd/\(serverSide.number)", "dnsmasq", "--keep-in-foreground",
      "--log-facility=-", "--conf-file=/dev/null", "--port=0", "--interface=srv0", "--bind-interfaces",
      "--dhcp-range=\(range),255.255.255.0,2m", "--dhcp-option=option:router,192.0.2.1",
      "--dhcp-option=option:dns-server,192.0.2.53,192.0.2.54", "--dhcp-authoritative", "--log-dhcp",
      "--no-resolv", "--no-hosts", "--no-ping", "--user=root", "--pid-file=",
      "--dhcp-leasefile=\(leaseFile)",
    ])
    try run(until: "the server") { log.contains("DHCP, IP range") }
  }

  func stopServer() throws {
    server?.signal(SIGTERM)
    serverLog += try server?.wait().errors ?? ""
    server = nil
  }

  func run(until what: String, seconds: Double = 30, _ condition: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: seconds * patience)
    while try !condition() {
      guard Date() < deadline else { throw LabError("no \(what): \(lines)\n\(log)") }
      for report in services.run(at: Clock.monotonic) {
        guard case .record(_, let bytes) = report else {
          lines.append("\(report)")
          continue
        }
        // As PID 1 does.
        let record = try #require(NetworkReport(bytes))
        reports.append(record)
        if case .configured(let configuration) = record {
          try network.configure(ManagementSettings.name, configuration)
        } else {
          try network.configure(ManagementSettings.name, nil)
        }
      }
      waitForAny(services.descriptors(at: Clock.monotonic), milliseconds: 20)
    }
  }

  var configuration: NetworkConfiguration? {
    if case .configured(let configuration)? = reports.last { configuration } else { nil }
  }

  func end() throws {
    services.stop(at: Clock.monotonic)
    try run(until: "end of the client") { services.hasStopped }
    try stopServer()
    try? FileManager.default.removeItem(at: root)
  }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct `The DHCP client of a box` {
  @Test func `gets an address, a route and name servers, without privileges`() throws {
    let lab = try ManagementLab()
    try lab.startServer()
    try lab.run(until: "a configuration") { lab.configuration != nil && !lab.lines.isEmpty }
    let configuration = try #require(lab.configuration)
    let leased = (50...60).map { "192.0.2.\($0)/24" }
    #expect(leased.contains(configuration.address.description), "\(configuration)")
    #expect(configuration.gateway?.description == "192.0.2.1")
    #expect(configuration.nameServers.map(\.description) == ["192.0.2.53", "192.0.2.54"])
    #expect(lab.leases.contains(" box-1 "), "\(lab.leases)")
    #expect(
      lab.lines.contains { $0.contains("uid 60902, CapEff 0000000000000000, Seccomp 2") },
      "\(lab.lines)")
    let routes = try lab.inside(["ip", "route"])
    #expect(routes.contains("default via 192.0.2.1 dev mgmt0"), "\(routes)")
    let pinged = try lab.beside(["ping", "-c", "1", "-W", "5", "\(configuration.address.address)"])
    #expect(pinged.contains("1 received"), "\(pinged)")
    try lab.end()
    #expect(!lab.lines.contains { $0.contains("unconfined") || $0.contains("killed(") }, "\(lab.lines)")
  }

  @Test func `asks for the same address after a restart, and renews its lease`() throws {
    let lab = try ManagementLab()
    try lab.startServer()
    try lab.run(until: "a configuration") { lab.configuration != nil }
    let first = try #require(lab.configuration)
    lab.services.send(.kill, to: 0)
    try lab.run(until: "another process that is configured") { lab.reports.count >= 3 }
    #expect(lab.configuration == first)
    // Once, by the first process.
    #expect(lab.log.ranges(of: "DHCPDISCOVER(").count == 1, "\(lab.log)")
    let acknowledged = lab.log.ranges(of: "DHCPACK(").count
    // Half of two minutes.
    try lab.run(until: "a renewal", seconds: 75) {
      lab.log.ranges(of: "DHCPACK(").count > acknowledged
    }
    try lab.run(until: "its report") { lab.reports.count >= 4 }
    #expect(lab.configuration == first)
    try lab.end()
  }

  @Test(arguments: [("192.0.2.177\n", true), ("192.0.2.300", false), ("", false)])
  func `asks for the address that it had before the box restarted`(_ kept: String, _ isUsed: Bool)
    throws
  {
    let lab = try ManagementLab(kept: kept)
    try lab.startServer(range: "192.0.2.50,192.0.2.250")
    try lab.run(until: "a configuration") { lab.configuration != nil }
    let address = try #require(lab.configuration).address.address
    if isUsed { #expect("\(address)\n" == kept) }
    try lab.run(until: "the address on the disk") { lab.kept == "\(address)\n" }
    try lab.end()
  }

  @Test func `gives up an address that the server refuses, and gets another`() throws {
    let lab = try ManagementLab()
    try lab.startServer()
    try lab.run(until: "a configuration") { lab.configuration != nil }
    try lab.stopServer()
    try lab.startServer(range: "192.0.2.150,192.0.2.160")
    lab.services.send(.kill, to: 0)
    try lab.run(until: "another address", seconds: 40) {
      lab.configuration?.address.description.hasPrefix("192.0.2.1") == true
    }
    #expect(lab.reports.contains(.unconfigured) && lab.log.contains("DHCPNAK("), "\(lab.log)")
    let addresses = try lab.inside(["ip", "-4", "address", "show", "dev", "mgmt0"])
    #expect(addresses.ranges(of: "inet ").count == 1, "\(addresses)")
    try lab.end()
  }

  @Test func `survives what is no reply`() throws {
    let lab = try ManagementLab()
    try lab.run(until: "a start") { lab.services.isUp(0) }
    let flood = """
      import os, random, socket
      s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
      s.bind(("srv0", 0x0800))
      r = random.Random(1)
      for n in range(20000):
          size = r.randrange(300, 1400)
          udp = bytes([0, 67, 0, 68]) + (8 + size).to_bytes(2, "big") + b"\\0\\0" + r.randbytes(size)
          head = bytearray([0x45, 0]) + (20 + len(udp)).to_bytes(2, "big") + bytes([0, 0, 0, 0, 64, 17, 0, 0]) + bytes([192, 0, 2, 1, 255, 255, 255, 255])
          c = sum(int.from_bytes(head[i:i + 2], "big") for i in range(0, 20, 2))
          c = (c & 0xffff) + (c >> 16)
          head[10:12] = (~((c & 0xffff) + (c >> 16)) & 0xffff).to_bytes(2, "big")
          s.send(b"\\xff" * 6 + b"\\2\\0\\0\\0\\0\\1" + b"\\x08\\0" + bytes(head) + udp)
      """
    try lab.beside(["python3", "-c", flood])
    try lab.startServer()
    try lab.run(until: "a configuration", seconds: 60) { lab.configuration != nil }
    #expect(lab.services.starts(of: 0) == 1, "\(lab.lines)")
    try lab.end()
  }
}
