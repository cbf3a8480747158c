// The fields of a result, by ZMap's names (zmap: src/fieldset.c, module_tcp_synscan.c).
import Wire

/// One reply that was found new or a repeat, ready to be written.
public struct Result: Sendable {
  public var reply: Reply
  /// The pair had been reported before.
  public var isRepeat: Bool
  /// It came after sending had ended.
  public var inCooldown: Bool
  /// Receipt, nanoseconds since 1970 UTC.
  public var time: UInt64

  public init(reply: Reply, isRepeat: Bool, inCooldown: Bool, time: UInt64) {
    self.reply = reply
    self.isRepeat = isRepeat
    self.inCooldown = inCooldown
    self.time = time
  }
}

/// A column of the output. The raw values are what `-f` takes.
public enum ResultField: String, CaseIterable, Sendable {
  case saddr, daddr, ipid, ttl, sport, dport, seqnum, acknum, window
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

  public static let standard: [ResultField] = [.saddr, .sport]

  /// Parses `-f`: names between commas, in the order of the output.
  public static func parse(list: String) throws(UnknownField) -> [ResultField] {
    var fields: [ResultField] = []
    for name in list.split(separator: ",", omittingEmptySubsequences: false) {
      let trimmed = String(name.drop { $0 == " " })
      guard let field = ResultField(rawValue: trimmed) else { throw UnknownField(name: trimmed) }
      fields.append(field)
    }
    return fields
  }
}

public struct UnknownField: Error, Hashable, Sendable, CustomStringConvertible {
  public let name: String
  public var description: String {
    let known = ResultField.allCases.map(\.rawValue).joined(separator: ",")
    return "there is no field \"\(name)\"; known are \(known)"
  }
}

/// A value of a field: what it looks like in CSV and in JSON differs only by quotes.
enum FieldValue {
  case number(UInt64)
  case text(String)
  case address(IPv4Address)
  case timestamp(UInt64)
  case absent
}

extension ResultField {
  /// ICMP errors have no TCP fields and the other way round; those are absent, not zero.
  func value(of result: Result) -> FieldValue {
    let reply = result.reply
    switch self {
    case .saddr: return .address(reply.source)
    case .daddr: return .address(reply.destination)
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
    case .icmpType, .icmpCode, .icmpResponder:
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
    case .tcpoptWscale: return optional(reply.tcpOptions.windowScale)
    case .tcpoptSackPerm:
      return .number(reply.tcpOptions.selectiveAcknowledgmentPermitted ? 1 : 0)
    case .tcpoptTsVal: return optional(reply.tcpOptions.timestampValue)
    default: return optional(reply.tcpOptions.timestampEcho)
    }
  }

  private func icmpValue(of reply: Reply) -> FieldValue {
    switch self {
    case .icmpType: .number(UInt64(reply.icmpType))
    case .icmpCode: .number(UInt64(reply.icmpCode))
    default: .address(reply.icmpResponder)
    }
  }

  /// ZMap's words.
  private static func classification(_ reply: Reply) -> String {
    switch reply.kind {
    case .open: "synack"
    case .closed: "rst"
    case .icmp: "icmp"
    }
  }
}
