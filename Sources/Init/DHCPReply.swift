// What a DHCP client receives. Anybody on the link may have sent it, so every length is checked before it is used.
import Wire

/// A message from a server, as far as the client uses it.
public struct DHCPReply: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable {
    case offer = 2
    case acknowledgement = 5
    case refusal = 6
  }

  public var kind: Kind
  public var transaction: UInt32
  /// Whom it is for: `chaddr`.
  public var hardware: MACAddress
  /// `yiaddr`.
  public var address: IPv4Address
  public var server: IPv4Address?
  /// The source of the Ethernet frame: the server, or a relay.
  public var sender: MACAddress
  /// Nil without a mask, or with one that has a gap.
  public var prefixLength: UInt8?
  /// The first one.
  public var router: IPv4Address?
  /// The first ones.
  public var nameServers: [IPv4Address] = []
  /// In seconds; 2^32 - 1 is for ever.
  public var leaseTime: UInt32?
  public var renewalTime: UInt32?
  public var rebindingTime: UInt32?

  /// Makes a reply, for tests.
  package init(
    _ kind: Kind, transaction: UInt32, hardware: MACAddress, address: IPv4Address, sender: MACAddress
  ) {
    self.kind = kind
    self.transaction = transaction
    self.hardware = hardware
    self.address = address
    self.sender = sender
  }

  /// Parses an Ethernet frame. Returns nil for anything but a whole UDP datagram, with a correct checksum, that holds a
  /// server's message to a client.
  public init?(frame: [UInt8]) {
    guard let datagram = Self.datagram(in: frame) else { return nil }
    let message = Array(datagram)
    // op, htype, hlen
    guard message.count >= DHCPRequest.fixedLength, message[0] == 2, message[1] == 1, message[2] == 6,
      Array(message[236..<240]) == DHCPRequest.magic
    else { return nil }
    var options = DHCPOptions()
    guard options.read(message[DHCPRequest.fixedLength...]) else { return nil }
    // The fields `file` and `sname` may hold more options (RFC 2132, 9.3; in this order by RFC 3396).
    let overload = options[.overload]?.first ?? 0
    if overload & 1 != 0 { guard options.read(message[108..<236]) else { return nil } }
    if overload & 2 != 0 { guard options.read(message[44..<108]) else { return nil } }
    guard let type = options[.messageType], type.count == 1, let kind = Kind(rawValue: type[0]) else {
      return nil
    }
    self.init(
      kind, transaction: number(message[4..<8]),
      hardware: MACAddress(wide(message[28..<34])), address: IPv4Address(number(message[16..<20])),
      sender: MACAddress(wide(frame[6..<12])))
    server = options.addresses(.serverIdentifier).first
    prefixLength = options.addresses(.subnetMask).first.flatMap(Self.prefixLength)
    router = options.addresses(.router).first
    nameServers = Array(
      options.addresses(.nameServers).filter(NetworkConfiguration.isUnicast)
        .prefix(NetworkConfiguration.mostNameServers))
    leaseTime = options.time(.leaseTime)
    renewalTime = options.time(.renewalTime)
    rebindingTime = options.time(.rebindingTime)
  }

  /// Returns the payload of a UDP datagram from a server to a client.
  private static func datagram(in frame: [UInt8]) -> ArraySlice<UInt8>? {
    let ip = 14
    guard frame.count >= ip + IPv4Header.length, frame[12] == 0x08, frame[13] == 0x00,
      frame[ip] >> 4 == 4
    else { return nil }
    let headerLength = Int(frame[ip] & 0xf) * 4
    let totalLength = Int(number(frame[ip + 2..<ip + 4]))
    guard headerLength >= IPv4Header.length, totalLength >= headerLength + 8,
      frame.count >= ip + totalLength, frame[ip + 9] == IPProtocol.udp.rawValue,
      // Neither a fragment nor to be continued by one.
      number(frame[ip + 6..<ip + 8]) & 0x3fff == 0
    else { return nil }
    var header = InternetChecksum()
    header.add(frame[ip..<ip + headerLength])
    let udp = ip + headerLength
    let length = Int(number(frame[udp + 4..<udp + 6]))
    guard header.folded == 0xffff, number(frame[udp..<udp + 2]) == UInt32(DHCPRequest.serverPort),
      number(frame[udp + 2..<udp + 4]) == UInt32(DHCPRequest.clientPort), length >= 8,
      length <= totalLength - headerLength
    else { return nil }
    let checksum = UInt16(number(frame[udp + 6..<udp + 8]))
    if checksum != 0 {
      let pseudo = DHCPRequest.pseudoHeader(
        from: IPv4Address(number(frame[ip + 12..<ip + 16])),
        to: IPv4Address(number(frame[ip + 16..<ip + 20])), length: UInt16(length))
      var whole = pseudo
      whole.add(frame[udp..<udp + length])
      // Between two interfaces of one machine, the kernel leaves the rest of the sum to a NIC that never comes.
      guard whole.folded == 0xffff || checksum == pseudo.folded else { return nil }
    }
    return frame[udp + 8..<udp + length]
  }

  private static func prefixLength(_ mask: IPv4Address) -> UInt8? {
    let ones = (~mask.value).leadingZeroBitCount
    return mask.value == (ones == 0 ? 0 : ~0 << (32 - UInt32(ones))) ? UInt8(ones) : nil
  }
}

/// The options of a message.
private struct DHCPOptions {
  private var values: [UInt8: [UInt8]] = [:]

  subscript(option: DHCPOption) -> [UInt8]? { values[option.rawValue] }

  /// Adds the options of one field. One that occurs again continues the first (RFC 3396). Returns false if one is longer
  /// than the field.
  mutating func read(_ field: ArraySlice<UInt8>) -> Bool {
    var rest = field
    while let code = rest.popFirst(), code != DHCPOption.end {
      if code == DHCPOption.pad { continue }
      guard let length = rest.popFirst(), rest.count >= Int(length) else { return false }
      values[code, default: []] += rest.prefix(Int(length))
      rest = rest.dropFirst(Int(length))
    }
    return true
  }

  /// The whole addresses of an option.
  func addresses(_ option: DHCPOption) -> [IPv4Address] {
    let bytes = self[option] ?? []
    return stride(from: 0, to: bytes.count - bytes.count % 4, by: 4).map {
      IPv4Address(number(bytes[$0..<$0 + 4]))
    }
  }

  func time(_ option: DHCPOption) -> UInt32? {
    self[option].flatMap { $0.count == 4 ? number($0[...]) : nil }
  }
}

/// The number in at most four bytes, the first of which is the highest.
private func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

private func wide(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
