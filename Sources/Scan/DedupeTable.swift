// The dedupe table: which (address, port) pairs have been reported. It is exact up to a bound of memory; beyond
// it the table forgets pairs and counts them.
import Wire

/// A set of (address, port) pairs with the greatest reply that each has sent.
///
/// A hash table under a secret key, so that no sender can choose collisions. It consists of segments that grow one
/// at a time: about 12 bytes a pair, and never a second copy of the whole.
///
/// A table allocates the slots itself, or is given them: see `growsItself`.
public struct DedupeTable: Sendable {
  /// What a reply adds to those already reported for its pair.
  ///
  /// Replies rank ICMP error < RST < SYN-ACK: a SYN can meet a firewall before another one reaches the open port.
  public enum Verdict: Sendable {
    /// The first reply of its pair.
    case new
    /// A reply that outranks every earlier one from its pair.
    case greater
    /// A reply that adds nothing.
    case duplicate
  }

  /// Pairs forgotten because the table was full. Each may be reported once more.
  public private(set) var evictions: UInt64 = 0
  /// Pairs in the table.
  public private(set) var count = 0
  /// Whether the table allocates when a segment is to grow. Otherwise it asks by `nextGrowth()`, and goes on filling the
  /// segment until `grow(by:)` brings the slots.
  public var growsItself = true
  private var segments: [DedupeSegment]
  /// Growths to ask for.
  private var wantedGrowths: [DedupeGrowth] = []
  /// The slots of all growths under way. Together they are at most as large as one full segment.
  private var growingSlots = 0
  /// Slots to which a segment may grow.
  private let slotsMax: Int
  private let key: SipHashKey
  /// The hashes of one batch of replies.
  private var hashes: [UInt64] = []
  /// The XOR of prefetched slots. Nothing uses it; storing it keeps the compiler from removing the reads.
  private var prefetched: UInt64 = 0

  /// Segments in a table.
  public static let segmentCount = 64

  /// Creates an empty table.
  ///
  /// - Parameters:
  ///   - key: a secret key for the hash.
  ///   - bytesMax: the bytes for all slots and for the copy of the one segment that grows, at least 8 KiB. The
  ///     allocator may add a tenth. The table holds one pair for each 10.2 bytes, and forgets the first one
  ///     when its fullest segment is full, shortly before.
  public init(key: SipHashKey, bytesMax: Int = 128 << 20) {
    self.key = key
    let slotsMax = max(16, bytesMax / 8 / (Self.segmentCount + 1))
    self.slotsMax = slotsMax
    // The initial sizes differ, up to a factor of one and a half, so that the segments grow at different times.
    segments = (0..<Self.segmentCount).map {
      DedupeSegment(size: min(slotsMax, Self.segmentCount * 4 + $0 * 2))
    }
    wantedGrowths.reserveCapacity(Self.segmentCount)
    hashes.reserveCapacity(256)
  }

  /// Bytes that the slots occupy, without the copy made while a segment grows.
  public var bytes: Int { segments.reduce(0) { $0 + $1.size * 8 } }

  /// Adds a reply, and returns whether it should be reported.
  ///
  /// - Precondition: `growsItself`.
  public mutating func insert(_ reply: Reply) -> Verdict {
    precondition(growsItself)
    return insert(reply, Self.hash(Self.pair(reply), key))!
  }

  /// Adds replies in order, and replaces `verdicts` with one verdict for each that was added. A table that does not grow
  /// itself adds only the first ones if a segment needs its growth first; the caller tries the others again.
  ///
  /// Faster than inserting one by one: it first reads all slots that the batch will look at, so that the processor
  /// overlaps their cache misses.
  public mutating func insert(_ replies: [Reply], _ verdicts: inout [Verdict]) {
    hashes.removeAll(keepingCapacity: true)
    verdicts.removeAll(keepingCapacity: true)
    for reply in replies { hashes.append(Self.hash(Self.pair(reply), key)) }
    for hash in hashes { prefetched ^= segments[Self.segment(hash)].firstSlot(hash) }
    for (reply, hash) in zip(replies, hashes) {
      guard let verdict = insert(reply, hash) else { return }
      verdicts.append(verdict)
    }
  }

  /// Returns nil, and changes nothing, if the reply's segment must grow first.
  private mutating func insert(_ reply: Reply, _ hash: UInt64) -> Verdict? {
    let rank: UInt64 =
      switch reply.kind {
      case .icmp: 1
      case .closed: 2
      case .open: 3
      }
    let index = Self.segment(hash)
    let mayGrow = segments[index].isFull && segments[index].size < slotsMax
    if mayGrow, !grow(index) { return nil }
    switch segments[index].insert(Self.pair(reply), rank, hash, mayOverfill: mayGrow) {
    case .known: return .duplicate
    case .raised: return .greater
    case .added: count += 1
    case .evicted: evictions += 1
    }
    return .new
  }

  private static func pair(_ reply: Reply) -> UInt64 {
    UInt64(reply.source.value) << 16 | UInt64(reply.sourcePort.value)
  }

  /// The segment of a hash. Its low bits choose the segment, its high bits the slot in it.
  private static func segment(_ hash: UInt64) -> Int { Int(hash % UInt64(segmentCount)) }

  // MARK: Growth

