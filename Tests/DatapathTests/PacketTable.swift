// Packets and their fates, which the receive program and its twin in Swift must both give.

import Kernel
import Testing
import Wire

/// One packet and its fate.
struct PacketRow: Sendable, CustomTestStringConvertible {
  let name: String
  let frame: [UInt8]
  let verdict: XDPVerdict
  let fate: Fate
  /// The TCP options that the event must contain.
  var options: [UInt8] = []

  init(
    _ name: String, _ frame: [UInt8], _ verdict: XDPVerdict, _ fate: Fate, options: [UInt8] = []
  ) {
    self.name = name
    self.frame = frame
    self.verdict = verdict
    self.fate = fate
    self.options = options
  }

  /// The kind of the expected event; nil for fates without an event.
  var kind: Reply.Kind? {
    switch fate {
    case .open: .open
    case .closed: .closed
    case .icmp: .icmp
    default: nil
    }
  }

  var testDescription: String { name }
}

private let synAck: UInt8 = 0x12
private let rstAck: UInt8 = 0x14
private let mss: [UInt8] = [2, 4, 5, 0xb4]
/// The options that Linux sends: MSS, SACK permitted, timestamps, NOP, window scale.
let linuxOptions: [UInt8] = mss + [4, 2, 8, 10, 0, 1, 2, 3, 4, 5, 6, 7, 1, 3, 3, 7]
let fullOptions: [UInt8] = linuxOptions + [30, 20] + [UInt8](repeating: 0xee, count: 18)

func tcpFrame(_ segment: [UInt8]) -> [UInt8] { ethernet(ipv4(segment)).padded }
private func icmpFrame(_ message: [UInt8]) -> [UInt8] {
  ethernet(ipv4(message, protocol: 1, from: 0xc613_fffe)).padded
}

let synAckRows: [PacketRow] = [
  PacketRow("a SYN-ACK", tcpFrame(tcp(synAck)), .drop, .open),
  PacketRow("a SYN-ACK without padding", ethernet(ipv4(tcp(synAck))), .drop, .open),
  PacketRow(
    "a SYN-ACK with an odd byte of padding", ethernet(ipv4(tcp(synAck))) + [0xaa], .drop, .open),
  PacketRow(
    "a SYN-ACK with one option", tcpFrame(tcp(synAck, options: mss)), .drop, .open, options: mss),
  PacketRow(
    "a SYN-ACK with 20 bytes of options", tcpFrame(tcp(synAck, options: linuxOptions)), .drop,
    .open, options: linuxOptions),
  PacketRow(
    "a SYN-ACK with 40 bytes of options", tcpFrame(tcp(synAck, options: fullOptions)), .drop,
    .open, options: fullOptions),
  PacketRow("a SYN-ACK with ECE", tcpFrame(tcp(synAck | 0x40)), .drop, .open),
  PacketRow(
    "a SYN-ACK with DF and a type of service",
    ethernet(ipv4(tcp(synAck), fragment: 0x4000, typeOfService: 0xb8)).padded, .drop, .open),
  PacketRow(
    "a SYN-ACK of 1500 bytes", tcpFrame(tcp(synAck, data: [UInt8](repeating: 0x55, count: 1460))),
    .drop, .open),
  PacketRow(
    "a SYN-ACK behind one VLAN tag", ethernet(ipv4(tcp(synAck)), tags: [0x8100]).padded, .drop,
    .open),
  PacketRow(
    "a SYN-ACK behind two VLAN tags",
    ethernet(ipv4(tcp(synAck, options: mss)), tags: [0x88a8, 0x8100]).padded, .drop, .open,
    options: mss),
  PacketRow(
    "a SYN-ACK whose options run past the packet's end",
    ethernet(ipv4(tcp(synAck, options: mss + [1, 1, 1, 1], headerWords: 15))), .pass, .malformed),
  PacketRow(
    "a SYN-ACK whose last option word is cut",
    Array(ethernet(ipv4(tcp(synAck, options: mss + mss))).dropLast(1)), .pass, .malformed),
  PacketRow(
    "a SYN-ACK with IPv4 options",
    ethernet(ipv4(tcp(synAck), options: [1, 1, 1, 0])).padded, .drop, .open),
  PacketRow(
    "a SYN-ACK to the first of our ports",
    tcpFrame(tcp(synAck, to: 39_990, acknowledgment: cookie(ourPort: 39_990) &+ 1)), .drop, .open),
  PacketRow(
    "a SYN-ACK to the last of our ports",
    tcpFrame(tcp(synAck, to: 40_010, acknowledgment: cookie(ourPort: 40_010) &+ 1)), .drop, .open),
]

