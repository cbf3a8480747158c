// The fates of received packets. Their numbers are those of `enum synbox_stat` in bpf/synbox.h.

/// What became of a packet that the receive program saw. Each packet has exactly one fate.
public enum Fate: Int, CaseIterable, Sendable {
  /// Another EtherType.
  case notIPv4
  /// Shorter than its headers require, or longer than any reply.
  case malformed
  case fragment
  /// Not to one of the scan's source addresses.
  case notOurs
  /// Neither TCP nor an ICMP error that quotes TCP.
  case otherProtocol
  /// Not to one of the scan's source ports.
  case otherPort
  /// A TCP segment that is neither SYN-ACK nor RST-ACK.
  case notReply
  case badCookie
  /// An ICMP error with a valid cookie that quotes another IPv4 identification than the probe's.
  case badIdentification
  case badChecksum
  /// A valid SYN-ACK, passed to user space.
  case open
  /// A valid SYN-ACK that found the event ring full. No RST is sent, so the target retransmits it.
  case openRingFull
  /// A valid RST, passed to user space.
  case closed
  /// A valid RST that `--report` does not select.
  case closedUnreported
  case closedRingFull
  /// A valid ICMP error, passed to user space.
  case icmp
  /// A valid ICMP error that `--report` does not select.
  case icmpUnreported
  case icmpRingFull

  /// The name in the summary and the metrics.
  public var name: String {
    switch self {
    case .notIPv4: "not_ipv4"
    case .malformed: "malformed"
    case .fragment: "fragment"
    case .notOurs: "not_ours"
    case .otherProtocol: "other_protocol"
    case .otherPort: "other_port"
    case .notReply: "not_reply"
    case .badCookie: "bad_cookie"
    case .badIdentification: "bad_identification"
    case .badChecksum: "bad_checksum"
    case .open: "open"
    case .openRingFull: "open_ring_full"
    case .closed: "closed"
    case .closedUnreported: "closed_unreported"
    case .closedRingFull: "closed_ring_full"
    case .icmp: "icmp"
    case .icmpUnreported: "icmp_unreported"
    case .icmpRingFull: "icmp_ring_full"
    }
  }
}

/// The number of packets with each fate, and of packets that the receive program withheld.
public struct FateCounts: Hashable, Sendable {
  /// The counts, indexed by `Fate.rawValue`, followed by the number of packets withheld.
  public var values: [UInt64]

  public init() { values = [UInt64](repeating: 0, count: Fate.allCases.count + 1) }

  public subscript(_ fate: Fate) -> UInt64 {
    get { values[fate.rawValue] }
    set { values[fate.rawValue] = newValue }
  }

  /// Packets to dedicated addresses that were no valid replies, and were therefore dropped.
  public var withheld: UInt64 {
    get { values[Fate.allCases.count] }
    set { values[Fate.allCases.count] = newValue }
  }

  /// All packets.
  public var seen: UInt64 { values.prefix(Fate.allCases.count).reduce(0, +) }
  public var open: UInt64 { self[.open] }
  public var closed: UInt64 { self[.closed] + self[.closedUnreported] + self[.closedRingFull] }
  public var icmp: UInt64 { self[.icmp] + self[.icmpUnreported] + self[.icmpRingFull] }
  /// Valid replies, without SYN-ACKs that found the ring full, which their targets retransmit.
  public var valid: UInt64 { open + closed + icmp }
  /// Replies with a wrong cookie, identification or checksum.
  public var invalid: UInt64 { self[.badCookie] + self[.badIdentification] + self[.badChecksum] }
  /// Valid replies that found the event ring full.
  public var eventsLost: UInt64 {
    self[.openRingFull] + self[.closedRingFull] + self[.icmpRingFull]
  }

  /// Returns the counts since `before`.
  public static func - (now: Self, before: Self) -> Self {
    var difference = now
    for index in difference.values.indices { difference.values[index] &-= before.values[index] }
    return difference
  }
}
