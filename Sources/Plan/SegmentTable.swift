// From a target's number to the target, in about constant time.

import Wire

/// Segments numbered through by their pairs.
///
/// The numbers are divided into buckets of 2^k, about as many as there are segments; a table tells in which
/// segment each bucket starts, and what is left is a search among the few segments of one bucket.
struct SegmentTable: Sendable {
  private struct Row {
    /// The number of its first pair.
    var start: UInt64
    /// Its first address, host order.
    var address: UInt32
    /// First port in the upper half, last one in the lower half, which most port sets are; 0 for others.
    var ports: UInt32
  }

  /// Intervals of ports, from the one at `first` on, of a set that has several.
  private struct PortRows {
    var first: Int
    var count: Int
    /// All ports of the set.
    var ports: UInt64
  }

  private struct PortRow {
    /// How many ports of the set come before this interval.
    var start: UInt32
    var port: UInt16
  }

  let count: UInt64
  private let rows: [Row]
  private let buckets: [UInt32]
  private let shift: UInt64
  /// For rows whose `ports` is 0: parallel to `rows`, or empty if there is none.
  private var portSets: [UInt32] = []
  private var portRowsOfSet: [PortRows] = []
  private var portRows: [PortRow] = []

  init(_ segments: [Segment], _ sets: PortSetTable) {
    precondition(segments.count < UInt32.max)
    let single = sets.sets.map { set in
      set.ranges.count == 1
        ? UInt32(set.ranges[0].lowerBound) << 16 | UInt32(set.ranges[0].upperBound) : 0
    }
    let counts = sets.sets.map { UInt64($0.count) }
    var rows: [Row] = []
    rows.reserveCapacity(segments.count)
    var start: UInt64 = 0
    for segment in segments {
      let set = Int(segment.ports)
      rows.append(Row(start: start, address: segment.addresses.first, ports: single[set]))
      start += segment.addresses.count * counts[set]
    }
    self.rows = rows
    count = start
    (buckets, shift) = Self.buckets(rows, count: start)
    if rows.contains(where: { $0.ports == 0 }) {
      portSets = segments.map(\.ports)
      for set in sets.sets { addPortRows(set) }
    }
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

  private mutating func addPortRows(_ set: PortSet) {
    var start: UInt32 = 0
    portRowsOfSet.append(
      PortRows(first: portRows.count, count: set.ranges.count, ports: UInt64(set.count)))
    for range in set.ranges {
      portRows.append(PortRow(start: start, port: range.lowerBound))
      start += UInt32(range.count)
    }
  }

  @inline(__always)
  func target(at index: UInt64) -> Target {
    precondition(index < count)
    let bucket = Int(truncatingIfNeeded: index >> shift)
    var low = Int(buckets[bucket])
    var high = Int(buckets[bucket + 1])
    while low < high {
      let middle = (low + high + 1) / 2
      if rows[middle].start <= index { low = middle } else { high = middle - 1 }
    }
    let row = rows[low]
    let offset = index &- row.start
    let firstPort = row.ports >> 16
    let lastPort = row.ports & 0xffff
    if firstPort == lastPort, firstPort != 0 {
      return Target(
        IPv4Address(row.address &+ UInt32(truncatingIfNeeded: offset)),
        Port(UInt16(truncatingIfNeeded: firstPort)))
    }
    if firstPort == 0 { return scattered(row, number: low, offset: offset) }
    let (addresses, ports) = divide(offset, by: UInt64(lastPort &- firstPort &+ 1))
    return Target(
      IPv4Address(row.address &+ UInt32(truncatingIfNeeded: addresses)),
      Port(UInt16(truncatingIfNeeded: UInt64(firstPort) &+ ports)))
  }

  /// A port set of several intervals.
  private func scattered(_ row: Row, number: Int, offset: UInt64) -> Target {
    let set = portRowsOfSet[Int(portSets[number])]
    let (addresses, port) = divide(offset, by: set.ports)
    var low = set.first
    var high = set.first + set.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if UInt64(portRows[middle].start) <= port { low = middle } else { high = middle - 1 }
    }
    let interval = portRows[low]
    return Target(
      IPv4Address(row.address &+ UInt32(truncatingIfNeeded: addresses)),
      Port(interval.port &+ UInt16(truncatingIfNeeded: port &- UInt64(interval.start))))
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
