// The answers journal: which pairs have been reported, whatever fields the results show.
import Wire

/// One reported answer, eight octets: address, port, kind, and a zero; numbers in network order.
public struct AnswerRecord: Hashable, Sendable {
  public static let size = 8

  public var address: IPv4Address
  public var port: Port
  public var kind: Reply.Kind

  public init(_ reply: Reply) {
    (address, port, kind) = (reply.source, reply.sourcePort, reply.kind)
  }

  /// nil when it is none.
  public init?(_ octets: ArraySlice<UInt8>) {
    guard octets.count == Self.size, let kind = Reply.Kind(rawValue: octets[octets.startIndex + 6])
    else { return nil }
    let number = octets.prefix(6).reduce(0) { $0 << 8 | UInt64($1) }
    address = IPv4Address(UInt32(truncatingIfNeeded: number >> 16))
    port = Port(UInt16(truncatingIfNeeded: number))
    self.kind = kind
  }

  public func append(to octets: inout [UInt8]) {
    for shift in stride(from: 24, through: 0, by: -8) {
      octets.append(UInt8(truncatingIfNeeded: address.value >> UInt32(shift)))
    }
    octets.append(UInt8(port.value >> 8))
    octets.append(UInt8(port.value & 255))
    octets.append(kind.rawValue)
    octets.append(0)
  }

  /// As far as dedupe is concerned, the reply that it was made of.
  public var reply: Reply {
    Reply(
      kind: kind, time: 0, source: address, sourcePort: port, destination: IPv4Address(0),
      destinationPort: Port(0), identification: 0, timeToLive: 0)
  }
}
