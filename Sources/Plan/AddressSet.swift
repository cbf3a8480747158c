// Sets of addresses as sorted intervals.

import Wire

/// The addresses from `first` to `last`, both included.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
  /// Host order.
  public var first: UInt32
  /// Host order, not below `first`.
  public var last: UInt32

  public init(_ first: UInt32, _ last: UInt32) {
    self.first = first
    self.last = last
  }

  /// The network of `length` leading bits, 0 to 32, that `address` is in.
  public init(_ address: IPv4Address, prefix length: Int) {
    let hostBits = length == 0 ? UInt32.max : (1 << (32 - UInt32(length))) - 1
    self.init(address.value & ~hostBits, address.value | hostBits)
  }

  public var count: UInt64 { UInt64(last) - UInt64(first) + 1 }

  public func contains(_ other: AddressRange) -> Bool { first <= other.first && other.last <= last }
  public func overlaps(_ other: AddressRange) -> Bool { first <= other.last && other.first <= last }

  public var description: String {
    first == last ? "\(IPv4Address(first))" : "\(IPv4Address(first))-\(IPv4Address(last))"
  }
}

/// A set of addresses: disjoint intervals in ascending order, none touching the next.
///
/// Eight bytes an interval, in one array, so that a list of ten million is 80 MB and nothing more.
public struct AddressSet: Hashable, Sendable {
  public private(set) var ranges: [AddressRange]

  /// The empty set.
  public init() { ranges = [] }

  /// Ranges in any order, overlapping or not. O(n).
  public init(_ ranges: some Sequence<AddressRange>) {
    self.init(joining: Array(ranges))
  }

  public static let all = AddressSet([AddressRange(0, .max)])

  /// Ranges as above, sorted and joined where they lie: a list of millions is in memory once.
  init(joining ranges: consuming [AddressRange]) {
    sortByRadix(&ranges)
    var last = 0
    for index in ranges.indices.dropFirst() {
      let range = ranges[index]
      if UInt64(range.first) <= UInt64(ranges[last].last) + 1 {
        ranges[last].last = max(ranges[last].last, range.last)
      } else {
        last += 1
        ranges[last] = range
      }
    }
    if !ranges.isEmpty { ranges.removeSubrange((last + 1)...) }
    self.ranges = ranges
  }

  public var isEmpty: Bool { ranges.isEmpty }
  /// How many addresses.
  public var count: UInt64 { ranges.reduce(0) { $0 + $1.count } }

  /// O(log n).
  public func contains(_ address: IPv4Address) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].last < address.value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].first <= address.value
  }

  /// O(n + m), as the two below.
  public func union(_ other: AddressSet) -> AddressSet { combined(other) { $0 || $1 } }
  public func intersection(_ other: AddressSet) -> AddressSet { combined(other) { $0 && $1 } }
  public func subtracting(_ other: AddressSet) -> AddressSet { combined(other) { $0 && !$1 } }

  /// The addresses for which `keep` holds of (in this set, in the other one). Every address at which
  /// either membership changes is visited once, in order.
  @inline(__always)
  private func combined(_ other: AddressSet, _ keep: (Bool, Bool) -> Bool) -> AddressSet {
    var result = AddressSet()
    var mine = 0
    var theirs = 0
    var start: UInt64?
    while true {
      let nextMine = boundary(mine)
      let nextTheirs = other.boundary(theirs)
      let at = min(nextMine, nextTheirs)
      if at == .max { break }
      if nextMine == at { mine += 1 }
      if nextTheirs == at { theirs += 1 }
      // An odd number of boundaries passed means inside.
      let inside = keep(mine & 1 == 1, theirs & 1 == 1)
      if inside, start == nil { start = at }
      if !inside, let first = start {
        result.ranges.append(AddressRange(UInt32(first), UInt32(at - 1)))
        start = nil
      }
    }
    return result
  }

  /// Where the set begins (even numbers) and ends (odd ones, one past the last address).
  @inline(__always)
  private func boundary(_ number: Int) -> UInt64 {
    guard number >> 1 < ranges.count else { return .max }
    let range = ranges[number >> 1]
    return number & 1 == 0 ? UInt64(range.first) : UInt64(range.last) + 1
  }
}

extension AddressSet: ParsableValue {
  /// Addresses, ranges and prefixes, separated by commas: `192.0.2.1,192.0.2.8-192.0.2.15,10.0.0.0/8`.
  public init(parsing text: String) throws(ValueError) {
    let expected = "addresses, ranges (a.b.c.d-e.f.g.h) or prefixes (a.b.c.d/len), separated by commas"
    self = try parseWhole(text, expected: expected) { (text, at) throws(Mistake) in
      var ranges: [AddressRange] = []
      while true {
        ranges.append(try Grammar.addresses(text, &at))
        guard at < text.count, text[at] == UInt8(ascii: ",") else { break }
        at += 1
      }
      return AddressSet(ranges)
    }
  }
}
