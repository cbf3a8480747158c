// What became of a received packet. The numbers are those of enum synbox_stat in bpf/synbox.h.

/// Every packet the receive program sees has exactly one fate; their sum is the packets seen.
public enum Fate: Int, CaseIterable, Sendable {
  case notIPv4
  case malformed
  case fragment
  case notOurs
  case otherProtocol
  case otherPort
  case notReply
  case badCookie
  case badChecksum
  case open
  case openRingFull
  case closed
  case closedUnreported
  case closedRingFull
  case icmp
  case icmpUnreported
  case icmpRingFull

  /// As it stands in the summary.
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

/// How many packets met each fate, and how many RSTs the receive program sent itself.
public struct FateCounts: Hashable, Sendable {
  /// Indexed by `Fate.rawValue`, followed by the RSTs.
  public var values: [UInt64]

  public init() { values = [UInt64](repeating: 0, count: Fate.allCases.count + 1) }

  public subscript(_ fate: Fate) -> UInt64 {
    get { values[fate.rawValue] }
    set { values[fate.rawValue] = newValue }
  }

  public var resetsSent: UInt64 {
    get { values[Fate.allCases.count] }
    set { values[Fate.allCases.count] = newValue }
  }

  public var seen: UInt64 { values.dropLast().reduce(0, +) }
  public var open: UInt64 { self[.open] }
  public var closed: UInt64 { self[.closed] + self[.closedUnreported] + self[.closedRingFull] }
  public var icmp: UInt64 { self[.icmp] + self[.icmpUnreported] + self[.icmpRingFull] }
  /// Replies whose cookie held and that were not left for the target to send again.
  public var valid: UInt64 { open + closed + icmp }
  /// Looked like replies, but were not to be believed.
  public var invalid: UInt64 { self[.badCookie] + self[.badChecksum] }
  /// Events that found the ring full.
  public var eventsLost: UInt64 {
    self[.openRingFull] + self[.closedRingFull] + self[.icmpRingFull]
  }

  public static func - (now: Self, before: Self) -> Self {
    var difference = now
    for index in difference.values.indices { difference.values[index] &-= before.values[index] }
    return difference
  }
}
