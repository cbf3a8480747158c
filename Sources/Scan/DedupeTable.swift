// Dedupe: which (address, port) pairs have been reported. Exact up to a bound of memory; beyond it the
// table forgets, and counts what it forgot.
import Wire

/// A hash table, keyed so that nobody can choose collisions, in segments that grow one at a time. Beyond its
/// first 170 KiB it takes 8 bytes a slot, of which 53 to 80 per cent are used: 10 to 15 bytes a pair, about
/// 12.2 over all segments, and one 64th of that for the copy. A table that doubled as a whole took 32 bytes a
/// pair while it did.
public struct DedupeTable: Sendable {
  public enum Verdict: Sendable { case new, duplicate }

  /// Pairs forgotten for want of room. Each may be reported once more.
  public private(set) var evictions: UInt64 = 0
  /// Pairs in the table.
  public private(set) var count = 0
  private var segments: [DedupeSegment]
  /// Slots a segment may grow to.
  private let slotsMax: Int
  private let key: SipHashKey
  /// Of the replies in hand.
  private var hashes: [UInt64] = []
  /// Means nothing; what is kept has to be read.
  private var fetched: UInt64 = 0

  private static let segmentCount = 64

  /// - Parameter bytesMax: bytes for the slots, and for the copy of the one segment that grows; at least 8 KiB
  ///   are taken, and the allocator's holes, a tenth at most, come on top. Once every segment is four fifths full, at a pair
  ///   for each 10.2 bytes, the table is; the first pair is forgotten a little before, when the fullest segment
  ///   is (measured: one per cent before at 128 MiB, eight at 1 MiB).
  public init(key: SipHashKey, bytesMax: Int = 128 << 20) {
    self.key = key
    let slotsMax = max(16, bytesMax / 8 / (Self.segmentCount + 1))
    self.slotsMax = slotsMax
    // The last starts half as large again as the first, so that each grows at a time of its own: while some have
    // just grown, and are at their emptiest, others are about to, and the whole stays near 12.2 bytes a pair.
    segments = (0..<Self.segmentCount).map {
      DedupeSegment(size: min(slotsMax, Self.segmentCount * 4 + $0 * 2))
    }
  }

  /// Bytes the slots occupy. While a segment grows there are its old ones besides.
  public var bytes: Int { segments.reduce(0) { $0 + $1.size * 8 } }

  /// Whether a reply is news. An open port is, even after an RST or an ICMP error from the same pair: a SYN
  /// on its way can meet a firewall first. A lesser reply after a greater one is not.
  public mutating func insert(_ reply: Reply) -> Verdict {
    insert(reply, Self.hash(Self.pair(reply), key))
  }

  /// Whether replies are news, one after the other: `verdicts` becomes what `insert` says of each.
  ///
  /// All slots that will be looked at are read first. Those reads depend on nothing, so that the processor
  /// waits for memory once for several of them; one by one each insert waits for its own (measured with ten
  /// million pairs: twice as long).
  public mutating func insert(_ replies: [Reply], _ verdicts: inout [Verdict]) {
    hashes.removeAll(keepingCapacity: true)
    verdicts.removeAll(keepingCapacity: true)
    for reply in replies { hashes.append(Self.hash(Self.pair(reply), key)) }
    for hash in hashes { fetched ^= segments[Self.segment(hash)].first(hash) }
    for (reply, hash) in zip(replies, hashes) { verdicts.append(insert(reply, hash)) }
  }

  private mutating func insert(_ reply: Reply, _ hash: UInt64) -> Verdict {
    let rank: UInt64 =
      switch reply.kind {
      case .icmp: 1
      case .closed: 2
      case .open: 3
      }
    let index = Self.segment(hash)
    if segments[index].isFull, segments[index].size < slotsMax { grow(index) }
    switch segments[index].insert(Self.pair(reply), rank, hash) {
    case .known: return .duplicate
    case .raised: return .new
    case .added: count += 1
    case .evicted: evictions += 1
    }
    return .new
  }

