// The n-th port of a port set, in about constant time.

/// Finds the n-th port of each set of a `PortSetTable`.
struct PortLists: Sendable {
  private struct List {
    /// An index into `ports` or `intervals`, or a tree.
    var first: UInt32
    /// The number of intervals; 0 if the ports are listed one by one, `isTree` for a tree.
    var intervals: UInt32
    var count: UInt32
  }

  private struct Interval {
    /// The number of ports in the intervals before this one.
    var start: UInt32
    var port: UInt16
  }

  private static let isTree = UInt32.max

  private var lists: [List] = []
  private var ports: [UInt16] = []
  private var intervals: [Interval] = []
  private let trees: PortTrees

  /// A set is listed port by port if it has at most this many ports an interval on average, which keeps the memory
  /// proportional to the input.
  private static let listedPorts = 8

  init(_ sets: PortSetTable) {
    trees = sets.trees
    lists.reserveCapacity(sets.count)
    for number in 0..<UInt32(sets.count) {
      let set = sets.intervals(of: number)
      let count = sets.counts[Int(number)]
      if case let root = sets.roots[Int(number)], root != PortSetTable.none {
        lists.append(List(first: root, intervals: Self.isTree, count: count))
        continue
      }
      let isListed = set.count > 1 && Int(count) <= Self.listedPorts * set.count
      lists.append(
        List(
          first: UInt32(isListed ? ports.count : intervals.count),
          intervals: isListed ? 0 : UInt32(set.count), count: count))
      // Rows with a single interval of ports store it themselves.
      if set.count == 1 { continue }
      var start: UInt32 = 0
      for interval in set {
        let first = UInt16(interval >> 16)
        let last = UInt16(truncatingIfNeeded: interval)
        if isListed {
          ports += first...last
        } else {
          intervals.append(Interval(start: start, port: first))
        }
        start += UInt32(last - first) + 1
      }
    }
  }

  @inline(__always)
  func count(of set: UInt32) -> UInt64 { UInt64(lists[Int(set)].count) }

  /// Returns the number of a port in a set that no row stores itself; nil if the set does not have it.
  func number(of port: UInt16, in set: UInt32) -> UInt32? {
    let list = lists[Int(set)]
    if list.intervals == Self.isTree { return trees.number(of: port, in: list.first) }
    if list.intervals == 0 {
      var (low, high) = (Int(list.first), Int(list.first) + Int(list.count))
      while low < high {
        let middle = (low + high) / 2
        if ports[middle] < port { low = middle + 1 } else { high = middle }
      }
      guard low < Int(list.first) + Int(list.count), ports[low] == port else { return nil }
      return UInt32(low) - list.first
    }
    var low = Int(list.first)
    let end = low + Int(list.intervals)
    var high = end - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if intervals[middle].port <= port { low = middle } else { high = middle - 1 }
    }
    guard intervals[low].port <= port else { return nil }
    let number = intervals[low].start + UInt32(port - intervals[low].port)
    return number < (low + 1 < end ? intervals[low + 1].start : list.count) ? number : nil
  }

  @inline(__always)
  func port(_ number: UInt32, of set: UInt32) -> UInt16 {
    let list = lists[Int(set)]
    if list.intervals == 0 { return ports[Int(list.first &+ number)] }
    if list.intervals == Self.isTree { return trees.port(number, of: list.first) }
    var low = Int(list.first)
    var high = low + Int(list.intervals) - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if intervals[middle].start <= number { low = middle } else { high = middle - 1 }
    }
    return intervals[low].port &+ UInt16(truncatingIfNeeded: number &- intervals[low].start)
  }
}
