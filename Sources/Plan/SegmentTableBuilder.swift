// How a table of segments comes about: from segments in order, and of them what may be probed.

extension SegmentTable {
  /// Takes segments in ascending order, and of them what may be probed.
  struct Builder {
    private let permitted: [AddressRange]
    private var nextPermitted = 0
    /// Still grows if a neighbour with the same ports follows.
    private var pending: Segment?
    /// Segments whose addresses are listed from `first` on, and belong to one row to come.
    private var run: (first: Int, ports: UInt32, segments: Int)?

    private(set) var count: UInt64 = 0
    private(set) var addressCount: UInt64 = 0
    private(set) var rows: [Row] = []
    private(set) var listed: [UInt32] = []

    /// Segments up to this size take less memory listed than as a row, which has a bucket or two.
    private static let listedAddresses: UInt64 = 8

    init(permitted: AddressSet) { self.permitted = permitted.ranges }

    /// Adds those parts of a segment that are permitted. `sets` is the table that its ports refer to.
    mutating func add(_ segment: Segment, _ sets: PortSetTable) {
      let addresses = segment.addresses
      while nextPermitted < permitted.count, permitted[nextPermitted].last < addresses.first {
        nextPermitted += 1
      }
      var range = nextPermitted
      while range < permitted.count, permitted[range].first <= addresses.last {
        let part = AddressRange(
          max(addresses.first, permitted[range].first), min(addresses.last, permitted[range].last))
        join(Segment(addresses: part, ports: segment.ports), sets)
        range += 1
      }
    }

    consuming func finish(_ sets: PortSetTable) -> SegmentTable {
      if let pending { place(pending, sets) }
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
        place(last, sets)
      }
      pending = segment
    }

    private mutating func place(_ segment: Segment, _ sets: PortSetTable) {
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
      let areNeighbours = intervals.count == 1
      rows.append(
        Row(
          startAndPorts: count << 16 | (areNeighbours ? number : 0), address: address,
          tagged: (areNeighbours ? intervals[intervals.startIndex] >> 16 : ports)
            | (isListed ? 1 << 31 : 0)))
      count += addresses * number
      addressCount += addresses
    }
  }
}
