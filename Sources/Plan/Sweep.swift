// From overlapping entries to disjoint segments: each address once, with every port wanted of it.

/// Neighbouring addresses that are probed on the same ports.
struct Segment {
  var addresses: AddressRange
  /// A number in the plan's `PortSetTable`.
  var ports: UInt32
}

/// Disjoint segments in ascending order: at each address the union of the port sets of all entries that
/// cover it; neighbours with the same set become one. Every entry's `ports` is a number in `sets`.
///
/// nil if so many different unions come up that `sets` would have to hold more than `limit` intervals beyond
/// those it has: a small file can be made to need any amount of memory (entries nested in each other, each
/// with another port), and a box must survive it. The default is 256 MB.
func sweep(_ entries: [Entry], _ sets: inout PortSetTable, limit: Int = 1 << 26) -> [Segment]? {
  var segments: [Segment] = []
  if areDisjointInOrder(entries) {
    for entry in entries { append(entry.addresses, entry.ports, to: &segments) }
    return segments
  }
  // Where an entry starts, and one past where it ends: position (33 bits), port set (30), end or start.
  precondition(sets.count < 1 << 30)
  var events: [UInt64] = []
  events.reserveCapacity(2 * entries.count)
  for entry in entries {
    events.append(UInt64(entry.addresses.first) << 31 | UInt64(entry.ports) << 1)
    events.append((UInt64(entry.addresses.last) + 1) << 31 | UInt64(entry.ports) << 1 | 1)
  }
  sortByRadix(&events, bits: 31..<64)

  var active = ActiveSets(count: sets.count)
  let mostIntervals = sets.intervalCount + limit
  var start: UInt64 = 0
  var next = 0
  while next < events.count {
    let position = events[next] >> 31
    if !active.isEmpty, position > start {
      append(
        AddressRange(UInt32(start), UInt32(position - 1)), active.union(&sets), to: &segments)
      if sets.intervalCount > mostIntervals { return nil }
    }
    while next < events.count, events[next] >> 31 == position {
      let set = UInt32(truncatingIfNeeded: events[next] >> 1) & 0x3fff_ffff
      if events[next] & 1 == 0 { active.add(set) } else { active.remove(set) }
      next += 1
    }
    start = position
  }
  return segments
}

private func areDisjointInOrder(_ entries: [Entry]) -> Bool {
  var last: UInt32?
  for entry in entries {
    if let last, entry.addresses.first <= last { return false }
    last = entry.addresses.last
  }
  return true
}

@inline(__always)
private func append(_ addresses: AddressRange, _ ports: UInt32, to segments: inout [Segment]) {
  if let last = segments.last, last.ports == ports,
    UInt64(last.addresses.last) + 1 == UInt64(addresses.first)
  {
    segments[segments.count - 1].addresses.last = addresses.last
  } else {
    segments.append(Segment(addresses: addresses, ports: ports))
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
