// The fields of a result, with ZMap's names (zmap: src/fieldset.c, module_tcp_synscan.c).
import Plan
import Support
import Wire

/// A reported reply, ready to be written.
public struct ScanResult: Sendable {
  public var reply: Reply
  /// Whether a reply from the same pair has been reported already, which this one outranks: a SYN-ACK after an RST. False
  /// for all results with `--no-dedupe`, because there is no dedupe table.
  public var isRepeat: Bool
  /// Whether the reply came during the cooldown.
  public var inCooldown: Bool
  /// The time of receipt, nanoseconds since 1970 UTC.
  public var time: UInt64

  public init(reply: Reply, isRepeat: Bool, inCooldown: Bool, time: UInt64) {
    self.reply = reply
    self.isRepeat = isRepeat
    self.inCooldown = inCooldown
    self.time = time
  }
}

/// A field of the output. The raw values are the names that `-f` takes.
public enum ResultField: String, CaseIterable, Sendable {
  case saddr
  case saddrRaw = "saddr_raw"
  case daddr
  case daddrRaw = "daddr_raw"
  case ipid, ttl, sport, dport, seqnum, acknum, window
  case tcpoptMSS = "tcpopt_mss"
  case tcpoptWscale = "tcpopt_wscale"
  case tcpoptSackPerm = "tcpopt_sack_perm"
  case tcpoptTsVal = "tcpopt_ts_val"
  case tcpoptTsEcr = "tcpopt_ts_ecr"
  case classification, success
  case isRepeat = "repeat"
  case cooldown
  case timestampStr = "timestamp_str"
  case timestampTs = "timestamp_ts"
  case timestampUs = "timestamp_us"
  case icmpType = "icmp_type"
  case icmpCode = "icmp_code"
  case icmpResponder = "icmp_responder"
  case icmpUnreachStr = "icmp_unreach_str"

  /// The fields of a scan without `-f`.
  public static let standard: [ResultField] = [.saddr, .sport]

  /// Parses a list of names separated by commas, in the order of the output. Throws if a name is unknown or repeated,
  /// because a JSON object must not repeat a member (RFC 8259, section 4).
  public static func parse(list: String) throws(ValueError) -> [ResultField] {
    var fields: [ResultField] = []
    var offset = 0
    for name in list.split(separator: ",", omittingEmptySubsequences: false) {
      let trimmed = String(name.drop { $0 == " " })
      guard let field = ResultField(rawValue: trimmed) else {
        throw ValueError(
          found: "the field \"\(Escaping.quotable(trimmed, limit: 60))\"",
          expected: "one of " + allCases.map(\.rawValue).joined(separator: ","), offset: offset)
      }
      guard !fields.contains(field) else {
        throw ValueError(
          found: "the field \"\(trimmed)\" twice", expected: "each field once", offset: offset)
      }
      fields.append(field)
      offset += name.utf8.count + 1
    }
    return fields
  }
}

/// The value of a field. CSV and JSON differ only in the quotes around it.
enum FieldValue {
  case number(UInt64)
  case text(String)
  case address(IPv4Address)
  case timestamp(UInt64)
  case absent
}

extension ResultField {
  /// Returns the value of the field. TCP fields of ICMP errors, and ICMP fields of TCP replies, are absent, not zero.
  func value(of result: ScanResult) -> FieldValue {
    let reply = result.reply
    switch self {
    case .saddr: return .address(reply.source)
    case .daddr: return .address(reply.destination)
    case .saddrRaw: return .number(Self.raw(reply.source))
    case .daddrRaw: return .number(Self.raw(reply.destination))
    case .ipid: return .number(UInt64(reply.identification))
    case .ttl: return .number(UInt64(reply.timeToLive))
    case .sport: return .number(UInt64(reply.sourcePort.value))
    case .dport: return .number(UInt64(reply.destinationPort.value))
    case .classification: return .text(Self.classification(reply))
    case .success: return .number(reply.kind == .open ? 1 : 0)
    case .isRepeat: return .number(result.isRepeat ? 1 : 0)
    case .cooldown: return .number(result.inCooldown ? 1 : 0)
    case .timestampStr: return .timestamp(result.time)
    case .timestampTs: return .number(result.time / 1_000_000_000)
    case .timestampUs: return .number(result.time % 1_000_000_000 / 1000)
    case .seqnum, .acknum, .window, .tcpoptMSS, .tcpoptWscale, .tcpoptSackPerm, .tcpoptTsVal,
      .tcpoptTsEcr:
      return reply.kind == .icmp ? .absent : tcpValue(of: reply)
    case .icmpType, .icmpCode, .icmpResponder, .icmpUnreachStr:
      return reply.kind == .icmp ? icmpValue(of: reply) : .absent
    }
  }

  private func tcpValue(of reply: Reply) -> FieldValue {
    func optional(_ number: (some UnsignedInteger)?) -> FieldValue {
      number.map { .number(UInt64($0)) } ?? .absent
    }
    switch self {
    case .seqnum: return .number(UInt64(reply.sequenceNumber))
    case .acknum: return .number(UInt64(reply.acknowledgmentNumber))
    case .window: return .number(UInt64(reply.window))
    case .tcpoptMSS: return optional(reply.tcpOptions.maximumSegmentSize)
    case .tcpoptWscale:
      // Like ZMap, report the factor, not its logarithm. RFC 7323, section 2.3, reads values above 14 as 14.
      return optional(reply.tcpOptions.windowScale.map { UInt32(1) << min($0, 14) })
    case .tcpoptSackPerm:
      return reply.tcpOptions.selectiveAcknowledgmentPermitted ? .number(1) : .absent
    case .tcpoptTsVal: return optional(reply.tcpOptions.timestampValue)
    default: return optional(reply.tcpOptions.timestampEcho)
    }
  }

  private func icmpValue(of reply: Reply) -> FieldValue {
    switch self {
    case .icmpType: .number(UInt64(reply.icmpType))
    case .icmpCode: .number(UInt64(reply.icmpCode))
    case .icmpUnreachStr: reply.icmpType == 3 ? .text(Self.unreachable(reply.icmpCode)) : .absent
    default: .address(reply.icmpResponder)
    }
  }

  /// Returns the address as ZMap prints it: its bytes in network order, read as a little-endian integer.
  private static func raw(_ address: IPv4Address) -> UInt64 { UInt64(address.value.bigEndian) }

  /// ZMap's names of the codes of destination unreachable (RFC 792, RFC 1122, RFC 1812), in its spelling.
  private static let unreachables = [
    "network unreachable", "host unreachable", "protocol unreachable", "port unreachable",
    "fragments required", "source route failed", "network unknown", "host unknown",
    "source host isolated", "network admin. prohibited", "host admin. prohibited",
    "network unreachable TOS", "host unreachable TOS", "communication admin. prohibited",
    "host presdence violation", "precedence cutoff",
  ]

  private static func unreachable(_ code: UInt8) -> String {
    unreachables.indices.contains(Int(code)) ? unreachables[Int(code)] : "unknown"
  }

  /// Returns ZMap's name for the kind of reply.
  private static func classification(_ reply: Reply) -> String {
    switch reply.kind {
    case .open: "synack"
    case .closed: "rst"
    case .icmp: "icmp"
    }
  }
}