  /// Enlarges a segment by a half, or asks for that. Returns whether another pair fits into it.
  ///
  /// Smaller steps would save memory but move each pair more often.
  private mutating func grow(_ index: Int) -> Bool {
    let size = segments[index].size
    var growth = DedupeGrowth(segment: index, size: min(slotsMax, size + size / 2))
    guard growsItself else {
      if !segments[index].isGrowing, growingSlots == 0 || growingSlots + growth.size <= slotsMax {
        segments[index].isGrowing = true
        growingSlots += growth.size
        wantedGrowths.append(growth)
      }
      return !segments[index].isOverfull
    }
    growth.allocate()
    grow(by: &growth)
    return true
  }

  /// Returns a growth that `grow(by:)` must be called with, once it has its slots; nil if there is none to ask for.
  public mutating func nextGrowth() -> DedupeGrowth? { wantedGrowths.popLast() }

  /// Moves a segment's pairs to the growth's slots, and leaves the old ones there.
  public mutating func grow(by growth: inout DedupeGrowth) {
    if segments[growth.segment].isGrowing { growingSlots -= growth.size }
    segments[growth.segment].move(to: &growth.slots) { [key] in Self.hash($0, key) }
  }

  private static func hash(_ pair: UInt64, _ key: SipHashKey) -> UInt64 {
    var state = SipHash13(key: key)
    state.compress(pair)
    return state.finish()
  }
}

/// The slots that a segment of a dedupe table is about to move to, or those that it has left.
public struct DedupeGrowth: Sendable {
  let segment: Int
  /// Slots to move to.
  let size: Int
  fileprivate var slots: [UInt64] = []

  init(segment: Int, size: Int) {
    self.segment = segment
    self.size = size
  }

  /// Bytes that the slots occupy.
  public var bytes: Int { slots.count * 8 }

  /// Allocates the slots.
  public mutating func allocate() { slots = [UInt64](repeating: 0, count: size) }
}

/// One segment: 64-bit slots with linear probing. Any number of slots will do, not only a power of two.
private struct DedupeSegment {
  enum Outcome { case known, raised, added, evicted }

  /// Rank (1 to 3) in bits 48 and 49, address and port in the low 48; 0 is an empty slot. One array, so that most
  /// searches meet one cache miss.
  private var slots: [UInt64]
  /// Slots that may still be filled. A fifth of all stay empty, so that searches are short. Negative while the segment
  /// waits for its growth.
  private var room: Int
  /// Whether its growth has been asked for.
  var isGrowing = false

  private static let pairMask: UInt64 = (1 << 48) - 1

  init(size: Int) {
    slots = [UInt64](repeating: 0, count: size)
    room = Self.room(size)
  }

  private static func room(_ size: Int) -> Int { size * 4 / 5 }

  /// The number of slots.
  var size: Int { slots.count }
  var isFull: Bool { room <= 0 }
  /// Whether the segment must grow before it takes another pair. A tenth of all slots is empty then.
  var isOverfull: Bool { room <= -(size / 10) }

  /// The slot at which the search for a pair with this hash starts.
  func firstSlot(_ hash: UInt64) -> UInt64 { slots[Self.home(hash, size)] }

  /// Adds a pair with this hash, or raises its rank.
  ///
  /// - Parameter mayOverfill: Whether a full segment takes one more pair, rather than forget another.
  mutating func insert(
    _ pair: UInt64, _ rank: UInt64, _ hash: UInt64, mayOverfill: Bool
  ) -> Outcome {
    let fresh = rank << 48 | pair
    let size = size
    let home = Self.home(hash, size)
    var at = home
    while case let slot = slots[at], slot != 0 {
      if slot & Self.pairMask == pair {
        // The pairs are equal, so the greater value has the greater rank.
        guard fresh > slot else { return .known }
        slots[at] = fresh
        return .raised
      }
      at = at + 1 < size ? at + 1 : 0
    }
    if room > 0 || mayOverfill {
      slots[at] = fresh
      room -= 1
      return .added
    }
    overwrite(home, at < home ? at + size - home : at - home, fresh, hash)
    return .evicted
  }

  /// Moves all pairs to other slots, which must be empty, and leaves the old ones in their place.
  mutating func move(to others: inout [UInt64], hash: (_ pair: UInt64) -> UInt64) {
    let size = others.count
    for slot in slots where slot != 0 {
      var at = Self.home(hash(slot & Self.pairMask), size)
      while others[at] != 0 { at = at + 1 < size ? at + 1 : 0 }
      others[at] = slot
    }
    room += Self.room(size) - Self.room(self.size)
    swap(&slots, &others)
    isGrowing = false
  }

  /// Overwrites one of the `walked` slots from `home` on, or drops `fresh` if there are none.
  ///
  /// Any other slot would not do: a search from `home` must meet the pair before an empty slot.
  private mutating func overwrite(_ home: Int, _ walked: Int, _ fresh: UInt64, _ hash: UInt64) {
    guard walked > 0 else { return }
    // These bits chose neither the segment nor the home.
    let at = home + Int(hash >> 8 & 0xffff_ffff) % walked
    slots[at < size ? at : at - size] = fresh
  }

  /// The slot at which the search for a pair starts: the hash as a fraction of 2^64, times `size`.
  private static func home(_ hash: UInt64, _ size: Int) -> Int {
    Int(hash.multipliedFullWidth(by: UInt64(size)).high)
  }
}
