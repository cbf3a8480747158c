// Parsing netlink attributes. Every length is checked before it is used.

/// One attribute of a reply (`struct nlattr`).
public struct NetlinkAttribute: Hashable, Sendable {
  /// Without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
  public let type: UInt16
  public let value: ArraySlice<UInt8>

  /// Returns the value as a number of exactly this width, in host order.
  public func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(NetlinkError)
    -> Number
  {
    guard value.count == MemoryLayout<Number>.size, let number = value.native(at: 0, as: Number.self)
    else {
      throw .malformed(
        "attribute \(type) has \(value.count) bytes, expected a number of \(MemoryLayout<Number>.size)")
    }
    return number
  }

  /// The text before the first NUL. Invalid UTF-8 is replaced, because the text is only displayed.
  public var string: String {
    String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Returns the attributes nested in this one.
  public func nested() throws(NetlinkError) -> NetlinkAttributes {
    try NetlinkAttributes(value)
  }
}

/// A sequence of attributes, validated on creation: each length includes the header's 4 bytes and does not exceed the
/// input.
public struct NetlinkAttributes: Sequence, Sendable {
  private let all: [NetlinkAttribute]

  public init(_ bytes: ArraySlice<UInt8>) throws(NetlinkError) {
    var all: [NetlinkAttribute] = []
    var remaining = bytes
    while !remaining.isEmpty {
      guard let length = remaining.native(at: 0, as: UInt16.self).map(Int.init),
        let type = remaining.native(at: 2, as: UInt16.self)
      else { throw .malformed("\(remaining.count) bytes are too few for an attribute") }
      guard length >= 4, length <= remaining.count else {
        throw .malformed("attribute \(type) claims \(length) bytes, but \(remaining.count) remain")
      }
      all.append(
        NetlinkAttribute(type: type & netlinkTypeMask, value: remaining.dropFirst(4).prefix(length - 4))
      )
      remaining = remaining.dropFirst((length + 3) & ~3)
    }
    self.all = all
  }

  /// Parses the attributes behind a reply's fixed header of `header` bytes.
  public init(_ reply: NetlinkReply, after header: Int) throws(NetlinkError) {
    guard reply.payload.count >= header else {
      throw .malformed("a reply has \(reply.payload.count) bytes, but its header needs \(header)")
    }
    try self.init(reply.payload.dropFirst(header))
  }

  public func makeIterator() -> IndexingIterator<[NetlinkAttribute]> { all.makeIterator() }

  /// The first attribute of this type.
  public subscript(type: UInt16) -> NetlinkAttribute? { all.first { $0.type == type } }

  /// Returns the number in the first attribute of this type; nil if there is none.
  public func number<Number: FixedWidthInteger>(_ type: UInt16, _: Number.Type = Number.self)
    throws(NetlinkError) -> Number?
  {
    try self[type]?.number()
  }
}
