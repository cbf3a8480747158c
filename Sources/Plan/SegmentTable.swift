// From a target's number to the target, in about constant time.

import Wire

/// Segments numbered through by their pairs.
///
/// A row is a segment; or many small ones in a row that have the same ports, whose addresses are then
/// listed one by one: a list of ten million single addresses is one row and 40 MB.
///
/// The numbers are divided into buckets of 2^k, one or two for each row; a table tells in which row each
/// bucket starts, and what is left is a search among the few rows of one bucket.
struct SegmentTable: Sendable {
  struct Row {
    /// The number of its first pair in the upper 48 bits; in the lower 16 how many ports it has if they
    /// are neighbours, else 0.
    var startAndPorts: UInt64
    /// Its first address, host order; or where its addresses begin in `listed`.
    var address: UInt32
    /// The first port if they are neighbours, else the number of the port set; the uppermost bit is set if
    /// its addresses are listed.
    var tagged: UInt32

    @inline(__always) var start: UInt64 { startAndPorts >> 16 }
    @inline(__always) var isListed: Bool { tagged >> 31 != 0 }
    /// The first port or the number of the port set.
    @inline(__always) var portOrSet: UInt32 { tagged & 0x7fff_ffff }

    /// Its n-th address.
    @inline(__always)
    func address(_ number: UInt32, _ listed: [UInt32]) -> UInt32 {
      isListed ? listed[Int(address &+ number)] : address &+ number
    }
  }

  let count: UInt64
  /// Addresses, each once however many its ports.
  let addressCount: UInt64
  private let rows: [Row]
  /// Addresses, host order.
  private let listed: [UInt32]
  private let buckets: [UInt32]
  private let shift: UInt64
  /// By number, for the rows that refer to it.
  private let ports: PortLists

  init(_ builder: consuming Builder, _ sets: PortSetTable) {
    precondition(builder.rows.count < UInt32.max)
    count = builder.count
    addressCount = builder.addressCount
    ports = PortLists(sets)
    (buckets, shift) = Self.buckets(builder.rows, count: builder.count)
    rows = builder.rows
    listed = builder.listed
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
    let portOrSet = row.portOrSet
    if neighbours == 1 {
      return Target(
        IPv4Address(row.address(UInt32(truncatingIfNeeded: offset), listed)),
        Port(UInt16(truncatingIfNeeded: portOrSet)))
    }
    let (address, number) = divide(offset, by: neighbours > 0 ? neighbours : ports.count(of: portOrSet))
    let port =
      neighbours > 0
      ? UInt16(truncatingIfNeeded: UInt64(portOrSet) &+ number)
      : ports.port(UInt32(truncatingIfNeeded: number), of: portOrSet)
    return Target(
      IPv4Address(row.address(UInt32(truncatingIfNeeded: address), listed)), Port(port))
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

extension SegmentTable {
  /// Calls `body` with the addresses in ascending order, neighbours not joined, until it returns false.
  func forEachRange(_ body: (AddressRange) -> Bool) {
    for number in rows.indices {
      let row = rows[number]
      let end = number + 1 < rows.count ? rows[number + 1].start : count
      let perAddress = row.startAndPorts & 0xffff
      let ports = perAddress > 0 ? perAddress : self.ports.count(of: row.portOrSet)
      let addresses = UInt32((end - row.start) / ports)
      if row.isListed {
        for address in listed[Int(row.address)..<Int(row.address) + Int(addresses)] {
          if !body(AddressRange(address, address)) { return }
        }
      } else if !body(AddressRange(row.address, row.address + addresses - 1)) {
        return
      }
    }
  }
}
