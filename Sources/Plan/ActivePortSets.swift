// The union of the port sets of the entries that cover one address.

/// The port sets of the entries that cover the current address of a sweep, and their union.
struct ActivePortSets {
  /// For each set, the number of entries that have it.
  private var counts: [UInt32]
  /// The sets with a count above 0.
  private var present: [UInt32] = []
  /// For each set, its index in `present`.
  private var indices: [UInt32]
  /// A hash of the sets present that does not depend on their order.
  private var fingerprint: UInt128 = 0
  /// The unions computed last, because the same one recurs (a wide entry over a million single addresses).
  private var unions: [UInt128: UInt32] = [:]
  /// The union of the sets present, without the one that costs the file nothing to name, and together with it: an entry
  /// without ports can refer to a set of any size, so that set is added once and not again and again.
  private var without: LazyUnion?
  private var together: LazyUnion?
  private let fallback: UInt32
  /// Visits of tree nodes so far.
  var steps: Int { (without?.cover.steps ?? 0) + (together?.cover.steps ?? 0) }

  private static let mostUnions = 1 << 17
  /// Unions with up to this many intervals are stored as such, because that is faster to probe from.
  private static let shortUnion = 16

  /// - Parameter fallback: the set of entries that name none; `PortSetTable.none` if there is no such entry.
  init(count: Int, fallback: UInt32) {
    counts = [UInt32](repeating: 0, count: count)
    indices = counts
    self.fallback = fallback
  }

  var isEmpty: Bool { present.isEmpty }
  /// Bytes.
  var memory: Int { counts.count * 8 + unions.count * 64 + steps.signum() * 2 * PortCover.memory }

  mutating func add(_ set: UInt32) {
    counts[Int(set)] += 1
    guard counts[Int(set)] == 1 else { return }
    indices[Int(set)] = UInt32(present.count)
    present.append(set)
    note(set)
  }

  mutating func remove(_ set: UInt32) {
    counts[Int(set)] -= 1
    guard counts[Int(set)] == 0, let moved = present.popLast() else { return }
    if moved != set {
      let index = indices[Int(set)]
      present[Int(index)] = moved
      indices[Int(moved)] = index
    }
    note(set)
  }

  private mutating func note(_ set: UInt32) {
    fingerprint ^= UInt128(mix64(UInt64(set) << 1)) << 64 | UInt128(mix64(UInt64(set) << 1 | 1))
    guard set != fallback else { return }
    without?.note(set)
    together?.note(set)
  }

  /// Returns the number of the union of the sets present.
  mutating func union(_ sets: inout PortSetTable) -> UInt32 {
    if present.count == 1 { return present[0] }
    if let known = unions[fingerprint] { return known }
    let number = shortUnion(&sets) ?? treeUnion(&sets)
    if unions.count >= Self.mostUnions { unions.removeAll(keepingCapacity: true) }
    unions[fingerprint] = number
    return number
  }

  private func shortUnion(_ sets: inout PortSetTable) -> UInt32? {
    guard present.count <= Self.shortUnion else { return nil }
    var intervals: [UInt32] = []
    for set in present {
      let own = sets.intervals(of: set)
      guard intervals.count + own.count <= Self.shortUnion else { return nil }
      intervals += own
    }
    return sets.number(ofIntervals: intervals)
  }

  private mutating func treeUnion(_ sets: inout PortSetTable) -> UInt32 {
    let hasFallback = fallback != PortSetTable.none && counts[Int(fallback)] > 0
    let root: UInt32
    if hasFallback {
      if together == nil {
        together = LazyUnion(present.filter { $0 != fallback }, count: counts.count)
        together?.add(sets.intervals(of: fallback))
      }
      root = together?.root(counts, &sets) ?? PortTrees.empty
    } else {
      if without == nil { without = LazyUnion(present, count: counts.count) }
      root = without?.root(counts, &sets) ?? PortTrees.empty
    }
    if let short = sets.trees.intervals(of: root, limit: Self.shortUnion) {
      return sets.number(ofIntervals: short)
    }
    return sets.number(ofTree: root)
  }
}

/// A union that follows changes only when it is asked for, because sets come and go between.
private struct LazyUnion {
  private(set) var cover = PortCover()
  private var isIncluded: [Bool]
  private var isNoted: [Bool]
  /// Sets that may have come or gone since.
  private var noted: [UInt32] = []

  init(_ present: [UInt32], count: Int) {
    isIncluded = [Bool](repeating: false, count: count)
    isNoted = isIncluded
    for set in present { note(set) }
  }

  mutating func note(_ set: UInt32) {
    guard !isNoted[Int(set)] else { return }
    isNoted[Int(set)] = true
    noted.append(set)
  }

  /// Adds intervals for good.
  mutating func add(_ intervals: ArraySlice<UInt32>) {
    for interval in intervals { cover.add(interval) }
  }

  mutating func root(_ counts: [UInt32], _ sets: inout PortSetTable) -> UInt32 {
    for set in noted {
      isNoted[Int(set)] = false
      let isPresent = counts[Int(set)] > 0
      guard isPresent != isIncluded[Int(set)] else { continue }
      isIncluded[Int(set)] = isPresent
      for interval in sets.intervals(of: set) {
        if isPresent { cover.add(interval) } else { cover.remove(interval) }
      }
    }
    noted.removeAll(keepingCapacity: true)
    return cover.root(in: &sets.trees)
  }
}
