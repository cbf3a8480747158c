// From a target's number to the target, in about constant time.

import Wire

/// Segments numbered through by their pairs.
///
/// The numbers are divided into buckets of 2^k, one or two for each segment; a table tells in which segment
/// each bucket starts, and what is left is a search among the few segments of one bucket.
struct SegmentTable: Sendable {
  private struct Row {
    /// The number of its first pair in the upper 48 bits; in the lower 16 how many ports it has if they
    /// are neighbours, else 0.
    var startAndPorts: UInt64
    /// Its first address, host order.
    var address: UInt32
    /// The first port if they are neighbours, else the number of the port set.
    var portOrSet: UInt32

    @inline(__always) var start: UInt64 { startAndPorts >> 16 }
  }

  let count: UInt64
  private let rows: [Row]
  private let buckets: [UInt32]
  private let shift: UInt64
  /// By number, for the rows that refer to it.
  private let ports: PortLists

  init(_ segments: [Segment], _ sets: PortSetTable) {
    precondition(segments.count < UInt32.max)
    var rows: [Row] = []
    rows.reserveCapacity(segments.count)
    var start: UInt64 = 0
    for segment in segments {
      let intervals = sets.intervals(of: segment.ports)
      let ports = UInt64(sets.counts[Int(segment.ports)])
      if intervals.count == 1, let interval = intervals.first {
        rows.append(
          Row(
            startAndPorts: start << 16 | ports, address: segment.addresses.first,
            portOrSet: interval >> 16))
      } else {
        rows.append(
          Row(startAndPorts: start << 16, address: segment.addresses.first, portOrSet: segment.ports))
      }
      start += segment.addresses.count * ports
    }
    self.rows = rows
    count = start
    ports = PortLists(sets)
    (buckets, shift) = Self.buckets(rows, count: start)
  }

  private static func buckets(_ rows: [Row], count: UInt64) -> (buckets: [UInt32], shift: UInt64) {
    guard count > 0 else { return ([], 0) }
    var shift: UInt64 = 0
    while (count - 1) >> shift >= 2 * UInt64(rows.count) { shift += 1 }
    let last = Int((count - 1) >> shift)
    var buckets: [UInt32] = []
    buckets.reserveCapacity(last + 2)
    var row = 0
    for bucket in 0...last {
      while row + 1 < rows.count, rows[row + 1].start <= UInt64(bucket) << shift { row += 1 }
      buckets.append(UInt32(row))
    }
    buckets.append(UInt32(rows.count - 1))
    return (buckets, shift)
  }

  func target(at index: UInt64) -> Target {
    precondition(index < count)
    var (low, high) = rowRange(index)
    while low < high { narrow(&low, &high, index) }
    return target(index, rows[Int(low)])
  }

  /// As `TargetPlan.probes`. The steps are taken for all indices together: none of the loads of one step
  /// waits for another, and no branch is mispredicted between them, so that the processor has many cache
  /// misses under way at a time.
  func probes(
    at indices: Span<UInt64>, number: Int, pass: UInt8, into out: inout MutableSpan<Probe>,
    from place: Int
  ) {
    var lows = InlineArray<128, UInt32>(repeating: 0)
    var highs = InlineArray<128, UInt32>(repeating: 0)
    for next in 0..<number { (lows[next], highs[next]) = rowRange(indices[next]) }
    var isOpen = shift > 0
    while isOpen {
      isOpen = false
      for next in 0..<number {
        narrow(&lows[next], &highs[next], indices[next])
        isOpen = isOpen || lows[next] < highs[next]
      }
    }
    for next in 0..<number {
      out[place + next] = Probe(target(indices[next], rows[Int(lows[next])]), pass: pass)
    }
  }

  /// The rows in which `index` may be. With buckets of one number each there is but one.
  @inline(__always)
  private func rowRange(_ index: UInt64) -> (low: UInt32, high: UInt32) {
    let bucket = Int(truncatingIfNeeded: index >> shift)
    return (buckets[bucket], shift == 0 ? buckets[bucket] : buckets[bucket + 1])
  }

