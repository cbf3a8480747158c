// Sets of IPv4 addresses, stored as sorted intervals.

import Wire

/// The addresses from `first` to `last`, inclusive.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
  /// Host order.
  public var first: UInt32
  /// Host order, at least `first`.
  public var last: UInt32

  public init(_ first: UInt32, _ last: UInt32) {
    self.first = first
    self.last = last
  }

  /// Creates the range of the prefix of `length` bits (0 to 32) that contains `address`.
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
/// An interval takes eight bytes; a list of ten million takes 80 MB.
public struct AddressSet: Hashable, Sendable {
  public private(set) var ranges: [AddressRange]

  /// Creates an empty set.
  public init() { ranges = [] }

  /// Creates the union of ranges, which may be in any order and overlap. O(n).
  public init(_ ranges: some Sequence<AddressRange>) {
    self.init(joining: Array(ranges))
  }

  public static let all = AddressSet([AddressRange(0, .max)])

  /// Creates the union of ranges, which are sorted and merged in place, so that a long list is in memory once.
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
  /// The number of addresses.
  public var count: UInt64 { ranges.reduce(0) { $0 + $1.count } }

  /// Returns whether `address` is in the set. O(log n).
  public func contains(_ address: IPv4Address) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].last < address.value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].first <= address.value
  }

  // The three operations take O(n + m).

  public func union(_ other: AddressSet) -> AddressSet { combined(other) { $0 || $1 } }
  public func intersection(_ other: AddressSet) -> AddressSet { combined(other) { $0 && $1 } }
  public func subtracting(_ other: AddressSet) -> AddressSet { combined(other) { $0 && !$1 } }

  /// Returns the addresses for which `keep(isInThisSet, isInOther)` is true.
  ///
  /// Membership changes only at interval boundaries, which the loop visits once, in order.
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
      // After an odd number of boundaries the position is inside the set.
      let inside = keep(mine & 1 == 1, theirs & 1 == 1)
      if inside, start == nil { start = at }
      if !inside, let first = start {
        result.ranges.append(AddressRange(UInt32(first), UInt32(at - 1)))
        start = nil
      }
    }
    return result
  }

  /// The start of an interval (even numbers), or one past its last address (odd numbers).
  @inline(__always)
  private func boundary(_ number: Int) -> UInt64 {
    guard number >> 1 < ranges.count else { return .max }
    let range = ranges[number >> 1]
    return number & 1 == 0 ? UInt64(range.first) : UInt64(range.last) + 1
  }
}

extension AddressSet: ParsableValue {
  /// Parses addresses, ranges and prefixes, separated by commas: `192.0.2.1,192.0.2.8-192.0.2.15,10.0.0.0/8`.
  public init(parsing text: String) throws(ValueError) {
    let expected = "addresses, ranges (a.b.c.d-e.f.g.h) or prefixes (a.b.c.d/len), separated by commas"
    self = try parseWhole(text, expected: expected) { (text, at) throws(ParseError) in
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
