// Hostile packets, and valid ones that look odd. Part of the packet table.

import Kernel
import Wire

private let synAck: UInt8 = 0x12
private let rstAck: UInt8 = 0x14
private let mss: [UInt8] = [2, 4, 5, 0xb4]

/// A frame with bits of the byte at `offset` flipped.
private func flipped(_ frame: [UInt8], at offset: Int, _ bits: UInt8 = 0x01) -> [UInt8] {
  var frame = frame
  frame[offset] ^= bits
  return frame
}

/// A frame whose IPv4 packet lacks its last `bytes`.
private func cut(_ packet: [UInt8], by bytes: Int) -> [UInt8] {
  Array(ethernet(packet).dropLast(bytes))
}

private func error(_ quoted: [UInt8], padding: Int = 0) -> [UInt8] {
  ethernet(ipv4(icmp(3, 1, quoting: quoted), protocol: 1, from: 0xc613_fffe))
    + [UInt8](repeating: 0, count: padding)
}

/// Offsets in a frame without tags and IPv4 options.
enum FrameOffset {
  static let ipv4Checksum = 24
  static let tcpFlags = 47
  static let tcpChecksum = 50
  static let icmpChecksum = 36
  static let payload = 54
}

/// A SYN-ACK as Linux's TCP passes it to an adapter that completes checksums (CHECKSUM_PARTIAL).
let partialSynAck = tcpFrame(tcp(synAck, options: mss, checksum: .partial))

/// Packets whose lengths contradict each other or the frame.
let lengthRows: [PacketRow] = [
  PacketRow("a data offset of 0", tcpFrame(tcp(synAck, headerWords: 0)), .pass, .malformed),
  PacketRow("a data offset of 4", tcpFrame(tcp(synAck, headerWords: 4)), .pass, .malformed),
  PacketRow(
    "a data offset beyond the total length, behind which the frame continues",
    ethernet(ipv4(tcp(synAck, headerWords: 6))) + mss, .pass, .malformed),
  PacketRow(
    "a data offset beyond the total length and the frame",
    ethernet(ipv4(tcp(synAck, options: mss, headerWords: 15))), .pass, .malformed),
  PacketRow(
    "options that the link's padding would complete",
    ethernet(ipv4(tcp(synAck, options: mss), totalLength: 42)).padded, .pass, .malformed),
  PacketRow(
    "a TCP header that the link's padding would complete",
    ethernet(ipv4(tcp(synAck), totalLength: 39)).padded, .pass, .malformed),
  PacketRow(
    "a total length of the IPv4 header alone", ethernet(ipv4(tcp(synAck), totalLength: 20)).padded,
    .pass, .malformed),
  PacketRow(
    "a total length of 0, as segments merged by an adapter have",
    ethernet(ipv4(tcp(synAck), totalLength: 0)).padded, .pass, .malformed),
  PacketRow(
    "a SYN-ACK of which the last byte was not captured",
    cut(ipv4(tcp(synAck, data: [1, 2, 3, 4])), by: 1),
    .pass, .malformed),
  PacketRow(
    "a SYN-ACK of which half the options were not captured",
    cut(ipv4(tcp(synAck, options: linuxOptions)), by: 10), .pass, .malformed),
  PacketRow(
    "a total length of 65535", ethernet(ipv4(tcp(synAck), totalLength: 65535)).padded, .pass, .malformed
  ),
  PacketRow(
    "an IPv4 header of 15 words of which 5 are there",
    ethernet(ipv4(tcp(synAck), headerWords: 15)).padded,
    .pass, .malformed),
  PacketRow(
    "a SYN-ACK of 1501 bytes", tcpFrame(tcp(synAck, data: [UInt8](repeating: 0x55, count: 1461))),
    .pass,
    .malformed),
  PacketRow(
    "a jumbo of 3000 bytes", tcpFrame(tcp(synAck, data: [UInt8](repeating: 0x55, count: 2960))), .pass,
    .malformed),
  PacketRow(
    "an error with seven bytes of our probe and padding",
    error(quotedProbe(bytes: 7), padding: 11), .pass, .malformed),
  PacketRow(
    "an error whose quoted header says 15 words",
    error(quotedProbe(bytes: 24, headerWords: 15)), .pass, .malformed),
  PacketRow(
    "an error of 2000 bytes", error(quotedProbe(bytes: 24) + [UInt8](repeating: 0, count: 1928)),
    .pass,
    .malformed),
  PacketRow("a runt of an Ethernet header and one byte", ethernet([0x45]), .pass, .malformed),
]

