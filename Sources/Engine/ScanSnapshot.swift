// A running scan at one moment.
import Plan

/// A snapshot of a running scan. Times are nanoseconds since this process began the scan; counters are this
/// process's.
package struct ScanSnapshot: Sendable {
  package var elapsed: UInt64
  package var probesTotal: UInt64
  /// The position at which this process began.
  package var probesBefore: UInt64
  /// Results written by earlier processes.
  package var resultsBefore: UInt64
  package var probesCompleted: UInt64
  package var probesRefused: UInt64
  package var results: UInt64
  package var repliesValid: UInt64
  package var repliesInvalid: UInt64
  package var eventsLost: UInt64
  /// Valid replies that answer no probe of the scan: by their source, by their target.
  package var repliesUnprobedSource: UInt64
  package var repliesUnprobedTarget: UInt64
  package var resetsWithheld: UInt64
  package var duplicates: UInt64
  /// Pairs that the dedupe table evicted.
  package var dedupeEvictions: UInt64
  /// nil while probes are being sent.
  package var cooldownEnds: UInt64?
  package var rate: PacketRate
  /// Why nothing is sent at the moment, one sentence for each reason.
  package var pauses: [String] = []
  /// That a write to the disk takes or took long; nil if none did within the last minute.
  package var slowDisk: String?

  /// From 0 to 1.
  package var fraction: Double {
    probesTotal == 0
      ? 1 : Double(min(probesBefore + probesCompleted, probesTotal)) / Double(probesTotal)
  }

  /// An estimate from the average rate so far; nil before the first probe is completed.
  package var secondsRemaining: Double? {
    if let cooldownEnds { return Double(max(cooldownEnds, elapsed) - elapsed) / 1e9 }
    guard probesCompleted > 0 else { return nil }
    let remaining = Double(probesTotal - min(probesTotal, probesBefore + probesCompleted))
    return remaining * Double(elapsed) / 1e9 / Double(probesCompleted)
  }
}
