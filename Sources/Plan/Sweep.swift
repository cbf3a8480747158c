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
/// n entries with m port intervals take O(n log n + m) steps. Memory beyond the entries is needed for those that overlap
/// at one address and for the unions, of which each takes a path in a tree (`PortTrees`) for what differs from the one
/// before.
struct Sweep {
  /// Sorted by first address.
  private let entries: [Entry]
  /// The table that the entries' `ports` refer to; the sweep adds unions.
  private(set) var sets: PortSetTable
  private var active: ActivePortSets
  /// The ends of the entries that cover the current address.
  private var ends = EndQueue()
  /// The index of the next entry.
  private var next = 0
  /// The current address: segments below it have been returned.
  private var start: UInt64 = 0

  /// - Parameter fallback: the set of entries that name none, see `ActivePortSets`.
  init(_ entries: [Entry], _ sets: PortSetTable, fallback: UInt32 = PortSetTable.none) {
    precondition(sets.count < 1 << 30)
    self.entries = entries
    self.sets = sets
    active = ActivePortSets(count: sets.count, fallback: fallback)
  }

  /// Visits of tree nodes so far.
  var steps: Int { active.steps }
  /// Bytes, without the entries.
  var memory: Int { sets.memory + active.memory + ends.memory }

  /// Returns the next segment, or nil at the end.
  mutating func nextSegment() -> Segment? {
    while true {
      if active.isEmpty, let segment = takeDisjointEntry() { return segment }
      let begin = next < entries.count ? UInt64(entries[next].addresses.first) : .max
      let position = min(begin, ends.nearest ?? .max)
      if position == .max { return nil }
      var segment: Segment?
      if !active.isEmpty, position > start {
        segment = Segment(
          addresses: AddressRange(UInt32(start), UInt32(position - 1)), ports: active.union(&sets))
      }
      advance(to: position)
      if let segment { return segment }
    }
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

  /// Bytes.
  var memory: Int { heap.count * 8 }

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