/// Packets with a valid cookie and a wrong checksum.
let checksumRows: [PacketRow] = [
  PacketRow(
    "a SYN-ACK with a wrong IPv4 checksum",
    flipped(tcpFrame(tcp(synAck)), at: FrameOffset.ipv4Checksum),
    .pass, .badChecksum),
  PacketRow(
    "a SYN-ACK with a wrong checksum over IPv4 options",
    flipped(ethernet(ipv4(tcp(synAck), options: [1, 1, 1, 0])).padded, at: 34), .pass, .badChecksum),
  PacketRow(
    "a SYN-ACK with a wrong TCP checksum", flipped(tcpFrame(tcp(synAck)), at: FrameOffset.tcpChecksum),
    .pass, .badChecksum),
  PacketRow(
    "a SYN-ACK with a TCP checksum of 0",
    tcpFrame(tcp(synAck, checksum: .zero)), .pass, .badChecksum),
  PacketRow(
    "a SYN-ACK with an option changed on the way",
    flipped(tcpFrame(tcp(synAck, options: linuxOptions)), at: FrameOffset.payload + 18), .pass,
    .badChecksum),
  PacketRow(
    "a SYN-ACK with its last byte of data changed",
    flipped(
      tcpFrame(tcp(synAck, data: [UInt8](repeating: 7, count: 77))), at: FrameOffset.payload + 76),
    .pass, .badChecksum),
  PacketRow("a SYN-ACK whose checksum was left to an adapter", partialSynAck, .pass, .badChecksum),
  PacketRow(
    "an RST with a wrong TCP checksum", flipped(tcpFrame(tcp(rstAck)), at: FrameOffset.tcpChecksum),
    .pass,
    .badChecksum),
  PacketRow(
    "an error with a wrong IPv4 checksum",
    flipped(error(quotedProbe(bytes: 8)), at: FrameOffset.ipv4Checksum), .pass, .badChecksum),
  PacketRow(
    "an error with a wrong ICMP checksum",
    flipped(error(quotedProbe(bytes: 8)), at: FrameOffset.icmpChecksum), .pass, .badChecksum),
  PacketRow(
    "an error with an ICMP checksum that leaves out the last byte",
    flipped(error(quotedProbe(bytes: 8) + [9]), at: 70), .pass, .badChecksum),
]

