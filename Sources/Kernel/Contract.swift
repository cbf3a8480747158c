// Constants and settings of bpf/synbox.h for the other modules. Tests compare them with those modules' own.
import CLinux

public enum Contract {
  public static let eventLength = MemoryLayout<synbox_event>.size
  public static let fates = Int(SYNBOX_FATES.rawValue)
  public static let stats = Int(SYNBOX_STATS.rawValue)
  public static let responderStats = Int(SYNBOX_RESPONDER_STATS.rawValue)
  public static let slots = Int(SYNBOX_SLOTS)
  public static let longestReply = Int(SYNBOX_LONGEST_REPLY)
  public static let arrivalSlots = Int(SYNBOX_ARRIVAL_SLOTS)
  public static let answerAll = SYNBOX_ANSWER_ALL.rawValue
  public static let answerEven = SYNBOX_ANSWER_EVEN.rawValue
  public static let answerShare = SYNBOX_ANSWER_SHARE.rawValue

  /// Returns the `enum synbox_use` of a source address.
  public static func use(dedicated: Bool) -> UInt8 {
    UInt8((dedicated ? SYNBOX_DEDICATED : SYNBOX_SHARED).rawValue)
  }

  /// Returns the number of hints that `slots` slots have: the largest power of two that is at most the number of slots
  /// and the number of source ports.
  public static func hints(slots: Int, ports: ClosedRange<UInt16>) -> Int {
    let most = min(slots, ports.count)
    return 1 << (Int.bitWidth - 1 - most.leadingZeroBitCount)
  }

  /// Returns the bytes of a `struct synbox_settings`.
  public static func settings(
    ports: ClosedRange<UInt16>, slots: Int = 1, wantsResets: Bool, reportClosed: Bool,
    reportICMP: Bool, generator: Bool = false, partialChecksums: Bool = false
  ) -> [UInt8] {
    precondition(slots >= 1 && slots <= Self.slots)
    var settings = synbox_settings()
    settings.port_first = ports.lowerBound
    settings.port_last = ports.upperBound
    settings.wants_rst = wantsResets ? 1 : 0
    settings.report_closed = reportClosed ? 1 : 0
    settings.report_icmp = reportICMP ? 1 : 0
    settings.generator = generator ? 1 : 0
    settings.partial_checksums = partialChecksums ? 1 : 0
    settings.slots = UInt8(slots)
    settings.hints = UInt8(hints(slots: slots, ports: ports))
    return bytes(of: settings)
  }

  /// Returns the sums of STATS, an array of `struct synbox_counts`: of one slot, or of everything.
  public static func counts(_ map: BPFMap, slot: Int? = nil) throws(Fault) -> [UInt64] {
    precondition(map.valueSize == MemoryLayout<synbox_counts>.size && map.maxEntries == slots + 1)
    if let slot {
      precondition(slot >= 0 && slot < slots)
      return try map.perCPUSums(of: slot)
    }
    var sums = [UInt64](repeating: 0, count: stats)
    for element in 0..<map.maxEntries {
      for (index, value) in try map.perCPUSums(of: element).enumerated() { sums[index] &+= value }
    }
    return sums
  }

  /// Returns the bytes of a `struct synbox_responder_settings`.
  public static func responderSettings(
    seed: UInt64, threshold: UInt64, answer: UInt32, closedReset: Bool, redirects: Bool,
    arrivals: Bool, watching: (network: UInt32, mask: UInt32)
  ) -> [UInt8] {
    bytes(
      of: synbox_responder_settings(
        seed: seed, threshold: threshold, answer: answer, closed_rst: closedReset ? 1 : 0,
        redirect: redirects ? 1 : 0, arrivals: arrivals ? 1 : 0,
        watch_network: watching.network.bigEndian, watch_mask: watching.mask.bigEndian))
  }

  /// Returns the bytes of a `struct synbox_generator_settings`.
  static func generatorSettings(interface: Int32, restoresLengths: Bool) -> [UInt8] {
    bytes(
      of: synbox_generator_settings(
        interface: UInt32(interface), restore_lengths: restoresLengths ? 1 : 0))
  }

  private static func bytes<Value: BitwiseCopyable>(of value: Value) -> [UInt8] {
    unsafe withUnsafeBytes(of: value) { unsafe [UInt8]($0) }
  }
}
