// Large port sets as trees that share what they have in common.

/// A store of port sets as trees. A tree with a few other ports than another one shares all other nodes with it, so a
/// million unions that grow by one port each take a million short paths and not a million sets.
///
/// A leaf is a map of 64 ports; a node has four children; five levels of nodes cover 65536 ports.
struct PortTrees: Sendable {
  /// References to subtrees without ports, and with all of them. All others are indices.
  static let empty: UInt32 = 0
  static let full = UInt32.max
  static let height = 5

  struct Node: BitwiseCopyable {
    var children: InlineArray<4, UInt32>
    /// The number of ports.
    var count: UInt32
  }

  // Index 0 is `empty`.
  private(set) var nodes = [Node(children: [0, 0, 0, 0], count: 0)]
  private(set) var leaves: [UInt64] = [0]

  /// Bytes.
  var memory: Int { nodes.count * MemoryLayout<Node>.stride + leaves.count * 8 }

  /// The number of ports of a subtree. Leaves have level 0.
  @inline(__always)
  func count(of subtree: UInt32, level: Int) -> UInt32 {
    if subtree == Self.empty { return 0 }
    if subtree == Self.full { return 64 << UInt32(2 * level) }
    return level == 0
      ? UInt32(leaves[Int(subtree)].nonzeroBitCount) : nodes[Int(subtree)].count
  }

  /// Returns the reference of a leaf; `previous` if that has the same ports.
  mutating func leaf(_ ports: UInt64, previous: UInt32) -> UInt32 {
    if ports == 0 { return Self.empty }
    if ports == .max { return Self.full }
    if previous != Self.full, leaves[Int(previous)] == ports { return previous }
    leaves.append(ports)
    return UInt32(leaves.count - 1)
  }

  /// Returns the reference of a node; `previous` if that has the same children.
  mutating func node(_ children: InlineArray<4, UInt32>, level: Int, previous: UInt32) -> UInt32 {
    var (areEmpty, areFull, arePrevious) = (true, true, previous != Self.empty && previous != Self.full)
    var count: UInt32 = 0
    for index in 0..<4 {
      areEmpty = areEmpty && children[index] == Self.empty
      areFull = areFull && children[index] == Self.full
      arePrevious = arePrevious && nodes[Int(previous)].children[index] == children[index]
      count += self.count(of: children[index], level: level - 1)
    }
    if areEmpty { return Self.empty }
    if areFull { return Self.full }
    if arePrevious { return previous }
    nodes.append(Node(children: children, count: count))
    return UInt32(nodes.count - 1)
  }

  /// Returns the n-th port of a tree, from 0.
  func port(_ number: UInt32, of root: UInt32) -> UInt16 {
    var (number, subtree, first) = (number, root, UInt32(0))
    for level in stride(from: Self.height, to: 0, by: -1) {
      if subtree == Self.full { break }
      let children = nodes[Int(subtree)].children
      var child = 0
      while case let count = count(of: children[child], level: level - 1), number >= count {
        number -= count
        first += 64 << UInt32(2 * (level - 1))
        child += 1
      }
      subtree = children[child]
    }
    guard subtree != Self.full else { return UInt16(truncatingIfNeeded: first + number) }
    var ports = leaves[Int(subtree)]
    for _ in 0..<number { ports &= ports - 1 }
    return UInt16(truncatingIfNeeded: first + UInt32(ports.trailingZeroBitCount))
  }

  /// Returns the number of a port in a tree, from 0; nil if the tree does not have it.
  func number(of port: UInt16, in root: UInt32) -> UInt32? {
    var (number, subtree, rest) = (UInt32(0), root, UInt32(port))
    for level in stride(from: Self.height, to: 0, by: -1) {
      if subtree == Self.full { return number + rest }
      let width = UInt32(64) << UInt32(2 * (level - 1))
      // The node of `empty` has no ports.
      let children = nodes[Int(subtree)].children
      let child = Int(rest / width)
      for before in 0..<child { number += count(of: children[before], level: level - 1) }
      (subtree, rest) = (children[child], rest % width)
    }
    if subtree == Self.full { return number + rest }
    let ports = leaves[Int(subtree)]
    guard ports >> UInt64(rest) & 1 == 1 else { return nil }
    return number + UInt32((ports & (1 << UInt64(rest) - 1)).nonzeroBitCount)
  }

  /// Returns the intervals of a tree as a `PortSet` has them; nil if there are more than `limit`.
  func intervals(of root: UInt32, limit: Int) -> [UInt32]? {
    var found: [UInt32] = []
    return append(root, level: Self.height, from: 0, limit, &found) ? found : nil
  }

