// Building netlink messages: a fixed header, then attributes, all in host order.

/// A request: type and flags of its `nlmsghdr`, and the payload (netlink(7)).
public struct NetlinkMessage: Hashable, Sendable {
  /// `nlmsg_type`: an `RTM_` number or a generic family's ID.
  public let type: UInt16
  /// `nlmsg_flags` beyond `NLM_F_REQUEST` and `NLM_F_ACK`, which the socket adds.
  public let flags: UInt16
  /// Everything after the `nlmsghdr`.
  public private(set) var payload: [UInt8]

  /// Makes a message with the family's fixed header (`ifinfomsg`, `rtmsg`, …), which is padded to 4 bytes.
  public init(type: UInt16, flags: UInt16 = 0, header: [UInt8] = []) {
    self.type = type
    self.flags = flags
    payload = header
    pad()
  }

  /// Makes a message to a generic netlink family, with its `genlmsghdr`.
  public init(family: UInt16, command: UInt8, version: UInt8 = 1, flags: UInt16 = 0) {
    self.init(type: family, flags: flags, header: [command, version, 0, 0])
  }

  /// Appends an attribute with the given value.
  public mutating func put(_ attribute: UInt16, bytes: [UInt8]) {
    precondition(bytes.count <= 65_531, "a netlink attribute holds 65,531 bytes at most")
    payload.append(native: UInt16(4 + bytes.count))
    payload.append(native: attribute)
    payload += bytes
    pad()
  }

  /// Appends a number, in host order.
  public mutating func put<Number: FixedWidthInteger>(_ attribute: UInt16, _ number: Number) {
    var bytes: [UInt8] = []
    bytes.append(native: number)
    put(attribute, bytes: bytes)
  }

  /// Appends a NUL-terminated string.
  public mutating func put(_ attribute: UInt16, string: String) {
    put(attribute, bytes: Array(string.utf8) + [0])
  }

  /// Appends an attribute without value (`NLA_FLAG`).
  public mutating func put(flag attribute: UInt16) { put(attribute, bytes: []) }

  /// Appends an attribute that contains those that `fill` appends. Sets `NLA_F_NESTED`, which ethtool requires.
  public mutating func nest(_ attribute: UInt16, _ fill: (inout NetlinkMessage) -> Void) {
    var inner = NetlinkMessage(type: type)
    fill(&inner)
    put(attribute | netlinkNested, bytes: inner.payload)
  }

  /// The message with its `nlmsghdr`.
  func encoded(flags more: UInt16, sequence: UInt32, port: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(native: UInt32(16 + payload.count))
    bytes.append(native: type)
    bytes.append(native: flags | more)
    bytes.append(native: sequence)
    bytes.append(native: port)
    return bytes + payload
  }

  private mutating func pad() {
    while payload.count % 4 != 0 { payload.append(0) }
  }
}

/// `NLA_F_NESTED`, linux/netlink.h.
let netlinkNested: UInt16 = 0x8000
/// `NLA_TYPE_MASK`, which excludes `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
let netlinkTypeMask: UInt16 = 0x3fff

extension [UInt8] {
  /// Appends the bytes of `number` in host order.
  public mutating func append<Number: FixedWidthInteger>(native number: Number) {
    unsafe Swift.withUnsafeBytes(of: number) { unsafe append(contentsOf: $0) }
  }
}

extension Collection<UInt8> where Index == Int {
  /// Returns the number at `offset` from the start, in host order; nil past the end.
  public func native<Number: FixedWidthInteger>(at offset: Int, as: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard offset >= 0, count >= size, offset <= count - size else { return nil }
    var number = Number.zero
    unsafe Swift.withUnsafeMutableBytes(of: &number) { target in
      for byte in 0..<size { unsafe target[byte] = self[startIndex + offset + byte] }
    }
    return number
  }
}