/// Unusual packets that are valid replies.
let oddRows: [PacketRow] = [
  PacketRow(
    "a SYN-ACK with data", tcpFrame(tcp(synAck, data: Array("SSH-2.0-x".utf8))), .drop, .open),
  PacketRow(
    "a SYN-ACK with options and an odd byte of data",
    tcpFrame(tcp(synAck, options: linuxOptions, data: [0x41])), .drop, .open, options: linuxOptions),
  PacketRow(
    "a SYN-ACK with 67 bytes of data",
    tcpFrame(tcp(synAck, data: (0..<67).map { UInt8($0) })), .drop, .open),
  PacketRow(
    "a SYN-ACK with an option of length 0",
    tcpFrame(tcp(synAck, options: mss + [3, 0, 0, 0])), .drop, .open, options: mss + [3, 0, 0, 0]),
  PacketRow(
    "a SYN-ACK with an option of length 1",
    tcpFrame(tcp(synAck, options: [254, 1, 1, 1])), .drop, .open, options: [254, 1, 1, 1]),
  PacketRow(
    "a SYN-ACK with an option that runs past the header",
    tcpFrame(tcp(synAck, options: [8, 10, 0, 0], data: [9, 9, 9, 9])), .drop, .open,
    options: [8, 10, 0, 0]),
  PacketRow(
    "a SYN-ACK with an IPv4 header of 15 words: the transmitter must send the RST",
    ethernet(ipv4(tcp(synAck, options: mss), options: [UInt8](repeating: 1, count: 40))), .drop, .open,
    options: mss),
  PacketRow(
    "a SYN-ACK with an IPv4 header of 15 words, behind two VLAN tags, with data",
    ethernet(
      ipv4(tcp(synAck, data: [1, 2, 3]), options: [UInt8](repeating: 1, count: 40)),
      tags: [0x88a8, 0x8100]),
    .drop, .open),
  PacketRow("a SYN-ACK with PSH and URG", tcpFrame(tcp(synAck | 0x28)), .drop, .open),
  PacketRow("a SYN-ACK with ECE and CWR", tcpFrame(tcp(synAck | 0xc0)), .drop, .open),
  PacketRow("an RST with data", tcpFrame(tcp(rstAck, data: Array("go away".utf8))), .drop, .closed),
  PacketRow(
    "an RST with an IPv4 header of 15 words",
    ethernet(ipv4(tcp(rstAck), options: [UInt8](repeating: 1, count: 40))), .drop, .closed),
  PacketRow(
    "an error that quotes an IPv4 header of 15 words",
    error(quotedProbe(bytes: 8, options: [UInt8](repeating: 1, count: 40))), .drop, .icmp),
  PacketRow(
    "an error in an IPv4 header of 15 words",
    ethernet(
      ipv4(
        icmp(3, 3, quoting: quotedProbe(bytes: 8)), protocol: 1,
        options: [UInt8](repeating: 1, count: 40))), .drop, .icmp),
  PacketRow(
    "an error with extensions behind our probe (RFC 4884)",
    error(quotedProbe(bytes: 24) + [UInt8](repeating: 0, count: 84) + [0x20, 0, 0, 0, 0, 8, 1, 1]),
    .drop,
    .icmp),
]

/// Packets that are never valid, whatever they acknowledge.
let nonsenseRows: [PacketRow] = [
  PacketRow("an RST without ACK that carries our number", tcpFrame(tcp(0x04)), .pass, .notReply),
  PacketRow(
    "an RST without ACK whose sequence number is ours", tcpFrame(tcp(0x04, sequence: cookie &+ 1)),
    .pass,
    .notReply),
  PacketRow("an RST with FIN", tcpFrame(tcp(rstAck | 0x01)), .pass, .notReply),
  PacketRow("every flag there is", tcpFrame(tcp(0xff)), .pass, .notReply),
  PacketRow(
    "a first fragment that is a whole SYN-ACK", ethernet(ipv4(tcp(synAck), fragment: 0x2000)).padded,
    .pass,
    .fragment),
  PacketRow(
    "a fragment at offset 8 whose bytes are a SYN-ACK",
    ethernet(ipv4(tcp(synAck), fragment: 1)).padded, .pass,
    .fragment),
  PacketRow(
    "an error in fragments",
    ethernet(ipv4(icmp(3, 1, quoting: quotedProbe(bytes: 8)), protocol: 1, fragment: 0x2000)), .pass,
    .fragment),
  PacketRow(
    "a SYN-ACK from another key",
    tcpFrame(tcp(synAck, acknowledgment: foreignCookie &+ 1)), .pass, .badCookie),
  PacketRow(
    "an error to an address that is not ours",
    ethernet(ipv4(icmp(3, 1, quoting: quotedProbe(bytes: 8)), protocol: 1, to: ours + 1)), .pass,
    .notOurs),
  PacketRow(
    "an error that quotes ICMP", error(quotedProbe(bytes: 8, protocol: 1)), .pass, .otherProtocol),
]

/// The same probe's sequence number under another key, as of another shard or run.
let foreignCookie = Cookie(key: SipHashKey(k0: 1, k1: 2)).sequenceNumber(
  source: ours, destination: target, sourcePort: ourPort, destinationPort: targetPort)

let hostileRows = lengthRows + checksumRows + oddRows + nonsenseRows
