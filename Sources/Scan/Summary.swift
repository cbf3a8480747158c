// The account of a scan: every stage's counter, and the proof that they add up.

import Wire

/// What the metadata file holds. Field names in JSON are these in snake_case (interface.md).
public struct Summary: Sendable {
  public var version = ""
  /// Nanoseconds since 1970 UTC.
  public var started: UInt64 = 0
  public var ended: UInt64 = 0
  public var interface = ""
  public var driver = ""
  /// What each queue got, `packet:0`, `xdp-copy:3`.
  public var transmitModes: [String] = []
  public var receiveMode = ""
  /// Why the modes are these, where `auto` chose them.
  public var modeReason: String?
  /// Who closes half-open connections: `none`, `in-place`, `transmitter`, `kernel`.
  public var resetMode = ""
  /// Which TCP checksums are believed: `full`, `full or partial`.
  public var checksumMode = ""
  public var seed: UInt64 = 0
  public var shard = 0
  public var shards = 1

  /// (address, port) pairs in this scan's plan, all shards together.
  public var targetsTotal: UInt64 = 0
  /// Pairs left out by scope and special-purpose rules.
  public var targetsOutOfScope: UInt64 = 0
  /// Pairs on a directly connected network whose address gave no Ethernet address, so not probed.
  public var targetsUnresolved: UInt64 = 0
  /// Probes of this scan left out because the scope came to deny their addresses while it ran. Those that an
  /// interrupted scan comes to again count again, as probes do that it sends again.
  public var deniedDuringScan: UInt64 = 0
  public var probesGenerated: UInt64 = 0
  public var probesCompleted: UInt64 = 0
  public var probesRefused: UInt64 = 0
  /// Probes per second; 0 is no limit.
  public var rateRequested: UInt64 = 0
  /// What a target file asked for where the box's own rate is lower; 0 is no limit. nil: nothing was capped.
  public var rateCappedFrom: UInt64?
  public var sendingSeconds: Double = 0
  /// Probes that may leave at once: what any ten milliseconds may hold beyond their share of the rate. 0
  /// without a limit.
  public var pacedBatch: UInt64 = 0

  /// All packets that the receive side saw, by what became of them.
  public var fates = FateCounts()
  public var repliesReceived: UInt64 = 0
  public var repliesInvalid: UInt64 = 0
  public var repliesOpen: UInt64 = 0
  public var repliesClosed: UInt64 = 0
  public var repliesICMP: UInt64 = 0
  /// In place and through the transmitter.
  public var resetsSent: UInt64 = 0
  public var eventsLost: UInt64 = 0
  /// Of the valid ones those that `--report` asks for: results written, duplicates and results discarded.
  public var repliesReported: UInt64 = 0
  public var duplicates: UInt64 = 0
  /// Pairs forgotten because of the bound of memory. Each may stand among the results once more.
  public var dedupeEvictions: UInt64 = 0
  /// That bound, bytes; 0 without dedupe.
  public var dedupeMemoryBytes: UInt64 = 0
  public var resultsWritten: UInt64 = 0
  /// News that came after the limit of results was reached.
  public var resultsDiscarded: UInt64 = 0

  public var cpuUserSeconds: Double = 0
  public var cpuSystemSeconds: Double = 0
  public var peakResidentBytes: UInt64 = 0
  public var resumed = 0
  /// The scope that the targets were planned under.
  public var scopeSHA256 = ""
  /// How often it changed during the scan, and what it was at the end.
  public var scopeChanges: UInt64 = 0
  public var scopeSHA256AtEnd = ""
  /// `done`, `max-results`, `max-runtime`, `interrupted`, `terminated`, or the fault that ended it.
  public var endedBecause = "done"

  public init() {}

  /// Of a scan that has done so much.
  public init(_ totals: ScanTotals) {
    started = totals.started
    targetsUnresolved = totals[.targetsUnresolved]
    deniedDuringScan = totals[.denied]
    scopeChanges = totals[.scopeChanges]
    probesCompleted = totals[.probesCompleted]
    probesRefused = totals[.probesRefused]
    probesGenerated = probesCompleted + probesRefused
    sendingSeconds = Double(totals[.sending]) / 1e9
    fates = totals.fates
    repliesOpen = fates.open
    repliesClosed = fates.closed
    repliesICMP = fates.icmp
    repliesInvalid = fates.invalid
    eventsLost = fates.eventsLost
    repliesReceived = fates.valid + fates.invalid + fates[.openRingFull]
    resetsSent = totals[.resetsSent] + fates.resetsSent
    repliesReported = totals[.reported]
    duplicates = totals[.duplicates]
    dedupeEvictions = totals[.evictions]
    resultsWritten = totals[.written]
    resultsDiscarded = totals[.discarded]
    cpuUserSeconds = Double(totals[.processorUser]) / 1e6
    cpuSystemSeconds = Double(totals[.processorSystem]) / 1e6
    peakResidentBytes = totals[.peakResident]
  }

  public var repliesValid: UInt64 { repliesOpen + repliesClosed + repliesICMP }
  public var rateAchieved: Double {
    sendingSeconds > 0 ? Double(probesCompleted) / sendingSeconds : 0
  }

