// From the entries of target files to the segments of a plan, within a budget.

/// The entries of target files, sorted by address, with their port sets.
struct Planner {
  private var entries: [Entry]
  /// The sets that the entries refer to and, after the last sweep, their unions.
  private(set) var sets = PortSetTable()
  /// The largest set of entries that name none.
  private var fallback = PortSetTable.none
  private var meter: PlanMeter

  init(_ files: consuming [TargetFile], _ defaultPorts: PortSet?, _ budget: PlanBudget)
    throws(PlanningError)
  {
    meter = PlanMeter(budget, file: files.map(\.name).joined(separator: ", "))
    entries = []
    do throws(InputError) {
      try gather(&files, defaultPorts)
    } catch {
      throw .invalid(error)
    }
    sortByRadix(&entries)
  }

  /// Removes the entries from the files, and numbers their port sets in `sets`.
  private mutating func gather(_ files: inout [TargetFile], _ defaultPorts: PortSet?) throws(InputError)
  {
    for index in files.indices {
      let (numbers, standard) = try numbers(of: files[index], defaultPorts)
      // The array has no other owner now, so the loop changes it in place.
      var own = files[index].takeEntries()
      for entry in own.indices {
        let ports = own[entry].ports
        own[entry].ports = ports == PortSetTable.none ? standard : numbers[Int(ports)]
      }
      if entries.isEmpty { swap(&entries, &own) } else { entries += own }
      if fallback == PortSetTable.none
        || standard != PortSetTable.none
          && sets.intervals(of: standard).count > sets.intervals(of: fallback).count
      {
        fallback = standard
      }
    }
  }

  /// Returns, for the file's own set numbers, the numbers in `sets`; and the number for entries without ports.
  private mutating func numbers(of file: TargetFile, _ defaultPorts: PortSet?)
    throws(InputError) -> (own: [UInt32], standard: UInt32)
  {
    var own: [UInt32] = []
    own.reserveCapacity(file.portSets.count)
    for number in 0..<UInt32(file.portSets.count) {
      own.append(sets.number(ofIntervals: file.portSets.intervals(of: number)))
    }
    guard let location = file.firstWithoutPorts else { return (own, PortSetTable.none) }
    guard let ports = file.directives.ports ?? defaultPorts, !ports.isEmpty else {
      throw InputError(
        file: file.name, location: location, found: "an entry without ports",
        expected: "ports after the address (:80,443), in @ports, or as an option")
    }
    return (own, sets.number(of: ports))
  }

  /// Sweeps the entries, and returns the number of their pairs.
  ///
  /// - Parameters:
  ///   - keepsUnions: whether `sets` then has the unions of overlapping entries.
  ///   - builder: takes the disjoint segments, in ascending order.
  mutating func sweep(keepsUnions: Bool, into builder: inout SegmentTable.Builder) throws(PlanningError)
    -> UInt64
  {
    var (pairs, sweep): (UInt64, Sweep) = (0, Sweep(entries, sets, fallback: fallback))
    limitSteps()
    // Each set is in memory once, unless it is needed again.
    if keepsUnions { sets = PortSetTable() }
    var visited = 0
    let size = entries.count * MemoryLayout<Entry>.stride
    try meter.check(memory: size + sweep.memory)
    while let segment = sweep.nextSegment() {
      pairs += segment.addresses.count * UInt64(sweep.sets.counts[Int(segment.ports)])
      builder.add(segment, sweep.sets)
      let isDue = meter.isDue(1 + sweep.steps - visited)
      visited = sweep.steps
      if isDue { try meter.check(memory: size + sweep.memory + builder.memory) }
    }
    if keepsUnions { sets = sweep.sets }
    return pairs
  }

  /// A set that an entry names costs at most two trees twice as many visits as they have levels, at its coming and at its
  /// going.
  private mutating func limitSteps() {
    var intervals = 65536
    for entry in entries where entry.ports != fallback {
      intervals += sets.intervals(of: entry.ports).count
    }
    meter.stepLimit = 1024 * (entries.count + intervals)
  }

  // MARK: - What the scope leaves out of entries

  /// Returns whether the scope leaves out ports of entries, or special-purpose space inside them.
  func isTrimmed(by scope: Scope) -> Bool {
    if let ports = scope.ports, (0..<UInt32(sets.count)).contains(where: { !isWithin(ports, $0) }) {
      return true
    }
    return scope.specialPurpose == .skip && entries.contains { SpecialPurpose.trims($0.addresses) }
  }

  private func isWithin(_ ports: PortSet, _ set: UInt32) -> Bool {
    sets.intervals(of: set).elementsEqual(intersection(ports, set))
  }

  private func intersection(_ ports: PortSet, _ set: UInt32) -> [UInt32] {
    var (found, next): ([UInt32], Int) = ([], 0)
    for interval in sets.intervals(of: set) {
      while next < ports.intervals.count, ports.intervals[next] & 0xffff < interval >> 16 { next += 1 }
      var other = next
      while other < ports.intervals.count, ports.intervals[other] >> 16 <= interval & 0xffff {
        let first = max(ports.intervals[other] >> 16, interval >> 16)
        found.append(first << 16 | min(ports.intervals[other] & 0xffff, interval & 0xffff))
        other += 1
      }
    }
    return found
  }

  /// Removes those from the entries, and keeps them sorted.
  mutating func trim(to scope: Scope) {
    if let ports = scope.ports {
      let numbers = (0..<UInt32(sets.count)).map { set in
        let rest = intersection(ports, set)
        return rest.isEmpty ? PortSetTable.none : sets.number(ofIntervals: rest)
      }
      for entry in entries.indices { entries[entry].ports = numbers[Int(entries[entry].ports)] }
      entries.removeAll { $0.ports == PortSetTable.none }
      if fallback != PortSetTable.none { fallback = numbers[Int(fallback)] }
    }
    if scope.specialPurpose == .skip { trimSpecialPurpose() }
  }

  /// Removes special-purpose space from wider entries.
  private mutating func trimSpecialPurpose() {
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
