// The sweep, which turns overlapping entries into disjoint segments.

/// A range of addresses that are probed on the same ports.
struct Segment {
  var addresses: AddressRange
  /// A number in the plan's `PortSetTable`.
  var ports: UInt32
}

/// Sweeps entries from the lowest address to the highest and returns disjoint segments. Each address has the union of the
/// port sets of all entries that cover it. Adjacent segments may have the same set.
///
/// Memory beyond the entries is needed for those that overlap at one address and for the unions. A small file of nested
/// entries, each with another port, could need any amount, so the intervals of the unions are limited.
struct Sweep {
  /// Sorted by first address.
  private let entries: [Entry]
  /// The table that the entries' `ports` refer to; the sweep adds unions.
  private(set) var sets: PortSetTable
  /// Whether the sweep ended early because the unions exceeded the limit.
  private(set) var isTooLarge = false

  private let intervalLimit: Int
  private var active: ActiveSets
  /// The ends of the entries that cover the current address.
  private var ends = EndQueue()
  /// The index of the next entry.
  private var next = 0
  /// The current address: segments below it have been returned.
  private var start: UInt64 = 0

  /// - Parameter limit: the most port intervals that the unions may add to `sets`; the default takes 256 MiB.
  init(_ entries: [Entry], _ sets: PortSetTable, limit: Int = 1 << 26) {
    precondition(sets.count < 1 << 30)
    self.entries = entries
    self.sets = sets
    intervalLimit = sets.intervalCount + limit
    active = ActiveSets(count: sets.count)
  }

  /// Returns the next segment, or nil at the end.
  mutating func nextSegment() -> Segment? {
    while !isTooLarge {
      if active.isEmpty, let segment = takeDisjointEntry() { return segment }
      let begin = next < entries.count ? UInt64(entries[next].addresses.first) : .max
      let position = min(begin, ends.nearest ?? .max)
      if position == .max { return nil }
      var segment: Segment?
      if !active.isEmpty, position > start {
        segment = Segment(
          addresses: AddressRange(UInt32(start), UInt32(position - 1)), ports: active.union(&sets))
        isTooLarge = sets.intervalCount > intervalLimit
      }
      advance(to: position)
      if let segment { return isTooLarge ? nil : segment }
    }
    return nil
  }

  /// Returns the next entry as a segment if no other entry overlaps it. That is the common case in long lists.
  @inline(__always)
  private mutating func takeDisjointEntry() -> Segment? {
    guard next < entries.count else { return nil }
    let entry = entries[next]
    guard next + 1 == entries.count || entries[next + 1].addresses.first > entry.addresses.last else {
      return nil
    }
    next += 1
    return Segment(addresses: entry.addresses, ports: entry.ports)
  }

  /// Removes the entries that end at `position` and adds those that begin there.
  private mutating func advance(to position: UInt64) {
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

/// The ends of entries in a binary heap, nearest first.
private struct EndQueue {
  /// One past the last address (33 bits), then the port set (30 bits).
  private var heap: [UInt64] = []

  /// One past the last address of the entry that ends first.
  var nearest: UInt64? { heap.first.map { $0 >> 30 } }

  mutating func insert(_ end: UInt64, ports: UInt32) {
    heap.append(end << 30 | UInt64(ports))
    var index = heap.count - 1
    while index > 0, heap[(index - 1) / 2] > heap[index] {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// Removes the nearest end, and returns the port set of its entry. Traps if there is none.
  mutating func removeNearest() -> UInt32 {
    let nearest = heap[0]
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      var index = 0
      while case let child = smallerChild(of: index), child < heap.count, heap[child] < heap[index] {
        heap.swapAt(index, child)
        index = child
      }
    }
    return UInt32(truncatingIfNeeded: nearest) & 0x3fff_ffff
  }

  private func smallerChild(of index: Int) -> Int {
    let left = 2 * index + 1
    return left + 1 < heap.count && heap[left + 1] < heap[left] ? left + 1 : left
  }
}

/// The port sets of the entries that cover the current address.
private struct ActiveSets {
  /// For each set, the number of entries that have it.
  private var counts: [UInt32]
  /// The sets with a count above 0.
  private var present: [UInt32] = []
  /// For each set, its index in `present`.
  private var indices: [UInt32]
  /// A hash of the sets present that does not depend on their order.
  private var fingerprint: UInt128 = 0
  private var unions: [UInt128: UInt32] = [:]

  init(count: Int) {
    counts = [UInt32](repeating: 0, count: count)
    indices = counts
  }

  var isEmpty: Bool { present.isEmpty }

  mutating func add(_ set: UInt32) {
    counts[Int(set)] += 1
    guard counts[Int(set)] == 1 else { return }
    indices[Int(set)] = UInt32(present.count)
    present.append(set)
    fingerprint ^= Self.hash(set)
  }

  mutating func remove(_ set: UInt32) {
    counts[Int(set)] -= 1
    guard counts[Int(set)] == 0, let moved = present.popLast() else { return }
    if moved != set {
      let index = indices[Int(set)]
      present[Int(index)] = moved
      indices[Int(moved)] = index
    }
    fingerprint ^= Self.hash(set)
  }

  /// Returns the number of the union of the sets present. Computes each combination once, because the same one recurs (a
  /// wide entry over a million single addresses).
  mutating func union(_ sets: inout PortSetTable) -> UInt32 {
    if present.count == 1 { return present[0] }
    if let known = unions[fingerprint] { return known }
    var intervals: [UInt32] = []
    for set in present { intervals += sets.intervals(of: set) }
    let number = sets.number(ofIntervals: intervals)
    unions[fingerprint] = number
    return number
  }

  private static func hash(_ set: UInt32) -> UInt128 {
    UInt128(mix64(UInt64(set) << 1)) << 64 | UInt128(mix64(UInt64(set) << 1 | 1))
  }
}
