// A lease of an address.
import NIC
import Wire

/// What a server has granted. Times are in seconds from the request that it granted.
public struct DHCPLease: Hashable, Sendable, CustomStringConvertible {
  public var configuration: NetworkConfiguration
  public var server: IPv4Address
  /// Where frames to the server go: to itself, or to the relay.
  public var hop: MACAddress
  /// Nil if the lease is for ever.
  public var duration: UInt32?
  /// When to ask the server, and when to ask any server, for an extension (T1, T2).
  public var renewal: UInt32
  public var rebinding: UInt32

  private static let forEver = UInt32.max
  /// In seconds. A server that grants less, or wants to be asked more often, could make the client talk without pause.
  private static let shortest: UInt32 = 60
  private static let earliestRenewal: UInt32 = 30

  /// Returns nil unless the reply offers a usable address for a minute at least.
  public init?(_ reply: DHCPReply) {
    guard let server = reply.server, NetworkConfiguration.isUnicast(server), !reply.sender.isGroup,
      let prefixLength = reply.prefixLength, let duration = reply.leaseTime,
      duration >= Self.shortest
    else { return nil }
    let address = InterfaceAddress(reply.address, prefixLength: prefixLength)
    // An unusable gateway costs the routes, not the address.
    guard
      let configuration = NetworkConfiguration(
        address: address, gateway: reply.router, nameServers: reply.nameServers)
        ?? NetworkConfiguration(address: address, nameServers: reply.nameServers)
    else { return nil }
    self.configuration = configuration
    self.server = server
    hop = reply.sender
    self.duration = duration == Self.forEver ? nil : duration
    // RFC 2131, 4.4.5: a half and seven eighths, unless the server says otherwise and means it.
    let wide = UInt64(duration)
    let half = UInt32(wide / 2)
    let most = UInt32(wide * 7 / 8)
    let rebinding = reply.rebindingTime.flatMap { $0 < duration ? $0 : nil } ?? most
    let renewal = reply.renewalTime.flatMap { $0 < duration ? $0 : nil } ?? half
    self.rebinding = max(rebinding, Self.earliestRenewal)
    self.renewal = max(min(renewal, rebinding), Self.earliestRenewal)
  }

  public var description: String {
    let time = duration.map { "for \($0) s" } ?? "for ever"
    return "\(configuration.address) from \(server), \(time)"
  }

  // MARK: The address of the box before it restarted

  /// The address as a line of text.
  public var addressLine: [UInt8] { Array("\(configuration.address.address)\n".utf8) }

  /// Parses untrusted bytes. Returns nil for anything but a line with an address that a host can have.
  public static func address(inLine bytes: [UInt8]) -> IPv4Address? {
    guard bytes.last == UInt8(ascii: "\n") else { return nil }
    let address = IPv4Address(String(decoding: bytes.dropLast(), as: UTF8.self))
    return address.flatMap { NetworkConfiguration.isUnicast($0) ? $0 : nil }
  }

  // MARK: The file

  /// Between the version, and the time at which the lease began.
  private static let head: [UInt8] = Array("SBDL".utf8) + [1]
  private static let size = 5 + NetworkReport.size + 4 + 6 + 12 + 8

  /// The lease as bytes, with the time at which it began, in nanoseconds of a clock that outlives the process.
  public func bytes(since: UInt64) -> [UInt8] {
    var bytes = Self.head + NetworkReport.configured(configuration).bytes + server.bytes + hop.bytes
    for time in [duration ?? Self.forEver, renewal, rebinding] { bytes.append(bigEndian: time) }
    bytes.append(bigEndian: since)
    return bytes
  }

  /// Parses untrusted bytes. Returns nil for anything but what `bytes(since:)` makes.
  public static func parse(_ bytes: [UInt8]) -> (lease: DHCPLease, since: UInt64)? {
    guard bytes.count == size, bytes.starts(with: head) else { return nil }
    var rest = bytes.dropFirst(head.count)
    func take(_ count: Int) -> ArraySlice<UInt8> {
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    func number(_ count: Int) -> UInt64 { take(count).reduce(0) { $0 << 8 | UInt64($1) } }
    guard case .configured(let configuration)? = NetworkReport(take(NetworkReport.size)) else {
      return nil
    }
    let server = IPv4Address(UInt32(number(4)))
    let hop = MACAddress(number(6))
    let duration = UInt32(number(4))
    let renewal = UInt32(number(4))
    let rebinding = UInt32(number(4))
    guard NetworkConfiguration.isUnicast(server), !hop.isGroup, duration > 0, renewal <= rebinding,
      rebinding <= duration
    else { return nil }
    let lease = DHCPLease(
      configuration: configuration, server: server, hop: hop,
      duration: duration == forEver ? nil : duration, renewal: renewal, rebinding: rebinding)
    return (lease, number(8))
  }

  private init(
    configuration: NetworkConfiguration, server: IPv4Address, hop: MACAddress, duration: UInt32?,
    renewal: UInt32, rebinding: UInt32
  ) {
    self.configuration = configuration
    self.server = server
    self.hop = hop
    self.duration = duration
    self.renewal = renewal
    self.rebinding = rebinding
  }
}