  /// One step of a binary search; none if there is but one row left.
  @inline(__always)
  private func narrow(_ low: inout UInt32, _ high: inout UInt32, _ index: UInt64) {
    let middle = low &+ (high &- low &+ 1) >> 1
    let isAbove = rows[Int(middle)].start <= index
    low = isAbove ? middle : low
    high = isAbove ? high : middle &- 1
  }

  @inline(__always)
  private func target(_ index: UInt64, _ row: Row) -> Target {
    let offset = index &- row.start
    let neighbours = row.startAndPorts & 0xffff
    if neighbours == 1 {
      return Target(
        IPv4Address(row.address &+ UInt32(truncatingIfNeeded: offset)),
        Port(UInt16(truncatingIfNeeded: row.portOrSet)))
    }
    let (address, number) = divide(
      offset, by: neighbours > 0 ? neighbours : ports.count(of: row.portOrSet))
    let port =
      neighbours > 0
      ? UInt16(truncatingIfNeeded: UInt64(row.portOrSet) &+ number)
      : ports.port(UInt32(truncatingIfNeeded: number), of: row.portOrSet)
    return Target(IPv4Address(row.address &+ UInt32(truncatingIfNeeded: address)), Port(port))
  }

  /// Division of 64 bits is slow on older processors, and seldom needed.
  @inline(__always)
  private func divide(_ value: UInt64, by divisor: UInt64) -> (UInt64, UInt64) {
    if value >> 32 == 0 {
      let (quotient, remainder) = UInt32(truncatingIfNeeded: value).quotientAndRemainder(
        dividingBy: UInt32(truncatingIfNeeded: divisor))
      return (UInt64(quotient), UInt64(remainder))
    }
    return value.quotientAndRemainder(dividingBy: divisor)
  }
}

/// The n-th port of each set of a table.
private struct PortLists: Sendable {
  private struct List {
    /// In `ports` or in `intervals`.
    var first: UInt32
    /// 0 if the ports themselves are listed.
    var intervals: UInt32
    var count: UInt32
  }

  private struct Interval {
    /// How many ports of the set come before it.
    var start: UInt32
    var port: UInt16
  }

  private var lists: [List] = []
  private var ports: [UInt16] = []
  private var intervals: [Interval] = []

  /// Short intervals are written out port by port, up to so many for each: memory stays proportional to
  /// what was read.
  private static let listedPorts = 8

  init(_ sets: PortSetTable) {
    lists.reserveCapacity(sets.count)
    for number in 0..<UInt32(sets.count) {
      let set = sets.intervals(of: number)
      let count = sets.counts[Int(number)]
      let isListed = set.count > 1 && Int(count) <= Self.listedPorts * set.count
      lists.append(
        List(
          first: UInt32(isListed ? ports.count : intervals.count),
          intervals: isListed ? 0 : UInt32(set.count), count: count))
      // A row with neighbouring ports does not refer to its set.
      if set.count == 1 { continue }
      var start: UInt32 = 0
      for interval in set {
        let first = UInt16(interval >> 16)
        let last = UInt16(truncatingIfNeeded: interval)
        if isListed {
          ports += first...last
        } else {
          intervals.append(Interval(start: start, port: first))
        }
        start += UInt32(last - first) + 1
      }
    }
  }

  @inline(__always)
  func count(of set: UInt32) -> UInt64 { UInt64(lists[Int(set)].count) }

  @inline(__always)
  func port(_ number: UInt32, of set: UInt32) -> UInt16 {
    let list = lists[Int(set)]
    if list.intervals == 0 { return ports[Int(list.first &+ number)] }
    var low = Int(list.first)
    var high = low + Int(list.intervals) - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if intervals[middle].start <= number { low = middle } else { high = middle - 1 }
    }
    return intervals[low].port &+ UInt16(truncatingIfNeeded: number &- intervals[low].start)
  }
}