  /// As one JSON object, a line a member.
  public var json: [UInt8] {
    var object = JSONObject()
    object.add("version", version)
    object.add("started", timestamp: started)
    object.add("ended", timestamp: ended)
    object.add("duration_seconds", Double(ended - min(started, ended)) / 1e9)
    object.add("interface", interface)
    object.add("driver", driver)
    object.add("transmit_mode", transmitModes)
    object.add("receive_mode", receiveMode)
    if let modeReason { object.add("mode_reason", modeReason) }
    object.add("rst_mode", resetMode)
    object.add("checksum_mode", checksumMode)
    object.add("seed", seed)
    object.add("shard", UInt64(shard))
    object.add("shards", UInt64(shards))
    object.add("targets_total", targetsTotal)
    object.add("targets_out_of_scope", targetsOutOfScope)
    object.add("targets_unresolved", targetsUnresolved)
    object.add("denied_during_scan", deniedDuringScan)
    object.add("probes_generated", probesGenerated)
    object.add("probes_completed", probesCompleted)
    object.add("probes_refused", probesRefused)
    object.add("rate_requested_pps", rateRequested)
    if let rateCappedFrom { object.add("rate_capped_from_pps", rateCappedFrom) }
    object.add("rate_achieved_pps", rateAchieved)
    object.add("paced_batch", pacedBatch)
    object.add("sending_seconds", sendingSeconds)
    object.add("packets_seen", fates.seen)
    var byFate = JSONObject()
    for fate in Fate.allCases { byFate.add(fate.name, fates[fate]) }
    object.add("fates", byFate)
    object.add("replies_received", repliesReceived)
    object.add("replies_invalid", repliesInvalid)
    object.add("replies_valid", repliesValid)
    object.add("replies_open", repliesOpen)
    object.add("replies_closed", repliesClosed)
    object.add("replies_icmp", repliesICMP)
    object.add("rst_sent", resetsSent)
    object.add("rst_in_place", fates.resetsSent)
    object.add("events_lost", eventsLost)
    object.add("replies_reported", repliesReported)
    object.add("duplicates", duplicates)
    object.add("dedupe_evictions", dedupeEvictions)
    object.add("dedupe_memory_bytes", dedupeMemoryBytes)
    object.add("results_written", resultsWritten)
    object.add("results_discarded", resultsDiscarded)
    object.add("cpu_user_seconds", cpuUserSeconds)
    object.add("cpu_system_seconds", cpuSystemSeconds)
    object.add("peak_rss_bytes", peakResidentBytes)
    object.add("resumed", UInt64(resumed))
    object.add("scope_sha256", scopeSHA256)
    object.add("scope_changes", scopeChanges)
    object.add("scope_sha256_at_end", scopeSHA256AtEnd)
    object.add("ended_because", endedBecause)
    return object.lines
  }
}

/// Builds one JSON object in the order its members are added (RFC 8259).
public struct JSONObject: Sendable {
  private var members: [[UInt8]] = []

  public init() {}

  public mutating func add(_ name: String, _ text: String) { add(name, raw: Self.quoted(text)) }
  public mutating func add(_ name: String, _ number: UInt64) {
    add(name, raw: Array(String(number).utf8))
  }
  public mutating func add(_ name: String, _ flag: Bool) {
    add(name, raw: Array((flag ? "true" : "false").utf8))
  }
  /// To six decimal places; what is not a number becomes null.
  public mutating func add(_ name: String, _ number: Double) {
    guard number.isFinite else { return add(name, raw: Array("null".utf8)) }
    // A large number has no such places, and times a million it might be infinite.
    let rounded = number.magnitude < 1e9 ? (number * 1e6).rounded() / 1e6 : number
    add(name, raw: Array(String(rounded).utf8))
  }
  public mutating func add(_ name: String, _ texts: [String]) {
    let list = texts.map { Self.quoted($0) }.joined(separator: [UInt8(ascii: ","), 0x20])
    add(name, raw: [UInt8(ascii: "[")] + list + [UInt8(ascii: "]")])
  }
  public mutating func add(_ name: String, timestamp nanoseconds: UInt64) {
    var text: [UInt8] = [UInt8(ascii: "\"")]
    text.append(timestamp: nanoseconds)
    add(name, raw: text + [UInt8(ascii: "\"")])
  }
  public mutating func add(_ name: String, _ object: JSONObject) { add(name, raw: object.line) }
  public mutating func add(_ name: String, _ objects: [JSONObject]) {
    let list = objects.map(\.line).joined(separator: [UInt8(ascii: ","), 0x20])
    add(name, raw: [UInt8(ascii: "[")] + list + [UInt8(ascii: "]")])
  }

  private mutating func add(_ name: String, raw: [UInt8]) {
    members.append(Self.quoted(name) + [UInt8(ascii: ":"), 0x20] + raw)
  }

  /// On one line, no newline at the end.
  public var line: [UInt8] {
    [UInt8(ascii: "{")] + members.joined(separator: [UInt8(ascii: ","), 0x20])
      + [UInt8(ascii: "}")]
  }

  /// A line a member, newline at the end.
  public var lines: [UInt8] {
    Array("{\n  ".utf8) + members.joined(separator: Array(",\n  ".utf8)) + Array("\n}\n".utf8)
  }

  private static func quoted(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = [UInt8(ascii: "\"")]
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20:
        bytes += Array("\\u00".utf8)
        for digit in [byte >> 4, byte & 15] {
          bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
      default: bytes.append(byte)
      }
    }
    return bytes + [UInt8(ascii: "\"")]
  }
}
