// The client of DHCP as a service: a process without privileges reads what the network sends, and reports to PID 1 what the
// management NIC is to have.
import Confinement
import Init
import Kernel
import NIC

extension ServiceSpecification {
  /// The client for the management NIC. It drops its privileges itself, after it has opened its socket.
  package static func dhcpClient(
    program: String = "/bin/synbox", hostName: String, state: String = "/run/synbox-dhcp",
    keep: String = "\(DataPartition.mountPoint)/network"
  ) -> Self {
    Self(
      name: "DHCP client", program: program,
      arguments: [
        "dhcp-client", "--interface", ManagementSettings.name, "--host-name", hostName, "--state",
        state, "--keep", keep, "--heartbeat", "3", "--report", "4",
      ], drop: .byService, network: .services, timing: ServiceTiming(heartbeatSeconds: 15),
      reportSize: NetworkReport.size)
  }
}

/// Runs a `DHCPClient` on an interface.
public struct DHCPService: ~Copyable {
  public struct Options: Sendable {
    public var interface: String
    public var hostName: String
    /// A directory, in memory, for the lease. Made if it is missing.
    public var state: String
    /// A directory, on a disk, for the address, which the next boot asks for. Made if it is missing; the client works
    /// without it.
    public var keep: String
    /// Descriptors of pipes, inherited.
    public var heartbeat: Int32
    public var report: Int32

    public init(
      interface: String, hostName: String, state: String, keep: String, heartbeat: Int32,
      report: Int32
    ) {
      self.interface = interface
      self.hostName = hostName
      self.state = state
      self.keep = keep
      self.heartbeat = heartbeat
      self.report = report
    }
  }

  /// Belongs to nobody else (`BoxUser.standard` is 60900).
  static let user = Credentials(uid: 60_902, gid: 60_902)
  /// How many frames are read before time gets its turn.
  private static let mostFrames = 64

  private let socket: FrameSocket
  private let heartbeats: Descriptor
  private let reports: Descriptor
  private let leaseFile: String
  private let addressFile: String
  /// What the address file holds.
  private var kept: [UInt8]
  private var client: DHCPClient
  private var random = SystemRandomNumberGenerator()

  /// Opens the socket, drops all privilege, and runs until the process is killed or the interface fails.
  public static func run(_ options: Options) throws(Fault) -> Never {
    var service = try DHCPService(options)
    try service.loop()
  }

  private init(_ options: Options) throws(Fault) {
    let heartbeats = try Descriptor.inherited(options.heartbeat)
    let reports = try Descriptor.inherited(options.report)
    let link = try NetworkControl().link(of: options.interface)
    let socket = try Self.socket(on: link)
    try Files.makeDirectory(options.state, mode: 0o700)
    try Files.handOver(options.state, to: Self.user)
    let keeps = Self.prepare(options.keep)
    _ = try Confinement.drop(
      ConfinementPolicy(
        readWrite: [options.state] + (keeps ? [options.keep] : []), user: Self.user,
        landlock: .required, lockedMemory: .unused))
    self.heartbeats = heartbeats
    self.reports = reports
    self.socket = socket
    leaseFile = "\(options.state)/lease"
    addressFile = "\(options.keep)/address"
    kept = (try? Files.read(addressFile, limit: 64)) ?? []
    client = DHCPClient(
      hardware: link.mac, hostName: options.hostName, preferred: DHCPLease.address(inLine: kept))
  }

  /// Makes the directory on the disk. Returns whether it is there.
  private static func prepare(_ directory: String) -> Bool {
    do throws(Fault) {
      try Files.makeDirectory(directory, mode: 0o700)
      try Files.handOver(directory, to: user)
      return true
    } catch {
      Terminal.error("the address is not kept: \(error)\n")
      return false
    }
  }

  private static func socket(on link: InterfaceState) throws(Fault) -> FrameSocket {
    do throws(Errno) {
      return try FrameSocket(.udp(port: DHCPRequest.clientPort), interfaceIndex: link.index)
    } catch {
      throw Fault("cannot open a socket for DHCP on \(link.name)", cause: error)
    }
  }

  private mutating func loop() throws(Fault) -> Never {
    let stored = (try? Files.read(leaseFile, limit: 4096)).flatMap(DHCPLease.parse)
    try handle(.start(stored?.lease, since: stored?.since ?? 0))
    var buffer = [UInt8](repeating: 0, count: 2048)
    while true {
      heartbeats.write([Beat.alive.rawValue], within: 0)
      let now = Clock.boottime
      let milliseconds = client.wake > now ? (client.wake - now) / 1_000_000 + 1 : 0
      _ = socket.wait(milliseconds: Int(min(milliseconds, 1000)))
      try takeFrames(&buffer)
      try handle(.tick)
    }
  }

  private mutating func takeFrames(_ buffer: inout [UInt8]) throws(Fault) {
    for _ in 0..<Self.mostFrames {
      guard let count = try receive(into: &buffer) else { return }
      guard let reply = DHCPReply(frame: Array(buffer.prefix(count))) else { continue }
      try handle(.reply(reply))
    }
    // Whoever floods the wire must not take a processor from the scan: the kernel drops what waits too long.
    pause(milliseconds: 10)
  }

  private func receive(into buffer: inout [UInt8]) throws(Fault) -> Int? {
    do throws(Errno) {
      return try socket.receive(into: &buffer)
    } catch {
      throw Fault("cannot receive", cause: error)
    }
  }

  private mutating func handle(_ event: DHCPClient.Event) throws(Fault) {
    for effect in client.handle(event, at: Clock.boottime, &random) {
      switch effect {
      case .send(let request, let hop): try send(request, hop)
      case .configure(let lease, let since):
        try Files.replace(leaseFile, with: lease.bytes(since: since), durable: false)
        report(.configured(lease.configuration))
        Terminal.error("\(lease)\n")
        keep(lease.addressLine)
      case .deconfigure:
        if Files.kind(of: leaseFile) != nil { try Files.remove(leaseFile) }
        report(.unconfigured)
      }
    }
  }

  /// Writes the address to the disk if it is a new one, after the report, because a disk may be slow.
  private mutating func keep(_ address: [UInt8]) {
    guard address != kept else { return }
    kept = address
    try? Files.replace(addressFile, with: address, durable: true)
  }

  private func send(_ request: DHCPRequest, _ hop: DHCPClient.Hop?) throws(Fault) {
    do throws(Errno) {
      // A full queue: the question is repeated anyway.
      _ = try socket.send(request.frame(to: hop))
    } catch {
      throw Fault("cannot send", cause: error)
    }
  }

  /// PID 1 reads at once; a pipe of 64 KiB holds more than a thousand reports.
  private func report(_ report: NetworkReport) { reports.write(report.bytes, within: 1000) }
}
