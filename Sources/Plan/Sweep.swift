// From overlapping entries to disjoint segments: each address once, with every port wanted of it.

/// Neighbouring addresses that are probed on the same ports.
struct Segment {
  var addresses: AddressRange
  /// A number in the plan's `PortSetTable`.
  var ports: UInt32
}

/// Goes over entries from the lowest address to the highest and gives disjoint segments: at each address
/// the union of the port sets of all entries that cover it. Neighbouring segments may have the same set.
///
/// Beside the entries it needs memory only for those that overlap at one place, and for the unions. A small
/// file can be made to need any amount for these (entries nested in each other, each with another port), and
/// a box must survive it: see `isTooLarge`.
struct Sweep {
  /// Sorted by their first addresses.
  private let entries: [Entry]
  /// Every entry's `ports` is a number in it; unions are added.
  private(set) var sets: PortSetTable
  /// There are no more segments because the unions would have had more than `limit` intervals.
  private(set) var isTooLarge = false

  private let mostIntervals: Int
  private var active: ActiveSets
  /// Where the entries that cover the place end.
  private var ends = EndQueue()
  /// The next entry.
  private var next = 0
  /// Up to here, exclusively, everything has been given.
  private var start: UInt64 = 0

  /// - Parameter limit: intervals of ports beyond those that `sets` has; the default is 256 MB.
  init(_ entries: [Entry], _ sets: PortSetTable, limit: Int = 1 << 26) {
    precondition(sets.count < 1 << 30)
    self.entries = entries
    self.sets = sets
    mostIntervals = sets.intervalCount + limit
    active = ActiveSets(count: sets.count)
  }

  mutating func nextSegment() -> Segment? {
    while !isTooLarge {
      if active.isEmpty, let alone = takeEntryAlone() { return alone }
      let begin = next < entries.count ? UInt64(entries[next].addresses.first) : .max
      let position = min(begin, ends.nearest ?? .max)
      if position == .max { return nil }
      var segment: Segment?
      if !active.isEmpty, position > start {
        segment = Segment(
          addresses: AddressRange(UInt32(start), UInt32(position - 1)), ports: active.union(&sets))
        isTooLarge = sets.intervalCount > mostIntervals
      }
      pass(position)
      if let segment { return isTooLarge ? nil : segment }
    }
    return nil
  }

  /// The next entry if the one after it begins behind it: nearly all of a long list.
  @inline(__always)
  private mutating func takeEntryAlone() -> Segment? {
    guard next < entries.count else { return nil }
    let entry = entries[next]
    guard next + 1 == entries.count || entries[next + 1].addresses.first > entry.addresses.last else {
      return nil
    }
    next += 1
    return Segment(addresses: entry.addresses, ports: entry.ports)
  }

  /// Takes leave of the entries that end at a place, and takes in those that begin there.
  private mutating func pass(_ position: UInt64) {
    while ends.nearest == position { active.remove(ends.removeNearest()) }
    while next < entries.count, UInt64(entries[next].addresses.first) == position {
      let entry = entries[next]
      active.add(entry.ports)
      ends.insert(UInt64(entry.addresses.last) + 1, ports: entry.ports)
      next += 1
    }
    start = position
  }
}

/// Ends of entries, the nearest first: a binary heap.
private struct EndQueue {
  /// One past the last address (33 bits), then the port set (30).
  private var heap: [UInt64] = []

  /// One past the last address of the entry that ends first.
  var nearest: UInt64? { heap.first.map { $0 >> 30 } }

  mutating func insert(_ end: UInt64, ports: UInt32) {
    heap.append(end << 30 | UInt64(ports))
    var place = heap.count - 1
    while place > 0, heap[(place - 1) / 2] > heap[place] {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Its port set. Traps if there is none.
  mutating func removeNearest() -> UInt32 {
    let nearest = heap[0]
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      var place = 0
      while case let child = lesserChild(of: place), child < heap.count, heap[child] < heap[place] {
        heap.swapAt(place, child)
        place = child
      }
    }
    return UInt32(truncatingIfNeeded: nearest) & 0x3fff_ffff
  }

  private func lesserChild(of place: Int) -> Int {
    let left = 2 * place + 1
    return left + 1 < heap.count && heap[left + 1] < heap[left] ? left + 1 : left
  }
}

/// The port sets of the entries that cover the place the sweep is at.
private struct ActiveSets {
  /// How many entries with each set cover the place.
  private var counts: [UInt32]
  /// The sets with a count above 0, and where in it each set stands.
  private var present: [UInt32] = []
  private var places: [UInt32]
  /// Stands for the sets present: the same sets, the same fingerprint, whatever the order.
  private var fingerprint: UInt128 = 0
  private var unions: [UInt128: UInt32] = [:]

  init(count: Int) {
    counts = [UInt32](repeating: 0, count: count)
    places = counts
  }

  var isEmpty: Bool { present.isEmpty }

  mutating func add(_ set: UInt32) {
    counts[Int(set)] += 1
    guard counts[Int(set)] == 1 else { return }
    places[Int(set)] = UInt32(present.count)
    present.append(set)
    fingerprint ^= Self.mark(set)
  }

  mutating func remove(_ set: UInt32) {
    counts[Int(set)] -= 1
    guard counts[Int(set)] == 0, let moved = present.popLast() else { return }
    if moved != set {
      let place = places[Int(set)]
      present[Int(place)] = moved
      places[Int(moved)] = place
    }
    fingerprint ^= Self.mark(set)
  }

  /// The union's number. The same combination comes up again and again (one wide entry over a million
  /// single addresses), so that each is computed once.
  mutating func union(_ sets: inout PortSetTable) -> UInt32 {
    if present.count == 1 { return present[0] }
    if let known = unions[fingerprint] { return known }
    var intervals: [UInt32] = []
    for set in present { intervals += sets.intervals(of: set) }
    let number = sets.number(ofIntervals: intervals)
    unions[fingerprint] = number
    return number
  }

  private static func mark(_ set: UInt32) -> UInt128 {
    UInt128(mix64(UInt64(set) << 1)) << 64 | UInt128(mix64(UInt64(set) << 1 | 1))
  }
}
