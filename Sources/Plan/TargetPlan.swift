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
  public var specialPurpose: SpecialPurpose.Rule

  public init(
    allow: AddressSet? = nil, deny: AddressSet = AddressSet(),
    specialPurpose: SpecialPurpose.Rule = .skip
  ) {
    self.allow = allow
    self.deny = deny
    self.specialPurpose = specialPurpose
  }

  /// What may be probed; `SpecialPurpose.neverProbed` is not part of it.
  var permitted: AddressSet { (allow ?? .all).subtracting(deny).subtracting(SpecialPurpose.never) }

  /// What was permitted under `earlier` and is not any more.
  public func deniedSince(_ earlier: Scope) -> AddressSet {
    let denied = deny.subtracting(earlier.deny)
    guard let allow else { return denied }
    return denied.union((earlier.allow ?? .all).subtracting(allow))
  }
}

/// Every (address, port) pair of a scan exactly once, numbered from 0 in ascending order of addresses.
///
/// Memory is at most 32 bytes a segment, a segment being neighbouring addresses with the same ports; for
/// small ones it is four bytes an address.
public struct TargetPlan: Sendable {
  /// Pairs to be probed, at most 2^32 × 65535. 0 if all was left out.
  public let count: UInt64
  /// Pairs that the files name but that are not probed: outside the scope, or special-purpose addresses.
  public let outOfScope: UInt64

  private let table: SegmentTable

  /// An entry without ports takes its file's `@ports`, else `defaultPorts`; throws at the entry's place
  /// if there are neither. Throws too if overlapping entries combine their ports in so many ways that
  /// memory would not do.
  ///
  /// A file that is given away (`consume`) is in memory once.
  public init(_ files: consuming [TargetFile], defaultPorts: PortSet?, scope: Scope)
    throws(InputError)
  {
    let names = files.map(\.name)
    var sets = PortSetTable()
    var entries = try Self.gather(&files, defaultPorts, &sets)
    sortByRadix(&entries)
    let named: UInt64
    let cuts = scope.specialPurpose == .skip && entries.contains { SpecialPurpose.cuts($0.addresses) }
    var builder = SegmentTable.Builder(permitted: scope.permitted)
    if cuts {
      named = try Self.forEachSegment(of: entries, &sets, names) { _, _ in }
      Self.cutSpecialPurpose(from: &entries)
      _ = try Self.forEachSegment(of: entries, &sets, names) { builder.add($0, $1) }
    } else {
      named = try Self.forEachSegment(of: entries, &sets, names) { builder.add($0, $1) }
    }
    table = builder.finish(sets)
    count = table.count
    outOfScope = named - table.count
  }

  /// The addresses to be probed on any port. O(n), and made anew each time.
  public var addresses: AddressSet {
    var ranges: [AddressRange] = []
    table.forEachRange { range in
      ranges.append(range)
      return true
    }
    return AddressSet(joining: ranges)
  }

  /// Those of the addresses that are in `set`. O(n + m).
  public func addresses(within set: AddressSet) -> AddressSet {
    var found: [AddressRange] = []
    var next = 0
    table.forEachRange { range in
      while next < set.ranges.count, set.ranges[next].last < range.first { next += 1 }
      var other = next
      while other < set.ranges.count, set.ranges[other].first <= range.last {
        found.append(
          AddressRange(
            max(range.first, set.ranges[other].first), min(range.last, set.ranges[other].last)))
        other += 1
      }
      return next < set.ranges.count
    }
    return AddressSet(joining: found)
  }

  /// The lowest address to be probed that is not in `set`. O(n) at most.
  public func firstAddress(outside set: AddressSet) -> IPv4Address? {
    var first: IPv4Address?
    table.forEachRange { range in
      first = AddressSet([range]).subtracting(set).ranges.first.map { IPv4Address($0.first) }
      return first == nil
    }
    return first
  }

  /// Addresses to be probed, each once however many its ports.
  public var addressCount: UInt64 { table.addressCount }

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

  /// All entries, with the numbers that their port sets have in `sets`. Takes them out of the files.
  private static func gather(
    _ files: inout [TargetFile], _ defaultPorts: PortSet?, _ sets: inout PortSetTable
  ) throws(InputError) -> [Entry] {
    var all: [Entry] = []
    for index in files.indices {
      let (numbers, without) = try numbers(of: files[index], defaultPorts, &sets)
      // Nobody else holds the entries now, so they are changed where they lie.
      var entries = files[index].takeEntries()
      for entry in entries.indices {
        let ports = entries[entry].ports
        entries[entry].ports = ports == PortSetTable.none ? without : numbers[Int(ports)]
      }
      if all.isEmpty { swap(&all, &entries) } else { all += entries }
    }
    return all
  }

  /// By the file's own numbers those in `sets`; and that of entries without ports.
  private static func numbers(
    of file: TargetFile, _ defaultPorts: PortSet?, _ sets: inout PortSetTable
  ) throws(InputError) -> (own: [UInt32], without: UInt32) {
    let own = (0..<UInt32(file.portSets.count)).map {
      sets.number(ofIntervals: file.portSets.intervals(of: $0))
    }
    guard let place = file.withoutPorts else { return (own, PortSetTable.none) }
    guard let ports = file.directives.ports ?? defaultPorts, !ports.isEmpty else {
      throw InputError(
        file: file.name, place: place, found: "no port given",
        expected: "ports after the address (:80,443), in @ports, or as an option")
    }
    return (own, sets.number(of: ports))
  }

  /// Calls `body` with the disjoint segments, in ascending order, that sorted entries come to. The number
  /// of their pairs.
  private static func forEachSegment(
    of entries: [Entry], _ sets: inout PortSetTable, _ files: [String],
    _ body: (Segment, PortSetTable) -> Void
  ) throws(InputError) -> UInt64 {
    var pairs: UInt64 = 0
    var sweep = Sweep(entries, sets)
    while let segment = sweep.nextSegment() {
      pairs += segment.addresses.count * UInt64(sweep.sets.counts[Int(segment.ports)])
      body(segment, sweep.sets)
    }
    guard !sweep.isTooLarge else {
      throw InputError(
        file: files.joined(separator: ", "), place: .file,
        found: "too many overlapping entries with different ports",
        expected: "fewer than 2^26 intervals of ports in all their combinations",
        remedy: "Divide the file, or give overlapping entries the same ports")
    }
    sets = sweep.sets
    return pairs
  }

  /// Applies the rule for wider entries; they stay sorted.
  private static func cutSpecialPurpose(from entries: inout [Entry]) {
    var parts: [Entry] = []
    entries.removeAll { entry in
      guard SpecialPurpose.cuts(entry.addresses) else { return false }
      for part in SpecialPurpose.remainder(of: entry.addresses) {
        parts.append(Entry(addresses: part, ports: entry.ports))
      }
      return true
    }
    entries += parts
    sortByRadix(&entries)
  }
}
