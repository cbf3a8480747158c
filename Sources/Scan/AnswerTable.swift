// Dedupe: which (address, port) pairs have been reported. Exact up to a bound of memory; beyond it the
// table forgets, and counts what it forgot.
import Wire

/// A hash table of 64-bit slots with linear probing, keyed so that nobody can choose collisions.
public struct AnswerTable: Sendable {
  public enum Verdict: Sendable { case new, duplicate }

  /// Pairs forgotten for want of room. Each may be reported once more.
  public private(set) var evictions: UInt64 = 0
  /// Pairs in the table.
  public private(set) var count = 0
  private var slots: [UInt64]
  private let slotsMax: Int
  private let key: SipHashKey

  /// A slot: occupied bit 63, rank in bits 48 and 49, address and port in the low 48.
  private static let occupied: UInt64 = 1 << 63
  private static let pairMask: UInt64 = (1 << 48) - 1

  /// - Parameter bytesMax: memory for the slots, 8 octets each; rounded down to a power of two.
  public init(key: SipHashKey, bytesMax: Int = 128 << 20) {
    self.key = key
    var most = 1024
    while most * 16 <= bytesMax { most *= 2 }
    slotsMax = most
    slots = [UInt64](repeating: 0, count: 1024)
  }

  /// Whether a reply is news. An open port is, even after an RST or an ICMP error from the same pair: a SYN
  /// on its way can meet a firewall first. A lesser reply after a greater one is not.
  public mutating func insert(_ reply: Reply) -> Verdict {
    let pair = UInt64(reply.source.value) << 16 | UInt64(reply.sourcePort.value)
    let rank: UInt64 =
      switch reply.kind {
      case .icmp: 1
      case .closed: 2
      case .open: 3
      }
    if count >= slots.count / 4 * 3, slots.count < slotsMax { grow() }
    return insert(pair, rank)
  }

  private mutating func insert(_ pair: UInt64, _ rank: UInt64) -> Verdict {
    let mask = slots.count - 1
    let home = Int(truncatingIfNeeded: hash(pair)) & mask
    let fresh = Self.occupied | rank << 48 | pair
    var at = home
    // A quarter of the slots is always empty, so the walk ends.
    while slots[at] != 0 {
      if slots[at] & Self.pairMask == pair {
        guard rank > slots[at] >> 48 & 3 else { return .duplicate }
        slots[at] = fresh
        return .new
      }
      at = (at + 1) & mask
    }
    if count < slots.count / 4 * 3 {
      slots[at] = fresh
      count += 1
    } else {
      takeOver(home, (at - home) & mask, fresh)
    }
    return .new
  }

  /// Puts a newcomer where one of the slots it walked over was; with none, the newcomer itself is forgotten.
  /// Only slots of its own walk will do: a search must still meet it before an empty slot.
  private mutating func takeOver(_ home: Int, _ walked: Int, _ fresh: UInt64) {
    evictions += 1
    guard walked > 0 else { return }
    let step = Int(hash(fresh) % UInt64(walked))
    slots[(home + step) & (slots.count - 1)] = fresh
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: old.count * 2)
    count = 0
    for slot in old where slot != 0 {
      _ = insert(slot & Self.pairMask, slot >> 48 & 3)
    }
  }

  private func hash(_ value: UInt64) -> UInt64 {
    var state = SipHash24(key: key)
    state.compress(value)
    return state.finish()
  }
}