  private static func pair(_ reply: Reply) -> UInt64 {
    UInt64(reply.source.value) << 16 | UInt64(reply.sourcePort.value)
  }

  /// The low bits choose the segment, the high bits the place in it.
  private static func segment(_ hash: UInt64) -> Int { Int(hash % UInt64(segmentCount)) }

  /// By a half, so from 80 to 53 per cent full. By a quarter it would take a tenth less memory, and a third of
  /// all time (measured), for each pair would be moved four times instead of two.
  private mutating func grow(_ index: Int) {
    let size = segments[index].size
    segments[index].grow(to: min(slotsMax, size + size / 2)) { [key] in Self.hash($0, key) }
  }

  private static func hash(_ pair: UInt64, _ key: SipHashKey) -> UInt64 {
    var state = SipHash24(key: key)
    state.compress(pair)
    return state.finish()
  }
}

/// Slots of 64 bits with linear probing, as many as one likes.
private struct DedupeSegment {
  enum Outcome { case known, raised, added, evicted }

  /// One array, so that a search meets one cache miss as a rule.
  private var slots: [UInt64]
  /// Slots that may be taken: four fifths. The others stay empty, so that every walk ends.
  private var room: Int

  /// A slot: rank, never 0, in bits 48 and 49, address and port in the low 48. 0 is an empty slot.
  private static let pairMask: UInt64 = (1 << 48) - 1

  init(size: Int) {
    slots = [UInt64](repeating: 0, count: size)
    room = Self.room(size)
  }

  private static func room(_ size: Int) -> Int { size * 4 / 5 }

  /// Slots there are.
  var size: Int { slots.count }
  var isFull: Bool { room == 0 }

  /// What lies where the search for a pair with this hash starts.
  func first(_ hash: UInt64) -> UInt64 { slots[Self.home(hash, size)] }

  /// - Parameter hash: the pair's.
  mutating func insert(_ pair: UInt64, _ rank: UInt64, _ hash: UInt64) -> Outcome {
    let fresh = rank << 48 | pair
    let size = size
    let home = Self.home(hash, size)
    var at = home
    while case let slot = slots[at], slot != 0 {
      if slot & Self.pairMask == pair {
        // With one pair in both, the greater slot is that of the greater rank.
        guard fresh > slot else { return .known }
        slots[at] = fresh
        return .raised
      }
      at = at + 1 < size ? at + 1 : 0
    }
    if room > 0 {
      slots[at] = fresh
      room -= 1
      return .added
    }
    takeOver(home, at < home ? at + size - home : at - home, fresh, hash)
    return .evicted
  }

  mutating func grow(to size: Int, hash: (_ pair: UInt64) -> UInt64) {
    var grown = DedupeSegment(size: size)
    for slot in slots where slot != 0 {
      var at = Self.home(hash(slot & Self.pairMask), size)
      while grown.slots[at] != 0 { at = at + 1 < size ? at + 1 : 0 }
      grown.slots[at] = slot
    }
    grown.room -= Self.room(self.size) - room
    self = grown
  }

  /// Puts a newcomer where one of the slots it walked over was; with none, the newcomer itself is forgotten.
  /// Only slots of its own walk will do: a search must still meet it before an empty slot.
  private mutating func takeOver(_ home: Int, _ walked: Int, _ fresh: UInt64, _ hash: UInt64) {
    guard walked > 0 else { return }
    // Bits that chose neither the segment nor the home.
    let at = home + Int(hash >> 8 & 0xffff_ffff) % walked
    slots[at < size ? at : at - size] = fresh
  }

  /// Where the search for a pair starts: the hash as a fraction of 2^64, times the size, which need not be a
  /// power of two for that.
  private static func home(_ hash: UInt64, _ size: Int) -> Int {
    Int(hash.multipliedFullWidth(by: UInt64(size)).high)
  }
}
