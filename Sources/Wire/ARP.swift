// ARP for IPv4 over Ethernet (RFC 826).

/// An ARP packet, with the sender's and target's hardware (MAC) and protocol (IPv4) addresses.
public struct ARPPacket: Hashable, Sendable {
  /// The opcode, `ar$op`.
  public enum Operation: UInt16, Sendable {
    case request = 1
    case reply = 2
  }

  public var operation: Operation
  public var senderMAC: MACAddress
  public var senderAddress: IPv4Address
  public var targetMAC: MACAddress
  public var targetAddress: IPv4Address

  /// Returns the request "who has `address`?" of an interface with the addresses `mac` and `source`.
  public static func request(for address: IPv4Address, from source: IPv4Address, _ mac: MACAddress)
    -> Self
  {
    ARPPacket(
      operation: .request, senderMAC: mac, senderAddress: source, targetMAC: .zero,
      targetAddress: address)
  }

  public init(
    operation: Operation, senderMAC: MACAddress, senderAddress: IPv4Address, targetMAC: MACAddress,
    targetAddress: IPv4Address
  ) {
    self.operation = operation
    self.senderMAC = senderMAC
    self.senderAddress = senderAddress
    self.targetMAC = targetMAC
    self.targetAddress = targetAddress
  }

  /// Decodes an untagged Ethernet frame without its frame check sequence. Ignores padding after the 42nd byte.
  ///
  /// Returns nil if the frame is shorter, or is not an ARP request or reply for IPv4 over Ethernet.
  public init?(frame: ArraySlice<UInt8>) {
    let frame = ArraySlice(frame.prefix(Self.frameLength))
    guard frame.count == Self.frameLength,
      // EtherType, then ar$hrd, ar$pro, ar$hln, ar$pln.
      frame.dropFirst(12).prefix(8).elementsEqual([0x08, 0x06, 0, 1, 0x08, 0, 6, 4]),
      let operation = Operation(rawValue: UInt16(frame.number(at: 20, bytes: 2)))
    else { return nil }
    self.init(
      operation: operation,
      senderMAC: MACAddress(frame.number(at: 22, bytes: 6)),
      senderAddress: IPv4Address(UInt32(frame.number(at: 28, bytes: 4))),
      targetMAC: MACAddress(frame.number(at: 32, bytes: 6)),
      targetAddress: IPv4Address(UInt32(frame.number(at: 38, bytes: 4))))
  }

  /// 14 bytes of Ethernet and 28 of ARP, without padding.
  public static let frameLength = 42

  /// The Ethernet frame, unpadded: a request is broadcast, a reply is sent to its target.
  public var frame: [UInt8] {
    var frame = operation == .request ? MACAddress.broadcast.bytes : targetMAC.bytes
    frame += senderMAC.bytes
    frame += [0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, UInt8(operation.rawValue)]
    frame += senderMAC.bytes + senderAddress.bytes + targetMAC.bytes + targetAddress.bytes
    return frame
  }

  /// Returns whether this is a usable reply to a request that `mac` sent from `address`: addressed to both, and from a
  /// MAC address that is neither zero nor a group.
  public func isReply(to mac: MACAddress, at address: IPv4Address) -> Bool {
    operation == .reply && targetMAC == mac && targetAddress == address
      && !senderMAC.isGroup && senderMAC != .zero
  }
}

extension IPv4Address {
  /// The four bytes in transmission order.
  public var bytes: [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
  }

  /// Creates an address from four bytes in transmission order; nil for any other number of bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 4 else { return nil }
    self.init(bytes.reduce(0) { $0 << 8 | UInt32($1) })
  }
}

extension ArraySlice<UInt8> {
  /// Returns the big-endian number of 1 to 8 bytes at `offset` from the start. The caller has checked the length.
  fileprivate func number(at offset: Int, bytes: Int) -> UInt64 {
    self[(startIndex + offset)..<(startIndex + offset + bytes)].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