let refusedRows: [PacketRow] = [
  PacketRow(
    "a SYN-ACK that acknowledges our own number", tcpFrame(tcp(synAck, acknowledgment: cookie)), .pass,
    .badCookie),
  PacketRow(
    "a SYN-ACK that acknowledges one byte too many",
    tcpFrame(tcp(synAck, acknowledgment: cookie &+ 2)), .pass, .badCookie),
  PacketRow(
    "a SYN-ACK that acknowledges nothing", tcpFrame(tcp(synAck, acknowledgment: 0)), .pass, .badCookie),
  PacketRow(
    "a SYN-ACK from a port we did not probe", tcpFrame(tcp(synAck, from: 444)), .pass, .badCookie),
  PacketRow(
    "a SYN-ACK from an address we did not probe", ethernet(ipv4(tcp(synAck), from: target + 1)).padded,
    .pass, .badCookie),
  PacketRow(
    "a SYN-ACK to an address that is not ours", ethernet(ipv4(tcp(synAck), to: ours + 1)).padded,
    .pass, .notOurs),
  PacketRow(
    "a SYN-ACK to a port below ours", tcpFrame(tcp(synAck, to: 39_989)), .pass, .otherPort),
  PacketRow(
    "a SYN-ACK to a port above ours", tcpFrame(tcp(synAck, to: 40_011)), .pass, .otherPort),
  PacketRow("a SYN", tcpFrame(tcp(0x02)), .pass, .notReply),
  PacketRow("an ACK", tcpFrame(tcp(0x10)), .pass, .notReply),
  PacketRow("a FIN-ACK", tcpFrame(tcp(0x11)), .pass, .notReply),
  PacketRow("a SYN-ACK with FIN", tcpFrame(tcp(0x13)), .pass, .notReply),
  PacketRow("a SYN-ACK with RST", tcpFrame(tcp(0x16)), .pass, .notReply),
  PacketRow("a segment without flags", tcpFrame(tcp(0)), .pass, .notReply),
  PacketRow("an RST without ACK", tcpFrame(tcp(0x04, acknowledgment: 0)), .pass, .notReply),
]

let resetRows: [PacketRow] = [
  PacketRow("an RST that acknowledges our SYN", tcpFrame(tcp(rstAck)), .drop, .closed),
  PacketRow(
    "an RST that acknowledges our number", tcpFrame(tcp(rstAck, acknowledgment: cookie)), .drop,
    .closed),
  PacketRow(
    "an RST that acknowledges one byte too many", tcpFrame(tcp(rstAck, acknowledgment: cookie &+ 2)),
    .pass, .badCookie),
  PacketRow(
    "an RST that acknowledges one byte too few", tcpFrame(tcp(rstAck, acknowledgment: cookie &- 1)),
    .pass, .badCookie),
  PacketRow("an RST with PSH", tcpFrame(tcp(rstAck | 0x08)), .drop, .closed),
]

let icmpRows: [PacketRow] = [
  PacketRow(
    "host unreachable with our whole probe", icmpFrame(icmp(3, 1, quoting: quotedProbe(bytes: 24))),
    .drop, .icmp),
  PacketRow(
    "administratively prohibited with eight bytes of our probe",
    icmpFrame(icmp(3, 13, quoting: quotedProbe(bytes: 8))), .drop, .icmp),
  PacketRow(
    "eight bytes of our probe without padding",
    ethernet(ipv4(icmp(3, 1, quoting: quotedProbe(bytes: 8)), protocol: 1)), .drop, .icmp),
  PacketRow(
    "source quench", icmpFrame(icmp(4, 0, quoting: quotedProbe(bytes: 8))), .drop, .icmp),
  PacketRow(
    "time exceeded with our whole probe", icmpFrame(icmp(11, 0, quoting: quotedProbe(bytes: 24))),
    .drop, .icmp),
  PacketRow(
    "parameter problem", icmpFrame(icmp(12, 0, quoting: quotedProbe(bytes: 8))), .drop, .icmp),
  PacketRow(
    "an error that quotes IPv4 options",
    icmpFrame(icmp(3, 1, quoting: quotedProbe(bytes: 8, options: [1, 1, 1, 0]))), .drop, .icmp),
  PacketRow(
    "an error behind a VLAN tag",
    ethernet(ipv4(icmp(3, 1, quoting: quotedProbe(bytes: 8)), protocol: 1), tags: [0x8100]), .drop,
    .icmp),
  PacketRow(
    "an error with seven bytes of our probe",
    ethernet(ipv4(icmp(3, 1, quoting: quotedProbe(bytes: 7)), protocol: 1)), .pass, .malformed),
  PacketRow(
    "an error that ends inside the quoted IPv4 header",
    ethernet(ipv4(icmp(3, 1, quoting: Array(quotedProbe(bytes: 0).prefix(19))), protocol: 1)), .pass,
    .malformed),
  PacketRow(
    "an error whose quoted header is shorter than a header",
    icmpFrame(icmp(3, 1, quoting: quotedProbe(bytes: 24, headerWords: 4))), .pass, .malformed),
  PacketRow(
    "an ICMP message of seven bytes", ethernet(ipv4([3, 1, 0, 0, 0, 0, 0], protocol: 1)), .pass,
    .malformed),
  PacketRow(
    "an error with another cookie",
    icmpFrame(icmp(3, 1, quoting: quotedProbe(bytes: 24, sequence: cookie ^ 0x8000_0000))), .pass,
    .badCookie),
  PacketRow(
    "an error that quotes the next identification",
    icmpFrame(icmp(3, 1, quoting: quotedProbe(bytes: 24, identification: probeIdentification &+ 1))),
    .pass,
    .badIdentification),
  PacketRow(
    "an error that quotes no identification",
    icmpFrame(icmp(11, 0, quoting: quotedProbe(bytes: 8, identification: 0))), .pass,
    .badIdentification),
  PacketRow(
    "an error that quotes the identification in the other byte order",
    icmpFrame(
      icmp(3, 3, quoting: quotedProbe(bytes: 8, identification: probeIdentification.byteSwapped))),
    .pass, .badIdentification),
  PacketRow(
    "an error that quotes a foreign port",
    icmpFrame(icmp(3, 1, quoting: quotedProbe(bytes: 24, port: 39_989))), .pass, .otherPort),
  PacketRow(
    "an error that quotes UDP", icmpFrame(icmp(3, 3, quoting: quotedProbe(bytes: 8, protocol: 17))),
    .pass, .otherProtocol),
  PacketRow(
    "an echo reply", icmpFrame(icmp(0, 0, quoting: quotedProbe(bytes: 24))), .pass, .otherProtocol),
  PacketRow(
    "a redirect", icmpFrame(icmp(5, 1, quoting: quotedProbe(bytes: 24))), .pass, .otherProtocol),
]

