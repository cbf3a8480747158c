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
  /// The ports that may be probed; nil allows all.
  public var ports: PortSet?

  public init(
    allow: AddressSet? = nil, deny: AddressSet = AddressSet(),
    specialPurpose: SpecialPurpose.Rule = .skip, ports: PortSet? = nil
  ) {
    self.allow = allow
    self.deny = deny
    self.specialPurpose = specialPurpose
    self.ports = ports
  }

  /// The scope of `Numbering.targets`, whatever a box's own is. Boxes of a fleet must agree on it, so it must never
  /// change.
  public static let ofAllTargets = Scope()

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
  /// - Throws: an error at the first entry that has no ports at all.
  public init(_ files: consuming [TargetFile], defaultPorts: PortSet?, scope: Scope)
    throws(InputError)
  {
    do throws(PlanningError) {
      try self.init(files, defaultPorts: defaultPorts, scope: scope, budget: .unlimited)
    } catch {
      guard case .invalid(let mistake) = error else { preconditionFailure("nobody stops it") }
      throw mistake
    }
  }

  /// Does the same within a budget.
  public init(
    _ files: consuming [TargetFile], defaultPorts: PortSet?, scope: Scope, budget: PlanBudget
  ) throws(PlanningError) {
    var planner = try Planner(files, defaultPorts, budget)
    let named: UInt64
    var builder = SegmentTable.Builder(allowed: scope.allowed)
    if planner.isTrimmed(by: scope) {
      var nothing = SegmentTable.Builder(allowed: AddressSet())
      named = try planner.sweep(keepsUnions: false, into: &nothing)
      planner.trim(to: scope)
      _ = try planner.sweep(keepsUnions: true, into: &builder)
    } else {
      named = try planner.sweep(keepsUnions: true, into: &builder)
    }
    table = builder.finish(planner.sets)
    count = table.count
    outOfScope = named - table.count
  }

  /// The most ports that one address has; 0 if there is no target.
  public var mostPortsPerAddress: UInt64 { table.mostPorts }

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

  /// Returns the addresses of targets that a scope excludes. O(n + m).
  public func addresses(deniedBy scope: Scope) -> AddressSet {
    addresses(within: AddressSet.all.subtracting(scope.allowed))
  }

  /// Returns the number of targets whose addresses are in `set`. O(n + m).
  public func targetCount(within set: AddressSet) -> UInt64 {
    var count: UInt64 = 0
    forEachNumberRange(within: set) { count += $0.upperBound - $0.lowerBound }
    return count
  }

  /// Calls `body` with the numbers of the targets whose addresses are in `set`, in ascending order. O(n + m).
  func forEachNumberRange(within set: AddressSet, _ body: (Range<UInt64>) -> Void) {
    var next = 0
    table.forEachBlock { block in
      while next < set.ranges.count, set.ranges[next].last < block.addresses.first { next += 1 }
      var other = next
      while other < set.ranges.count, set.ranges[other].first <= block.addresses.last {
        let first = UInt64(max(block.addresses.first, set.ranges[other].first) - block.addresses.first)
        let last = UInt64(min(block.addresses.last, set.ranges[other].last) - block.addresses.first)
        body(block.start + first * block.ports..<block.start + (last + 1) * block.ports)
        other += 1
      }
      return next < set.ranges.count
    }
  }

  /// Returns the lowest port of a target that is not in `set`; nil if all are.
  public func firstPort(outside set: PortSet) -> Port? { table.firstPort(outside: set) }

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

  /// Returns the number of a target; nil if it is not in the plan. O(log n), and about constant in a large plan.
  public func number(of target: Target) -> UInt64? { table.number(of: target) }

  /// Writes the targets at the first `number` of `indices`, at most 128, to `out` from `offset` on, as probes of a pass.
  func probes(
    at indices: Span<UInt64>, number: Int, pass: UInt8, into out: inout MutableSpan<Probe>,
    from offset: Int
  ) {
    table.probes(at: indices, number: number, pass: pass, into: &out, from: offset)
  }
}
