// How many RSTs replies may draw.
import Wire

/// Limits the RSTs for each pair and for the whole scan, so that nobody who replays replies, or has the key, can make the
/// box send what he likes.
///
/// A pair may draw one RST for each pass and two more, for RSTs that got lost. All together may draw two for each probe
/// sent, and a few in advance, because probes are counted with a delay.
public struct ResetLimiter: Sendable {
  /// RSTs that were not sent.
  public private(set) var withheld: UInt64 = 0
  private var allowed: UInt64 = 0
  private let perPair: UInt64
  private let advance: UInt64
  private let key: SipHashKey
  /// In sets of `ways`: the pair in the low 48 bits, its RSTs above; 0 is empty.
  private var entries: [UInt64]

  private static let ways = 4
  private static let sets = 4096
  private static let pairMask: UInt64 = 1 << 48 - 1

  /// - Parameters:
  ///   - key: a secret key, so that nobody can choose pairs that share a set.
  ///   - passes: how often the scan probes each target.
  ///   - rate: probes per second; 0 is no limit.
  public init(key: SipHashKey, passes: UInt8, rate: UInt64) {
    self.key = key
    perPair = UInt64(passes) + 2
    advance = rate == 0 ? 16_384 : min(16_384, max(64, rate / 10))
    entries = [UInt64](repeating: 0, count: Self.ways * Self.sets)
  }

  /// Returns whether a SYN-ACK may draw an RST, and counts it.
  ///
  /// - Parameter probes: probes sent so far.
  public mutating func allows(_ reply: Reply, probes: UInt64) -> Bool {
    guard allowed < 2 &* probes &+ advance, countPair(reply) else {
      withheld += 1
      return false
    }
    allowed += 1
    return true
  }

  /// Counts an RST of a pair, unless it has had all of its own.
  ///
  /// A full set forgets the pair with the fewest RSTs, so that a pair under attack stays.
  private mutating func countPair(_ reply: Reply) -> Bool {
    let pair = UInt64(reply.source.value) << 16 | UInt64(reply.sourcePort.value)
    var state = SipHash13(key: key)
    state.compress(pair)
    let first = Int(state.finish() % UInt64(Self.sets)) * Self.ways
    var fewest = first
    for place in first..<first + Self.ways {
      let entry = entries[place]
      if entry & Self.pairMask == pair, entry != 0 {
        guard entry >> 48 < perPair else { return false }
        entries[place] = entry + 1 << 48
        return true
      }
      if entry >> 48 < entries[fewest] >> 48 { fewest = place }
    }
    entries[fewest] = pair | 1 << 48
    return true
  }
}
