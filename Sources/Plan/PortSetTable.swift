// Numbered port sets, for lists with millions of entries that have one each.

/// Gives numbers to port sets; equal sets have the same number.
///
/// All sets share one array, so that a million sets do not need a million allocations. An interval is one integer, with
/// its first port in the upper half.
struct PortSetTable: Sendable {
  static let none = UInt32.max

  private var intervals: [UInt32] = []
  /// Unions with many intervals, as trees. They have none in `intervals`.
  var trees = PortTrees()
  /// The tree of each set; `none` if it has intervals.
  private(set) var roots: [UInt32] = []
  /// The index of each set's first element in `intervals`; one more at the end.
  private var starts: [Int] = [0]
  /// The number of ports of each set.
  private(set) var counts: [UInt32] = []
  /// A hash table of set numbers, `none` in free slots. Its size is a power of two, at least twice the number of sets.
  private var slots: [UInt32] = []
  /// The set that consists of each single port, because lists of address:port pairs have few others. Empty until needed.
  private var singles: [UInt32] = []
  /// The set being looked up.
  private var wanted: [UInt32] = []

  var count: Int { counts.count }
  /// Bytes.
  var memory: Int { intervals.count * 4 + counts.count * 16 + slots.count * 4 + trees.memory }

  /// Returns the intervals of a set, in ascending order; none if it is a tree.
  func intervals(of number: UInt32) -> ArraySlice<UInt32> {
    intervals[starts[Int(number)]..<starts[Int(number) + 1]]
  }

  /// Returns the number of a set, and adds it if it is new.
  mutating func number(of set: PortSet) -> UInt32 { number(ofIntervals: set.intervals) }

  /// Returns the number of the union of intervals, which may be in any order.
  mutating func number(ofIntervals intervals: some Sequence<UInt32>) -> UInt32 {
    wanted.removeAll(keepingCapacity: true)
    wanted.append(contentsOf: intervals)
    normalise(&wanted)
    return numberOfWanted()
  }

  /// Returns the number of the set that is a tree. Gives the tree that was added last no second number.
  mutating func number(ofTree root: UInt32) -> UInt32 {
    if roots.last == root { return UInt32(count - 1) }
    starts.append(intervals.count)
    counts.append(trees.count(of: root, level: PortTrees.height))
    roots.append(root)
    return UInt32(count - 1)
  }

  /// Reads the ports after an address and its colon, and returns their set's number.
  @inline(__always)
  mutating func parse(_ text: Span<UInt8>, _ at: inout Int) throws(ParseError) -> UInt32 {
    let start = at
    if let port = Grammar.number(text, &at, limit: 65535), port > 0,
      Grammar.endsWord(Grammar.peek(text, at))
    {
      return number(of: UInt16(port))
    }
    at = start
    wanted.removeAll(keepingCapacity: true)
    try Grammar.ports(text, &at, &wanted)
    normalise(&wanted)
    return numberOfWanted()
  }

  @inline(__always)
  private mutating func number(of port: UInt16) -> UInt32 {
    if !singles.isEmpty, singles[Int(port)] != Self.none { return singles[Int(port)] }
    return addSingle(port)
  }

  private mutating func addSingle(_ port: UInt16) -> UInt32 {
    if singles.isEmpty { singles = [UInt32](repeating: Self.none, count: 65536) }
    let number = number(ofIntervals: CollectionOfOne(UInt32(port) << 16 | UInt32(port)))
    singles[Int(port)] = number
    return number
  }

  private mutating func numberOfWanted() -> UInt32 {
    if 2 * (count + 1) > slots.count { grow() }
    var slot = Int(truncatingIfNeeded: Self.hash(wanted[...])) & (slots.count - 1)
    while slots[slot] != Self.none {
      if intervals(of: slots[slot]).elementsEqual(wanted) { return slots[slot] }
      slot = (slot + 1) & (slots.count - 1)
    }
    let number = UInt32(count)
    slots[slot] = number
    intervals.append(contentsOf: wanted)
    starts.append(intervals.count)
    roots.append(Self.none)
    counts.append(wanted.reduce(0) { $0 + ($1 & 0xffff) - ($1 >> 16) + 1 })
    return number
  }

  private mutating func grow() {
    slots = [UInt32](repeating: Self.none, count: max(16, 2 * slots.count))
    for number in 0..<UInt32(count) where roots[Int(number)] == Self.none {
      var slot = Int(truncatingIfNeeded: Self.hash(intervals(of: number))) & (slots.count - 1)
      while slots[slot] != Self.none { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = number
    }
  }

  private static func hash(_ intervals: ArraySlice<UInt32>) -> UInt64 {
    var hash: UInt64 = 0
    for interval in intervals { hash = mix64(hash ^ UInt64(interval)) }
    return hash
  }
}

/// Sorts port intervals and merges those that overlap or touch.
func normalise(_ intervals: inout [UInt32]) {
  if intervals.count < 2 { return }
  intervals.sort()
  var last = 0
  for next in 1..<intervals.count {
    let interval = intervals[next]
    if interval >> 16 <= intervals[last] & 0xffff + 1 {
      let end = max(intervals[last] & 0xffff, interval & 0xffff)
      intervals[last] = intervals[last] & 0xffff_0000 | end
    } else {
      last += 1
      intervals[last] = interval
    }
  }
  intervals.removeSubrange((last + 1)...)
}
