// The segment table: finds a target by its number, in about constant time.

import Wire

/// The targets of a plan, numbered in ascending order.
///
/// A row is one segment, or a run of small segments with the same ports, whose addresses are listed one by one: a list of
/// ten million single addresses is one row and takes 40 MB.
///
/// The numbers are divided into buckets of 2^k, one or two for each row. A table holds the row in which each bucket
/// starts, so that a lookup only searches the few rows of one bucket.
struct SegmentTable: Sendable {
  struct Row {
    /// In the upper 48 bits, the number of the row's first target. In the lower 16, the number of its ports if they are
    /// consecutive, else 0.
    var startAndPorts: UInt64
    /// The first address, host order; or the index of the first address in `listed`.
    var address: UInt32
    /// The first port if the ports are consecutive, else the number of the port set. The highest bit is set if the
    /// addresses are listed.
    var tagged: UInt32

    @inline(__always) var start: UInt64 { startAndPorts >> 16 }
    @inline(__always) var isListed: Bool { tagged >> 31 != 0 }
    /// The first port or the number of the port set.
    @inline(__always) var portOrSet: UInt32 { tagged & 0x7fff_ffff }

    /// Returns the n-th address.
    @inline(__always)
    func address(_ number: UInt32, _ listed: [UInt32]) -> UInt32 {
      isListed ? listed[Int(address &+ number)] : address &+ number
    }
  }

  let count: UInt64
  /// The number of addresses, whatever the number of their ports.
  let addressCount: UInt64
  /// The most ports that an address has.
  let mostPorts: UInt64
  let rows: [Row]
  /// The addresses of rows that list them, host order.
  let listed: [UInt32]
  /// The row in which each bucket starts.
  private let buckets: [UInt32]
  /// k, the bits of a number that choose no bucket.
  private let shift: UInt64
  /// The ports of rows that refer to a port set.
  let ports: PortLists
  /// Indices by address, of `rows` and of `listed`.
  let rowHalves: UpperHalves
  let listedHalves: UpperHalves

  init(_ builder: consuming Builder, _ sets: PortSetTable) {
    precondition(builder.rows.count < UInt32.max)
    count = builder.count
    addressCount = builder.addressCount
    mostPorts = builder.mostPorts
    ports = PortLists(sets)
    (buckets, shift) = Self.buckets(builder.rows, count: builder.count)
    rows = builder.rows
    listed = builder.listed
    let (rows, listed) = (rows, listed)
    rowHalves = UpperHalves(count: rows.count) { rows[$0].address(0, listed) }
    listedHalves = UpperHalves(count: listed.count) { listed[$0] }
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

  /// Writes probes as `TargetPlan.probes` does.
  ///
  /// Takes each search step for all indices before the next step. The loads of one step are independent and free of
  /// branches, so the processor overlaps their cache misses.
  func probes(
    at indices: Span<UInt64>, number: Int, pass: UInt8, into out: inout MutableSpan<Probe>,
    from offset: Int
  ) {
    var lows = InlineArray<128, UInt32>(repeating: 0)
    var highs = InlineArray<128, UInt32>(repeating: 0)
    for next in 0..<number { (lows[next], highs[next]) = rowRange(indices[next]) }
    var isSearching = shift > 0
    while isSearching {
      isSearching = false
      for next in 0..<number {
        narrow(&lows[next], &highs[next], indices[next])
        isSearching = isSearching || lows[next] < highs[next]
      }
    }
    for next in 0..<number {
      out[offset + next] = Probe(target(indices[next], rows[Int(lows[next])]), pass: pass)
    }
  }

  /// Returns the rows that may contain `index`: a single one if each bucket has one number.
  @inline(__always)
  private func rowRange(_ index: UInt64) -> (low: UInt32, high: UInt32) {
    let bucket = Int(truncatingIfNeeded: index >> shift)
    return (buckets[bucket], shift == 0 ? buckets[bucket] : buckets[bucket + 1])
  }

  /// Takes one step of a binary search, which changes nothing once a single row remains.
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
    let consecutive = row.startAndPorts & 0xffff
    let portOrSet = row.portOrSet
    if consecutive == 1 {
      return Target(
        IPv4Address(row.address(UInt32(truncatingIfNeeded: offset), listed)),
        Port(UInt16(truncatingIfNeeded: portOrSet)))
    }
    let (address, number) = divide(
      offset, by: consecutive > 0 ? consecutive : ports.count(of: portOrSet))
    let port =
      consecutive > 0
      ? UInt16(truncatingIfNeeded: UInt64(portOrSet) &+ number)
      : ports.port(UInt32(truncatingIfNeeded: number), of: portOrSet)
    return Target(
      IPv4Address(row.address(UInt32(truncatingIfNeeded: address), listed)), Port(port))
  }

  /// Divides in 32 bits where it can, because 64-bit division is slow on older processors.
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
  /// Addresses with the same ports.
  struct Block {
    let addresses: AddressRange
    /// The number of the first target.
    let start: UInt64
    /// How many ports each address has.
    let ports: UInt64
  }

  /// Calls `body` with ranges of addresses in ascending order, adjacent ones not merged, until it returns false.
  func forEachRange(_ body: (AddressRange) -> Bool) { forEachBlock { body($0.addresses) } }

  /// Does the same with what else is known of each range.
  func forEachBlock(_ body: (Block) -> Bool) {
    for number in rows.indices {
      let row = rows[number]
      let end = number + 1 < rows.count ? rows[number + 1].start : count
      let perAddress = row.startAndPorts & 0xffff
      let ports = perAddress > 0 ? perAddress : self.ports.count(of: row.portOrSet)
      let addresses = UInt32((end - row.start) / ports)
      if row.isListed {
        var start = row.start
        for address in listed[Int(row.address)..<Int(row.address) + Int(addresses)] {
          let range = AddressRange(address, address)
          if !body(Block(addresses: range, start: start, ports: ports)) { return }
          start += ports
        }
      } else {
        let range = AddressRange(row.address, row.address + addresses - 1)
        if !body(Block(addresses: range, start: row.start, ports: ports)) { return }
      }
    }
  }

  /// Returns the lowest port of any row that is not in `set`.
  func firstPort(outside set: PortSet) -> Port? {
    var rest: UInt16?
    var seen: Set<UInt64> = []
    for row in rows {
      let consecutive = row.startAndPorts & 0xffff
      // Rows share few sets of ports.
      guard seen.insert(consecutive << 32 | UInt64(row.portOrSet)).inserted else { continue }
      for number in 0..<(consecutive > 0 ? consecutive : ports.count(of: row.portOrSet)) {
        let port =
          consecutive > 0
          ? UInt16(truncatingIfNeeded: UInt64(row.portOrSet) + number)
          : ports.port(UInt32(number), of: row.portOrSet)
        guard !set.contains(Port(port)) else { continue }
        rest = min(rest ?? port, port)
        break
      }
    }
    return rest.map { Port($0) }
  }
}
