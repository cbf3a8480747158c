// The real receive program, loaded into this kernel but not attached.

import Kernel
import Wire

/// The program's settings, fixed before it is loaded.
struct ReceiveProgramSettings: Sendable {
  var reset = ResetMethod.inPlace
  var reportClosed = true
  var reportICMP = true
  var partialChecksums = false
  var ringBytes: UInt32 = 1 << 16
  var key = referenceKey
  var sources = [IPv4Address(ours)]
  var ports = ourPorts

  /// The twin in Swift.
  var classifier: ReplyClassifier {
    ReplyClassifier(
      cookie: Cookie(key: key), sources: Set(sources), ports: ports, reportClosed: reportClosed,
      reportICMP: reportICMP)
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

final class ReceiveProgram {
  private let object: BPFObject
  private let ring: EventRing
  private let key: SharedKey
  private let statistics: BPFMap
  private let program: Int32

  init(_ settings: ReceiveProgramSettings = ReceiveProgramSettings()) throws {
    try requireRoot()
    let object = try BPFObject(.receive)
    try object.setReadOnlyData(
      Contract.settings(
        ports: settings.ports, reset: settings.reset, reportClosed: settings.reportClosed,
        reportICMP: settings.reportICMP, partialChecksums: settings.partialChecksums))
    try object.setMaxEntries("EVENTS", settings.ringBytes)
    try object.load()
    let whitelist = try object.map("WHITELIST_IPV4")
    for source in settings.sources {
      try whitelist.update(key: big(source.value), value: [1])
    }
    key = try SharedKey(try object.map("SIPHASH_KEY"))
    ring = try EventRing(try object.map("EVENTS"))
    statistics = try object.map("STATS")
    program = try object.program("receive")
    self.object = object
    setKey(settings.key)
  }

  func setKey(_ new: SipHashKey) { key.set(k0: new.k0, k1: new.k1) }

  func fates() throws -> FateCounts {
    var counts = FateCounts()
    counts.values = try statistics.perCPUSums()
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
