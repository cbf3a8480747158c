// The targets of a scan as numbers from 0 to count - 1.

import Wire

/// What is to be probed: an address and a port.
public struct Target: Hashable, Sendable {
  public var address: IPv4Address
  public var port: Port

  public init(_ address: IPv4Address, _ port: Port) {
    self.address = address
    self.port = port
  }
}

/// What a box may probe: within `allow` and not within `deny`.
public struct Scope: Sendable {
  /// nil: everything that `deny` does not name.
  public var allow: AddressSet?
  public var deny: AddressSet

  public init(allow: AddressSet? = nil, deny: AddressSet = AddressSet()) {
    self.allow = allow
    self.deny = deny
  }

  /// What may be probed; `SpecialPurpose.neverProbed` is not part of it.
  var permitted: AddressSet { (allow ?? .all).subtracting(deny).subtracting(SpecialPurpose.never) }
}

/// Every (address, port) pair of a scan exactly once, numbered from 0 in ascending order of addresses.
///
/// Memory is at most 32 bytes a segment, a segment being neighbouring addresses with the same ports.
public struct TargetPlan: Sendable {
  /// Pairs to be probed, at most 2^32 × 65535. 0 if all was left out.
  public let count: UInt64
  /// Pairs that the files name but that are not probed: outside the scope, or special-purpose addresses.
  public let outOfScope: UInt64
  /// The addresses to be probed on any port.
  public let addresses: AddressSet

  /// Parallel to the segments, with one more at the end: `count`.
  private let table: SegmentTable

  /// An entry without ports takes its file's `@ports`, else `defaultPorts`; throws at the entry's place
  /// if there are neither. Throws too if overlapping entries combine their ports in so many ways that
  /// memory would not do.
  public init(_ files: [TargetFile], defaultPorts: PortSet?, scope: Scope) throws(InputError) {
    var sets = PortSetTable()
    let entries = try Self.gather(files, defaultPorts, &sets)
    let named = try Self.disjoint(entries, &sets, files)
    var wanted = named
    if entries.contains(where: { SpecialPurpose.cuts($0.addresses) }) {
      let cut = entries.flatMap { entry in
        SpecialPurpose.remainder(of: entry.addresses).map { Entry(addresses: $0, ports: entry.ports) }
      }
      wanted = try Self.disjoint(cut, &sets, files)
    }
    let segments = Self.clip(wanted, to: scope.permitted)
    table = SegmentTable(segments, sets)
    count = table.count
    outOfScope = Self.pairs(named, sets) - table.count
    addresses = AddressSet(segments.lazy.map(\.addresses))
  }

  /// Addresses to be probed, each once however many its ports.
  public var addressCount: UInt64 { addresses.count }

  /// The target with the given number, which is below `count`.
  public func target(at index: UInt64) -> Target { table.target(at: index) }

  /// Writes the targets at the first `number` of `indices` into `out` from `place` on, as probes of the
  /// given pass. `number` is at most 128.
  func probes(
    at indices: Span<UInt64>, number: Int, pass: UInt8, into out: inout MutableSpan<Probe>,
    from place: Int
  ) {
    table.probes(at: indices, number: number, pass: pass, into: &out, from: place)
  }

  private static func gather(
    _ files: [TargetFile], _ defaultPorts: PortSet?, _ sets: inout PortSetTable
  ) throws(InputError) -> [Entry] {
    var entries: [Entry] = []
    entries.reserveCapacity(files.reduce(0) { $0 + $1.entries.count })
    for file in files {
      let numbers = (0..<UInt32(file.portSets.count)).map {
        sets.number(ofIntervals: file.portSets.intervals(of: $0))
      }
      var without = PortSetTable.none
      if let place = file.withoutPorts {
        guard let ports = file.directives.ports ?? defaultPorts, !ports.isEmpty else {
          throw InputError(
            file: file.name, place: place, found: "no port given",
            expected: "ports after the address (:80,443), in @ports, or as an option")
        }
        without = sets.number(of: ports)
      }
      for entry in file.entries {
        let ports = entry.ports == PortSetTable.none ? without : numbers[Int(entry.ports)]
        entries.append(Entry(addresses: entry.addresses, ports: ports))
      }
    }
    return entries
  }

  private static func disjoint(_ entries: [Entry], _ sets: inout PortSetTable, _ files: [TargetFile])
    throws(InputError) -> [Segment]
  {
    if let segments = sweep(entries, &sets) { return segments }
    throw InputError(
      file: files.map(\.name).joined(separator: ", "), place: .file,
      found: "too many overlapping entries with different ports",
      expected: "fewer than 2^26 intervals of ports in all their combinations",
      remedy: "Divide the file, or give overlapping entries the same ports")
  }

  /// The parts of the segments that are in `permitted`.
  private static func clip(_ segments: [Segment], to permitted: AddressSet) -> [Segment] {
    var clipped: [Segment] = []
    var next = 0
    for segment in segments {
      let addresses = segment.addresses
      while next < permitted.ranges.count, permitted.ranges[next].last < addresses.first { next += 1 }
      var range = next
      while range < permitted.ranges.count, permitted.ranges[range].first <= addresses.last {
        let part = AddressRange(
          max(addresses.first, permitted.ranges[range].first),
          min(addresses.last, permitted.ranges[range].last))
        clipped.append(Segment(addresses: part, ports: segment.ports))
        range += 1
      }
    }
    return clipped
  }

  private static func pairs(_ segments: [Segment], _ sets: PortSetTable) -> UInt64 {
    segments.reduce(0) { $0 + $1.addresses.count * UInt64(sets.counts[Int($1.ports)]) }
  }
}
