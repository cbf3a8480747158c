// The real receive program, loaded into this kernel but not attached.

import Kernel
import Wire

/// The program's settings, fixed before it is loaded.
struct ReceiveProgramSettings: Sendable {
  var wantsResets = true
  var reportClosed = true
  var reportICMP = true
  var partialChecksums = false
  var ringBytes: UInt32 = 1 << 16
  /// By slot.
  var keys = [0: referenceKey]
  var sources = [IPv4Address(ours)]
  /// Those of `sources` that are dedicated.
  var dedicated: Set<UInt32> = []
  var ports = ourPorts
  var slots = 1

  /// The twin in Swift.
  var classifier: ReplyClassifier {
    var classifier = ReplyClassifier(
      sources: Set(sources), slots: KeySlots(slots, ports: ports), reportClosed: reportClosed,
      reportICMP: reportICMP)
    for (slot, key) in keys { classifier.setKey(key, slot: slot) }
    return classifier
  }
}

/// What the program did with one packet.
struct Outcome {
  let verdict: XDPVerdict?
  let output: [UInt8]
  let replies: [Reply]
  /// The change of the counters by this packet.
  let fates: FateCounts
}

final class ReceiveProgram: Sendable {
  private let object: BPFObject
  private let ring: EventRing
  private let keys: SharedKeys
  private let statistics: BPFMap
  private let program: Int32

  init(_ settings: ReceiveProgramSettings = ReceiveProgramSettings()) throws {
    try requireRoot()
    let object = try BPFObject(.receive)
    try object.setReadOnlyData(
      Contract.settings(
        ports: settings.ports, slots: settings.slots, wantsResets: settings.wantsResets,
        reportClosed: settings.reportClosed, reportICMP: settings.reportICMP,
        partialChecksums: settings.partialChecksums))
    try object.setMaxEntries("EVENTS", settings.ringBytes)
    try object.load()
    let whitelist = try object.map("WHITELIST_IPV4")
    for source in settings.sources {
      try whitelist.update(
        key: big(source.value),
        value: [Contract.use(dedicated: settings.dedicated.contains(source.value))])
    }
    keys = try SharedKeys(try object.map("SIPHASH_KEY"))
    ring = try EventRing(try object.map("EVENTS"))
    statistics = try object.map("STATS")
    program = try object.program("receive")
    self.object = object
    for (slot, key) in settings.keys { setKey(key, slot: slot) }
  }

  func setKey(_ new: SipHashKey?, slot: Int = 0) {
    if let new { keys.set(slot, k0: new.k0, k1: new.k1) } else { keys.clear(slot) }
  }

  /// The counts of one slot, or of everything.
  func fates(slot: Int? = nil) throws -> FateCounts {
    var counts = FateCounts()
    counts.values = try Contract.counts(statistics, slot: slot)
    return counts
  }

  /// Runs the program without reading events and counters.
  func execute(_ frame: [UInt8], times: UInt32 = 1) throws -> BPFProgramRun {
    try BPFProgramRun(program: program, frame: frame, times: times)
  }

  /// Takes all replies from the ring.
  func takeReplies() throws -> [Reply] {
    var replies: [Reply] = []
    var invalid = 0
    _ = ring.drain(limit: .max) { record in
      if let reply = Reply(record: record) { replies.append(reply) } else { invalid += 1 }
      return true
    }
    guard invalid == 0 else { throw Problem(description: "\(invalid) records are not events") }
    return replies
  }

  func run(_ frame: [UInt8]) throws -> Outcome {
    let before = try fates()
    let run = try execute(frame)
    return Outcome(
      verdict: run.verdict, output: run.output, replies: try takeReplies(),
      fates: try fates() - before)
  }
}
