// The plan of a scan: its targets, numbered from 0.

import Wire

/// An (address, port) pair that a scan may probe.
public struct Target: Hashable, Sendable {
  public var address: IPv4Address
  public var port: Port

  public init(_ address: IPv4Address, _ port: Port) {
    self.address = address
    self.port = port
  }
}

/// The addresses that a box may probe: those in `allow` that are not in `deny`.
public struct Scope: Sendable {
  /// nil allows all addresses.
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

  /// The allowed addresses, without `SpecialPurpose.neverProbed`.
  var allowed: AddressSet { (allow ?? .all).subtracting(deny).subtracting(SpecialPurpose.never) }

  /// Returns the addresses that `earlier` allowed and this scope denies.
  public func deniedSince(_ earlier: Scope) -> AddressSet {
    let denied = deny.subtracting(earlier.deny)
    guard let allow else { return denied }
    return denied.union((earlier.allow ?? .all).subtracting(allow))
  }
}

/// The targets of a scan, each exactly once, numbered from 0 in ascending order of addresses.
///
/// A plan takes at most 32 bytes for each segment (a range of addresses with the same ports); small segments take four
/// bytes an address.
public struct TargetPlan: Sendable {
  /// The number of targets, at most 2^32 × 65535; 0 if the scope excludes all of them.
  public let count: UInt64
  /// The number of pairs in the files that the scope or the rule for special-purpose space excludes.
  public let outOfScope: UInt64

  private let table: SegmentTable

  /// Creates the plan of target files within a scope.
  ///
  /// Entries without ports have the `@ports` of their file, or else `defaultPorts`. Pass the files with `consume`, so that
  /// their entries are in memory once.
  ///
  /// - Throws: an error at the first entry that has no ports at all, or an error of the whole file if overlapping entries
  ///   combine their ports in too many ways.
  public init(_ files: consuming [TargetFile], defaultPorts: PortSet?, scope: Scope)
    throws(InputError)
  {
    let names = files.map(\.name)
    var sets = PortSetTable()
    var entries = try Self.gather(&files, defaultPorts, &sets)
    sortByRadix(&entries)
    let named: UInt64
    let trims = scope.specialPurpose == .skip && entries.contains { SpecialPurpose.trims($0.addresses) }
    var builder = SegmentTable.Builder(allowed: scope.allowed)
    if trims {
      named = try Self.forEachSegment(of: entries, &sets, names) { _, _ in }
      Self.trimSpecialPurpose(from: &entries)
      _ = try Self.forEachSegment(of: entries, &sets, names) { builder.add($0, $1) }
    } else {
      named = try Self.forEachSegment(of: entries, &sets, names) { builder.add($0, $1) }
    }
    table = builder.finish(sets)
    count = table.count
    outOfScope = named - table.count
  }

  /// The addresses of all targets. O(n) at each access.
  public var addresses: AddressSet {
    var ranges: [AddressRange] = []
    table.forEachRange { range in
      ranges.append(range)
      return true
    }
    return AddressSet(joining: ranges)
  }

  /// Returns the addresses of targets that are in `set`. O(n + m).
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

  /// Returns the lowest address of a target that is not in `set`. O(n) at most.
  public func firstAddress(outside set: AddressSet) -> IPv4Address? {
    var first: IPv4Address?
    table.forEachRange { range in
      first = AddressSet([range]).subtracting(set).ranges.first.map { IPv4Address($0.first) }
      return first == nil
    }
    return first
  }

  /// The number of addresses, whatever the number of their ports.
  public var addressCount: UInt64 { table.addressCount }

  /// Returns the target with a number. Traps unless it is below `count`.
  public func target(at index: UInt64) -> Target { table.target(at: index) }

  /// Writes the targets at the first `number` of `indices`, at most 128, to `out` from `offset` on, as probes of a pass.
  func probes(
    at indices: Span<UInt64>, number: Int, pass: UInt8, into out: inout MutableSpan<Probe>,
    from offset: Int
  ) {
    table.probes(at: indices, number: number, pass: pass, into: &out, from: offset)
  }

  /// Removes the entries from the files, and returns them with their port sets numbered in `sets`.
  private static func gather(
    _ files: inout [TargetFile], _ defaultPorts: PortSet?, _ sets: inout PortSetTable
  ) throws(InputError) -> [Entry] {
    var all: [Entry] = []
    for index in files.indices {
      let (numbers, fallback) = try numbers(of: files[index], defaultPorts, &sets)
      // The array has no other owner now, so the loop changes it in place.
      var entries = files[index].takeEntries()
      for entry in entries.indices {
        let ports = entries[entry].ports
        entries[entry].ports = ports == PortSetTable.none ? fallback : numbers[Int(ports)]
      }
      if all.isEmpty { swap(&all, &entries) } else { all += entries }
    }
    return all
  }

  /// Returns, for the file's own set numbers, the numbers in `sets`; and the number for entries without ports.
  private static func numbers(
    of file: TargetFile, _ defaultPorts: PortSet?, _ sets: inout PortSetTable
  ) throws(InputError) -> (own: [UInt32], fallback: UInt32) {
    let own = (0..<UInt32(file.portSets.count)).map {
      sets.number(ofIntervals: file.portSets.intervals(of: $0))
    }
    guard let location = file.firstWithoutPorts else { return (own, PortSetTable.none) }
    guard let ports = file.directives.ports ?? defaultPorts, !ports.isEmpty else {
      throw InputError(
        file: file.name, location: location, found: "an entry without ports",
        expected: "ports after the address (:80,443), in @ports, or as an option")
    }
    return (own, sets.number(of: ports))
  }

  /// Calls `body` with the disjoint segments of sorted entries, in ascending order. Returns the number of pairs.
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
        file: files.joined(separator: ", "), location: .file,
        found: "too many overlapping entries with different ports",
        expected: "at most 2^26 port intervals in all their combinations",
        remedy: "Split the file, or give overlapping entries the same ports")
    }
    sets = sweep.sets
    return pairs
  }

  /// Removes special-purpose space from wider entries, and keeps them sorted.
  private static func trimSpecialPurpose(from entries: inout [Entry]) {
    var parts: [Entry] = []
    entries.removeAll { entry in
      guard SpecialPurpose.trims(entry.addresses) else { return false }
      for part in SpecialPurpose.remainder(of: entry.addresses) {
        parts.append(Entry(addresses: part, ports: entry.ports))
      }
      return true
    }
    entries += parts
    sortByRadix(&entries)
  }
}
