// Which replies a scan believes: those to a probe that it can have sent.
import Plan
import Wire

/// The probes that a scan can have sent.
///
/// A cookie of 32 bits can be guessed, and a reply can be replayed. The source that target and pass chose, under a key of
/// its own, adds up to 30 bits; and nobody who has the key gets more than the targets of the plan believed.
public struct SentProbes: Sendable {
  /// Why a reply answers no probe of the scan.
  public enum Mismatch: Sendable {
    /// No pass probes the target from the address and port that the reply came to.
    case source
    /// The plan or the shard does not have the target.
    case target
  }

  private let sequence: ProbeSequence
  private let selection: SourceSelection
  private let sources: [IPv4Address]
  /// The pass that the last reply belonged to. The next one probably does, too.
  private var pass: UInt8 = 0

  /// - Parameter sources: The source addresses, in the order of `selection`.
  public init(_ sequence: ProbeSequence, selection: SourceSelection, sources: [IPv4Address]) {
    self.sequence = sequence
    self.selection = selection
    self.sources = sources
  }

  /// Returns why a reply with a valid cookie answers no probe of the scan; nil if it does answer one.
  public mutating func mismatch(of reply: Reply) -> Mismatch? {
    guard isFromAnySource(reply) else { return .source }
    return sequence.contains(Target(reply.source, reply.sourcePort)) ? nil : .target
  }

  private mutating func isFromAnySource(_ reply: Reply) -> Bool {
    let passes = sequence.probes.value
    for _ in 0..<passes {
      let (source, port) = selection.choose(
        destination: reply.source.value, port: reply.sourcePort.value, pass: pass)
      if port == reply.destinationPort.value, sources[Int(source)] == reply.destination { return true }
      pass = pass + 1 < passes ? pass + 1 : 0
    }
    return false
  }
}
