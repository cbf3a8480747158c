// What a DHCP client sends (RFC 2131; options: RFC 2132).
import Wire

/// A message from the client to a server.
public struct DHCPRequest: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable {
    case discover = 1
    case request = 3
    case release = 7
  }

  public var kind: Kind
  /// `xid`.
  public var transaction: UInt32
  /// Since the client began to ask.
  public var seconds: UInt16 = 0
  /// `chaddr`.
  public var hardware: MACAddress
  /// `ciaddr`: the address that the client has; 0.0.0.0 if it has none.
  public var address = IPv4Address(0)
  /// The address that it wants (option 50).
  public var requested: IPv4Address?
  /// The server whose offer it takes (option 54).
  public var server: IPv4Address?
  /// At most 63 bytes.
  public var hostName: String

  public init(_ kind: Kind, transaction: UInt32, hardware: MACAddress, hostName: String) {
    self.kind = kind
    self.transaction = transaction
    self.hardware = hardware
    self.hostName = hostName
  }

  public static let clientPort: UInt16 = 68
  static let serverPort: UInt16 = 67
  static let magic: [UInt8] = [99, 130, 83, 99]
  /// The length of what precedes the options, with the magic number.
  static let fixedLength = 240
  /// Some servers ignore anything shorter (RFC 1542, 2.1).
  private static let shortest = 300

  /// The message without Ethernet, IP and UDP.
  public var message: [UInt8] {
    // op, htype, hlen, hops
    var bytes: [UInt8] = [1, 1, 6, 0]
    bytes.append(bigEndian: transaction)
    bytes.append(bigEndian: seconds)
    // No broadcast flag: the client takes frames before it has an address.
    bytes += [0, 0]
    bytes += address.bytes
    // yiaddr, siaddr, giaddr
    bytes += [UInt8](repeating: 0, count: 12)
    // chaddr, sname, file
    bytes += hardware.bytes + [UInt8](repeating: 0, count: 10 + 64 + 128)
    bytes += Self.magic
    func put(_ option: DHCPOption, _ value: [UInt8]) {
      bytes += [option.rawValue, UInt8(value.count)] + value
    }
    put(.messageType, [kind.rawValue])
    put(.clientIdentifier, [1] + hardware.bytes)
    if let requested { put(.requestedAddress, requested.bytes) }
    if let server { put(.serverIdentifier, server.bytes) }
    if kind != .release {
      put(.hostName, Array(hostName.utf8.prefix(63)))
      put(.vendorClass, Array("synbox".utf8))
      // What fits into one frame.
      put(.largestMessage, [0x05, 0xc0])
      put(.parameterList, DHCPOption.wanted.map(\.rawValue))
    }
    bytes.append(DHCPOption.end)
    return bytes + [UInt8](repeating: 0, count: max(0, Self.shortest - bytes.count))
  }

  /// The Ethernet frame.
  ///
  /// - Parameters:
  ///   - destination: where the message goes: 255.255.255.255, or a server.
  ///   - hop: the Ethernet address of the next hop.
  public func frame(to destination: IPv4Address, hop: MACAddress) -> [UInt8] {
    let message = message
    let length = UInt16(8 + message.count)
    var datagram: [UInt8] = []
    datagram.append(bigEndian: Self.clientPort)
    datagram.append(bigEndian: Self.serverPort)
    datagram.append(bigEndian: length)
    datagram += [0, 0] + message
    var checksum = Self.pseudoHeader(from: address, to: destination, length: length)
    checksum.add(datagram)
    // 0 would mean that there is none (RFC 768).
    let value = checksum.value == 0 ? 0xffff : checksum.value
    datagram[6] = UInt8(value >> 8)
    datagram[7] = UInt8(value & 0xff)
    let header = IPv4Header(
      totalLength: UInt16(IPv4Header.length) + length, timeToLive: 64, protocolNumber: .udp,
      source: address, destination: destination)
    return hop.bytes + hardware.bytes + [0x08, 0x00] + header.bytes + datagram
  }

  /// The Ethernet frame to a server, or to all.
  public func frame(to hop: DHCPClient.Hop?) -> [UInt8] {
    frame(to: hop?.server ?? IPv4Address(255, 255, 255, 255), hop: hop?.address ?? .broadcast)
  }

  static func pseudoHeader(from: IPv4Address, to: IPv4Address, length: UInt16) -> InternetChecksum {
    var checksum = InternetChecksum()
    checksum.add(from.value)
    checksum.add(to.value)
    checksum.add(UInt16(IPProtocol.udp.rawValue))
    checksum.add(length)
    return checksum
  }
}

/// The options that this client writes or reads.
enum DHCPOption: UInt8 {
  case subnetMask = 1
  case router = 3
  case nameServers = 6
  case hostName = 12
  case requestedAddress = 50
  case leaseTime = 51
  case overload = 52
  case messageType = 53
  case serverIdentifier = 54
  case parameterList = 55
  case largestMessage = 57
  case renewalTime = 58
  case rebindingTime = 59
  case vendorClass = 60
  case clientIdentifier = 61

  static let pad: UInt8 = 0
  static let end: UInt8 = 255
  static let wanted: [Self] = [
    .subnetMask, .router, .nameServers, .leaseTime, .serverIdentifier, .renewalTime, .rebindingTime,
  ]
}

extension IPProtocol {
  static let udp = IPProtocol(rawValue: 17)
}
