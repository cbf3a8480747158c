// Which replies a scan believes, and which of them draw an RST.
import Scan
import Synchronization
import Wire

/// Checks the replies of one scan, on the receive thread. Their cookies and checksums are right.
struct ReplyCheck: Sendable {
  private var sent: SentProbes
  private var limiter: ResetLimiter
  private var denied = DeniedProbes()
  private let gate: ScopeGate
  private let senders: [SenderCounters]

  init(_ sent: SentProbes, _ limiter: ResetLimiter, gate: ScopeGate, senders: [SenderCounters]) {
    self.sent = sent
    self.limiter = limiter
    self.gate = gate
    self.senders = senders
  }

  /// Returns whether a reply answers a probe that the scan can have sent to an address in scope. Counts it otherwise.
  mutating func believes(_ reply: Reply, _ counts: inout ReceiveCounts) -> Bool {
    denied.update(from: gate)
    switch denied.contains(reply.source) ? .target : sent.mismatch(of: reply) {
    case nil: return true
    case .source: counts.unprobedSources += 1
    case .target: counts.unprobedTargets += 1
    }
    return false
  }

  /// Returns whether a reply may draw an RST. Counts it otherwise.
  mutating func allowsReset(_ reply: Reply, _ counts: inout ReceiveCounts) -> Bool {
    let probes = senders.reduce(0) { $0 + $1.probesCompleted.load(ordering: .relaxed) }
    let isAllowed = limiter.allows(reply, probes: probes)
    counts.resetsWithheld = limiter.withheld
    return isAllowed
  }
}