let malformedRows: [PacketRow] = [
  PacketRow("an Ethernet header alone", ethernet([]), .pass, .malformed),
  PacketRow("IPv6", ethernet([UInt8](repeating: 0x60, count: 46), type: 0x86dd), .pass, .notIPv4),
  PacketRow("ARP", ethernet([UInt8](repeating: 0, count: 46), type: 0x0806), .pass, .notIPv4),
  PacketRow(
    "ARP behind a VLAN tag", ethernet([UInt8](repeating: 0, count: 46), type: 0x0806, tags: [0x8100]),
    .pass, .notIPv4),
  PacketRow(
    "a SYN-ACK behind three VLAN tags",
    ethernet(ipv4(tcp(synAck)), tags: [0x88a8, 0x8100, 0x8100]), .pass, .notIPv4),
  PacketRow("a VLAN tag cut in two", ethernet([0], type: 0x8100), .pass, .malformed),
  PacketRow("UDP", ethernet(ipv4(tcp(synAck), protocol: 17)).padded, .pass, .otherProtocol),
  PacketRow(
    "the first fragment", ethernet(ipv4(tcp(synAck), fragment: 0x2000)).padded, .pass, .fragment),
  PacketRow("a later fragment", ethernet(ipv4(tcp(synAck), fragment: 3)).padded, .pass, .fragment),
  PacketRow(
    "version 6 under IPv4's EtherType", ethernet(ipv4(tcp(synAck), version: 6)).padded, .pass,
    .malformed),
  PacketRow(
    "an IPv4 header of four words", ethernet(ipv4(tcp(synAck), headerWords: 4)).padded, .pass,
    .malformed),
  PacketRow(
    "an IPv4 header that runs past the end",
    ethernet(ipv4(tcp(synAck), headerWords: 15)), .pass, .malformed),
  PacketRow(
    "an IPv4 packet shorter than its header", ethernet(ipv4(tcp(synAck), totalLength: 19)).padded,
    .pass, .malformed),
  PacketRow("an IPv4 header cut by one byte", ethernet(Array(ipv4([]).dropLast())), .pass, .malformed),
  PacketRow(
    "a TCP header cut by one byte", ethernet(ipv4(Array(tcp(synAck).dropLast()))), .pass, .malformed),
  PacketRow("no TCP header at all", ethernet(ipv4([])), .pass, .malformed),
  PacketRow(
    "a TCP header of four words", tcpFrame(tcp(synAck, headerWords: 4)), .pass, .malformed),
]

let packetTable = synAckRows + refusedRows + resetRows + icmpRows + malformedRows + hostileRows

/// The sequence number of the probe from another of our ports.
func cookie(ourPort port: UInt16) -> UInt32 {
  Cookie(key: referenceKey).sequenceNumber(
    source: ours, destination: target, sourcePort: port, destinationPort: targetPort)
}
