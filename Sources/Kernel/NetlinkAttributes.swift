// Reading netlink attributes: every length is checked before it is believed.

/// One attribute of a reply (`struct nlattr`).
public struct NetlinkAttribute: Hashable, Sendable {
  /// Without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
  public let type: UInt16
  public let value: ArraySlice<UInt8>

  /// The value as a number of exactly this width, in host order.
  public func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(NetlinkError)
    -> Number
  {
    guard value.count == MemoryLayout<Number>.size, let number = value.native(at: 0, as: Number.self)
    else {
      throw .malformed(
        "attribute \(type) has \(value.count) bytes where a number of "
          + "\(MemoryLayout<Number>.size) belongs")
    }
    return number
  }

  /// The text before the first NUL. What is not UTF-8 is replaced: it is only shown.
  public var string: String {
    String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The attributes inside this one.
  public func nested() throws(NetlinkError) -> NetlinkAttributes {
    try NetlinkAttributes(value)
  }
}

/// A run of attributes, all checked when it was made: no length below the header's own 4 bytes (it would
/// never end), none beyond the bytes there are.
public struct NetlinkAttributes: Sequence, Sendable {
  private let all: [NetlinkAttribute]

  public init(_ bytes: ArraySlice<UInt8>) throws(NetlinkError) {
    var all: [NetlinkAttribute] = []
    var rest = bytes
    while !rest.isEmpty {
      guard let length = rest.native(at: 0, as: UInt16.self).map(Int.init),
        let type = rest.native(at: 2, as: UInt16.self)
      else { throw .malformed("\(rest.count) bytes where an attribute begins") }
      guard length >= 4, length <= rest.count else {
        throw .malformed("attribute \(type) claims \(length) bytes, \(rest.count) are left")
      }
      all.append(
        NetlinkAttribute(type: type & netlinkTypeMask, value: rest.dropFirst(4).prefix(length - 4)))
      rest = rest.dropFirst((length + 3) & ~3)
    }
    self.all = all
  }

  /// The attributes after a reply's fixed header of `header` bytes.
  public init(_ reply: NetlinkReply, after header: Int) throws(NetlinkError) {
    guard reply.payload.count >= header else {
      throw .malformed("a reply of \(reply.payload.count) bytes, its header alone has \(header)")
    }
    try self.init(reply.payload.dropFirst(header))
  }

  public func makeIterator() -> IndexingIterator<[NetlinkAttribute]> { all.makeIterator() }

  /// The first attribute of this type.
  public subscript(type: UInt16) -> NetlinkAttribute? { all.first { $0.type == type } }

  /// The number in the first attribute of this type; nil without one.
  public func number<Number: FixedWidthInteger>(_ type: UInt16, _: Number.Type = Number.self)
    throws(NetlinkError) -> Number?
  {
    try self[type]?.number()
  }
}
