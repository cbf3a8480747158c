// The configuration of an interface, as a process without privileges reports it to PID 1.
import NIC
import Wire

/// The address, gateway and name servers of an interface.
public struct NetworkConfiguration: Hashable, Sendable, CustomStringConvertible {
  public var address: InterfaceAddress
  /// In the network of the address; nil for no default route.
  public var gateway: IPv4Address?
  /// At most `mostNameServers`.
  public var nameServers: [IPv4Address]

  public static let mostNameServers = 3

  /// Returns nil unless a host can be configured so: a unicast address that is neither its network's own nor its broadcast
  /// address, and a gateway that is another such address in the network.
  public init?(
    address: InterfaceAddress, gateway: IPv4Address? = nil, nameServers: [IPv4Address] = []
  ) {
    guard Self.isHost(address.address, in: address), nameServers.count <= Self.mostNameServers,
      nameServers.allSatisfy(Self.isUnicast)
    else { return nil }
    if let gateway {
      guard gateway != address.address, address.contains(gateway), Self.isHost(gateway, in: address)
      else { return nil }
    }
    self.address = address
    self.gateway = gateway
    self.nameServers = nameServers
  }

  public var description: String {
    let servers = nameServers.map(\.description).joined(separator: ", ")
    return "\(address)" + (gateway.map { ", gateway \($0)" } ?? "")
      + (servers.isEmpty ? "" : ", name servers \(servers)")
  }

  private static func isHost(_ host: IPv4Address, in network: InterfaceAddress) -> Bool {
    guard isUnicast(host), network.prefixLength >= 1 else { return false }
    // A network of two addresses, or of one, has no other use for them (RFC 3021).
    guard network.prefixLength < 31 else { return true }
    let part = host.value & ~network.mask
    return part != 0 && part != ~network.mask
  }

  /// Not 0.0.0.0/8 (this network), 127.0.0.0/8 (loopback), or multicast and above (RFC 6890).
  static func isUnicast(_ address: IPv4Address) -> Bool {
    let first = address.value >> 24
    return first != 0 && first != 127 && first < 224
  }
}

/// What a client of DHCP reports to PID 1: one record for each change, over a pipe.
///
/// 28 bytes, numbers big-endian: `SBNC`, the version 1, the kind (0 no configuration, 1 a configuration), prefix length,
/// number of name servers; address; gateway, or 0; three name servers, of which the unused are 0.
public enum NetworkReport: Hashable, Sendable {
  case unconfigured
  case configured(NetworkConfiguration)

  public static let size = 28
  private static let head: [UInt8] = Array("SBNC".utf8) + [1]

  public var bytes: [UInt8] {
    guard case .configured(let configuration) = self else {
      return Self.head + [UInt8](repeating: 0, count: Self.size - Self.head.count)
    }
    var bytes = Self.head + [1, configuration.address.prefixLength]
    bytes.append(UInt8(configuration.nameServers.count))
    bytes += configuration.address.address.bytes
    bytes += (configuration.gateway ?? IPv4Address(0)).bytes
    for server in configuration.nameServers { bytes += server.bytes }
    return bytes + [UInt8](repeating: 0, count: Self.size - bytes.count)
  }

  /// Parses untrusted bytes. Returns nil for anything but what `bytes` makes of a valid configuration.
  public init?(_ bytes: some Collection<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count == Self.size, bytes.starts(with: Self.head) else { return nil }
    func address(at offset: Int) -> IPv4Address {
      IPv4Address(bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) })
    }
    let report: NetworkReport
    switch bytes[5] {
    case 0: report = .unconfigured
    case 1:
      let servers = Int(bytes[7])
      let gateway = address(at: 12)
      guard bytes[6] <= 32, servers <= NetworkConfiguration.mostNameServers,
        let configuration = NetworkConfiguration(
          address: InterfaceAddress(address(at: 8), prefixLength: bytes[6]),
          gateway: gateway.value == 0 ? nil : gateway,
          nameServers: (0..<servers).map { address(at: 16 + 4 * $0) })
      else { return nil }
      report = .configured(configuration)
    default: return nil
    }
    // There is one spelling of each report.
    guard report.bytes == bytes else { return nil }
    self = report
  }
}
