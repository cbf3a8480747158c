// Builds frames layer by layer without the code under test. Every length, version and flag can be set to an invalid
// value.

/// An Ethernet frame; `tags` are the EtherTypes of VLAN tags, the outermost first.
func ethernet(
  _ payload: [UInt8], type: UInt16 = 0x0800, tags: [UInt16] = [],
  to destination: [UInt8] = ourMAC, from source: [UInt8] = theirMAC
) -> [UInt8] {
  var frame = destination + source
  for (number, tag) in tags.enumerated() { frame += big(tag) + big(UInt16(100 + number)) }
  return frame + big(type) + payload
}

/// An IPv4 packet (RFC 791).
func ipv4(
  _ payload: [UInt8], protocol number: UInt8 = 6, from source: UInt32 = target,
  to destination: UInt32 = ours, options: [UInt8] = [], version: UInt8 = 4, headerWords: UInt8? = nil,
  totalLength: UInt16? = nil, identification: UInt16 = 0x4321, fragment: UInt16 = 0, ttl: UInt8 = 57,
  typeOfService: UInt8 = 0
) -> [UInt8] {
  let words = headerWords ?? UInt8(5 + options.count / 4)
  var header = [version << 4 | words, typeOfService]
  header += big(totalLength ?? UInt16(20 + options.count + payload.count))
  header += big(identification) + big(fragment) + [ttl, number, 0, 0]
  header += big(source) + big(destination) + options
  header.replaceSubrange(10..<12, with: big(~onesComplementSum(header)))
  return header + payload
}

/// The contents of a TCP segment's checksum field.
enum SegmentChecksum {
  case correct
  /// The pseudo-header's sum (CHECKSUM_PARTIAL).
  case partial
  case zero
}

/// A TCP segment (RFC 9293) from the target to us unless told otherwise.
func tcp(
  _ flags: UInt8, from source: UInt16 = targetPort, to destination: UInt16 = ourPort,
  sequence: UInt32 = 0x7788_99aa, acknowledgment: UInt32 = cookie &+ 1, window: UInt16 = 64_240,
  options: [UInt8] = [], headerWords: UInt8? = nil, data: [UInt8] = [],
  addresses: (from: UInt32, to: UInt32) = (target, ours), checksum: SegmentChecksum = .correct
) -> [UInt8] {
  var segment = big(source) + big(destination) + big(sequence) + big(acknowledgment)
  segment += [(headerWords ?? UInt8(5 + options.count / 4)) << 4, flags] + big(window)
  segment += [0, 0, 0, 0] + options + data
  let pseudoHeader =
    big(addresses.from) + big(addresses.to) + [0, 6] + big(UInt16(segment.count))
  let field: UInt16 =
    switch checksum {
    case .correct: ~onesComplementSum(pseudoHeader + segment)
    case .partial: onesComplementSum(pseudoHeader)
    case .zero: 0
    }
  segment.replaceSubrange(16..<18, with: big(field))
  return segment
}

/// An ICMP message (RFC 792).
func icmp(_ type: UInt8, _ code: UInt8, quoting quoted: [UInt8]) -> [UInt8] {
  var message = [type, code, 0, 0, 0, 0, 0, 0] + quoted
  message.replaceSubrange(2..<4, with: big(~onesComplementSum(message)))
  return message
}

/// Our probe as quoted by a router: the IPv4 header and the first `bytes` behind it.
func quotedProbe(
  bytes: Int, protocol number: UInt8 = 6, port: UInt16 = ourPort, sequence: UInt32 = cookie,
  identification: UInt16 = probeIdentification, options: [UInt8] = [], headerWords: UInt8? = nil
) -> [UInt8] {
  let segment = tcp(
    0x02, from: port, to: targetPort, sequence: sequence, acknowledgment: 0,
    options: [2, 4, 5, 0xb4], addresses: (ours, target))
  let packet = ipv4(
    segment, protocol: number, from: ours, to: target, options: options, headerWords: headerWords,
    identification: identification)
  return Array(packet.prefix(20 + options.count + bytes))
}

/// The bytes of a number in network order.
func big(_ number: some FixedWidthInteger) -> [UInt8] {
  stride(from: number.bitWidth - 8, through: 0, by: -8).map {
    UInt8(truncatingIfNeeded: number >> $0)
  }
}

/// The sum of RFC 1071, for at most 64 KiB.
func onesComplementSum(_ bytes: [UInt8]) -> UInt16 {
  var sum: UInt32 = 0
  for (index, byte) in bytes.enumerated() {
    sum += index % 2 == 0 ? UInt32(byte) << 8 : UInt32(byte)
  }
  while sum > 0xffff { sum = (sum & 0xffff) + sum >> 16 }
  return UInt16(sum)
}

extension [UInt8] {
  /// The frame zero-padded to the Ethernet minimum without the FCS.
  var padded: [UInt8] { self + [UInt8](repeating: 0, count: Swift.max(0, 60 - count)) }
}
