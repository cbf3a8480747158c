// Builds a segment table from segments in order, restricted to the scope.

extension SegmentTable {
  /// Collects segments in ascending order, and keeps the addresses that the scope allows.
  struct Builder {
    private let allowed: [AddressRange]
    private var nextAllowed = 0
    /// The last segment, which grows if an adjacent one with the same ports follows.
    private var pending: Segment?
    /// Small segments, listed from index `first` on, that will share one row.
    private var run: (first: Int, ports: UInt32, segments: Int)?

    private(set) var count: UInt64 = 0
    private(set) var addressCount: UInt64 = 0
    /// The most ports that an address has.
    private(set) var mostPorts: UInt64 = 0
    private(set) var rows: [Row] = []
    private(set) var listed: [UInt32] = []

    /// Segments of up to this size take less memory listed than as a row with its one or two buckets.
    private static let listedAddresses: UInt64 = 8

    init(allowed: AddressSet) { self.allowed = allowed.ranges }

    /// Bytes, with the buckets that the table adds.
    var memory: Int { rows.count * (MemoryLayout<Row>.stride + 8) + listed.count * 4 }

    /// Adds the allowed parts of a segment. `sets` is the table that its ports refer to.
    mutating func add(_ segment: Segment, _ sets: PortSetTable) {
      let addresses = segment.addresses
      while nextAllowed < allowed.count, allowed[nextAllowed].last < addresses.first {
        nextAllowed += 1
      }
      var range = nextAllowed
      while range < allowed.count, allowed[range].first <= addresses.last {
        let part = AddressRange(
          max(addresses.first, allowed[range].first), min(addresses.last, allowed[range].last))
        join(Segment(addresses: part, ports: segment.ports), sets)
        range += 1
      }
    }

    /// Returns the table.
    consuming func finish(_ sets: PortSetTable) -> SegmentTable {
      if let pending { store(pending, sets) }
      endRun(sets)
      return SegmentTable(self, sets)
    }

    @inline(__always)
    private mutating func join(_ segment: Segment, _ sets: PortSetTable) {
      if let last = pending {
        if last.ports == segment.ports,
          UInt64(last.addresses.last) + 1 == UInt64(segment.addresses.first)
        {
          pending?.addresses.last = segment.addresses.last
          return
        }
        store(last, sets)
      }
      pending = segment
    }

    private mutating func store(_ segment: Segment, _ sets: PortSetTable) {
      let isSmall = segment.addresses.count <= Self.listedAddresses
      if run?.ports != segment.ports || !isSmall { endRun(sets) }
      guard isSmall else { return addRow(segment.addresses, segment.ports, sets) }
      if run == nil { run = (first: listed.count, ports: segment.ports, segments: 0) }
      run?.segments += 1
      for address in segment.addresses.first...segment.addresses.last { listed.append(address) }
    }

    private mutating func endRun(_ sets: PortSetTable) {
      guard let (first, ports, segments) = run else { return }
      run = nil
      let addresses = listed.count - first
      if segments == 1 {
        let range = AddressRange(listed[first], listed[listed.count - 1])
        listed.removeLast(addresses)
        return addRow(range, ports, sets)
      }
      addRow(
        address: UInt32(first), isListed: true, addresses: UInt64(addresses), ports: ports, sets)
    }

    private mutating func addRow(_ addresses: AddressRange, _ ports: UInt32, _ sets: PortSetTable) {
      addRow(
        address: addresses.first, isListed: false, addresses: addresses.count, ports: ports, sets)
    }

    private mutating func addRow(
      address: UInt32, isListed: Bool, addresses: UInt64, ports: UInt32, _ sets: PortSetTable
    ) {
      let intervals = sets.intervals(of: ports)
      let number = UInt64(sets.counts[Int(ports)])
      let areConsecutive = intervals.count == 1
      rows.append(
        Row(
          startAndPorts: count << 16 | (areConsecutive ? number : 0), address: address,
          tagged: (areConsecutive ? intervals[intervals.startIndex] >> 16 : ports)
            | (isListed ? 1 << 31 : 0)))
      mostPorts = max(mostPorts, number)
      count += addresses * number
      addressCount += addresses
    }
  }
}