  private func append(
    _ subtree: UInt32, level: Int, from first: UInt32, _ limit: Int, _ found: inout [UInt32]
  ) -> Bool {
    if subtree == Self.empty { return true }
    if subtree == Self.full {
      return Self.append(first, first + 64 << UInt32(2 * level) - 1, limit, &found)
    }
    if level > 0 {
      let children = nodes[Int(subtree)].children
      for child in 0..<4 {
        let start = first + UInt32(child) << UInt32(6 + 2 * (level - 1))
        if !append(children[child], level: level - 1, from: start, limit, &found) { return false }
      }
      return true
    }
    var ports = leaves[Int(subtree)]
    while ports != 0 {
      let start = UInt32(ports.trailingZeroBitCount)
      let length = UInt32((~(ports >> UInt64(start))).trailingZeroBitCount)
      if !Self.append(first + start, first + start + length - 1, limit, &found) { return false }
      // A shift by 64 gives 0.
      ports &= UInt64.max << UInt64(start + length)
    }
    return true
  }

  private static func append(_ first: UInt32, _ last: UInt32, _ limit: Int, _ found: inout [UInt32])
    -> Bool
  {
    if let previous = found.last, previous & 0xffff + 1 == first {
      found[found.count - 1] = previous & 0xffff_0000 | last
    } else {
      found.append(first << 16 | last)
    }
    return found.count <= limit
  }
}

/// The union of a changing collection of port intervals, each of which covers its ports once.
///
/// This is a segment tree: an interval is counted at the few subtrees that it covers as a whole.
struct PortCover {
  /// For each subtree, how many intervals cover it as a whole; the root first, then level by level.
  private var covers = [UInt32](repeating: 0, count: Self.subtrees)
  /// For each subtree, its reference as of the last call of `root`.
  private var references = [UInt32](repeating: PortTrees.empty, count: Self.subtrees)
  /// Whether something changed below since then.
  private var isChanged = [Bool](repeating: false, count: Self.subtrees)
  /// For each port, how many intervals cover it without covering its whole leaf.
  private var counts = [UInt32](repeating: 0, count: 65536)
  /// The ports of each leaf with such a count above 0.
  private var leaves = [UInt64](repeating: 0, count: 1024)
  /// The visits of subtrees so far.
  private(set) var steps = 0

  /// 1 + 4 + 16 + 64 + 256 + 1024.
  private static let subtrees = 1365
  private static let firstLeaf = 341
  static let memory = 65536 * 4 + subtrees * 9 + 1024 * 8

  mutating func add(_ interval: UInt32) { change(interval, 0, PortTrees.height, 0, isAdded: true) }
  mutating func remove(_ interval: UInt32) { change(interval, 0, PortTrees.height, 0, isAdded: false) }

  private mutating func change(
    _ interval: UInt32, _ subtree: Int, _ level: Int, _ first: UInt32, isAdded: Bool
  ) {
    steps += 1
    isChanged[subtree] = true
    let width = UInt32(64) << UInt32(2 * level)
    let (begin, end) = (max(interval >> 16, first), min(interval & 0xffff, first + width - 1))
    if begin == first, end == first + width - 1 {
      covers[subtree] = isAdded ? covers[subtree] + 1 : covers[subtree] - 1
    } else if level > 0 {
      let part = width / 4
      for child in (begin - first) / part...(end - first) / part {
        change(
          interval, 4 * subtree + 1 + Int(child), level - 1, first + child * part, isAdded: isAdded)
      }
    } else {
      for port in begin...end {
        counts[Int(port)] = isAdded ? counts[Int(port)] + 1 : counts[Int(port)] - 1
        let bit = UInt64(1) << UInt64(port & 63)
        let leaf = subtree - Self.firstLeaf
        leaves[leaf] = counts[Int(port)] > 0 ? leaves[leaf] | bit : leaves[leaf] & ~bit
      }
    }
  }

  /// Returns the tree of all ports covered now.
  mutating func root(in trees: inout PortTrees) -> UInt32 {
    refresh(0, PortTrees.height, &trees)
    return references[0]
  }

  private mutating func refresh(_ subtree: Int, _ level: Int, _ trees: inout PortTrees) {
    steps += 1
    guard isChanged[subtree] else { return }
    // Below a subtree that is covered as a whole nothing shows; it is refreshed once that ends.
    if covers[subtree] > 0 {
      references[subtree] = PortTrees.full
      return
    }
    isChanged[subtree] = false
    guard level > 0 else {
      references[subtree] = trees.leaf(
        leaves[subtree - Self.firstLeaf], previous: references[subtree])
      return
    }
    var children: InlineArray<4, UInt32> = [0, 0, 0, 0]
    for child in 0..<4 {
      refresh(4 * subtree + 1 + child, level - 1, &trees)
      children[child] = references[4 * subtree + 1 + child]
    }
    references[subtree] = trees.node(children, level: level, previous: references[subtree])
  }
}
