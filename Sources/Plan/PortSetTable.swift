// Port sets by number, for lists in which millions of entries have one each.

/// Port sets by number: equal ones have the same number.
///
/// All sets lie in one array, so that a million of them need no million allocations. An interval is one
/// integer, its first port in the upper half.
struct PortSetTable: Sendable {
  static let none = UInt32.max

  private var intervals: [UInt32] = []
  /// Where each set starts in `intervals`; one more at the end.
  private var starts: [Int] = [0]
  /// How many ports each set has.
  private(set) var counts: [UInt32] = []
  /// Numbers by hash, `none` in free slots; a power of two, at least twice the number of sets.
  private var slots: [UInt32] = []
  /// By port, for sets of one port: lists of address:port pairs have little else. Made when needed.
  private var singles: [UInt32] = []
  /// The set being looked up.
  private var wanted: [UInt32] = []

  var count: Int { counts.count }
  /// Of all sets together: what the table's memory goes by.
  var intervalCount: Int { intervals.count }

  /// The intervals of a set, in ascending order.
  func intervals(of number: UInt32) -> ArraySlice<UInt32> {
    intervals[starts[Int(number)]..<starts[Int(number) + 1]]
  }

  mutating func number(of set: PortSet) -> UInt32 { number(ofIntervals: set.intervals) }

  /// The number of the union of intervals in any order.
  mutating func number(ofIntervals intervals: some Sequence<UInt32>) -> UInt32 {
    wanted.removeAll(keepingCapacity: true)
    wanted.append(contentsOf: intervals)
    normalise(&wanted)
    return numberOfWanted()
  }

  /// Reads ports as they stand behind an address.
  @inline(__always)
  mutating func parse(_ text: Span<UInt8>, _ at: inout Int) throws(Mistake) -> UInt32 {
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
    counts.append(wanted.reduce(0) { $0 + ($1 & 0xffff) - ($1 >> 16) + 1 })
    return number
  }

  private mutating func grow() {
    slots = [UInt32](repeating: Self.none, count: max(16, 2 * slots.count))
    for number in 0..<UInt32(count) {
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

/// Sorts intervals of ports and joins those that overlap or touch.
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
