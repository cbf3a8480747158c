// Sets of TCP ports as sorted intervals.

import Wire

/// A set of TCP ports from 1 to 65535: disjoint intervals in ascending order, none touching the next.
public struct PortSet: Hashable, Sendable, CustomStringConvertible {
  public let ranges: [ClosedRange<UInt16>]

  /// Ranges in any order, overlapping or not, none with port 0.
  public init(_ ranges: [ClosedRange<UInt16>]) {
    if ranges.count == 1 {
      self.ranges = ranges
      return
    }
    var merged: [ClosedRange<UInt16>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, UInt32(range.lowerBound) <= UInt32(last.upperBound) + 1 {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    self.ranges = merged
  }

  public static let all = PortSet([1...UInt16.max])

  public var isEmpty: Bool { ranges.isEmpty }
  /// How many ports, at most 65535.
  public var count: UInt32 { ranges.reduce(0) { $0 + UInt32($1.count) } }

  public func contains(_ port: Port) -> Bool { ranges.contains { $0.contains(port.value) } }

  /// As it is parsed, for example `80,443,8000-8010`.
  public var description: String {
    ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}

extension PortSet: ParsableValue {
  static let expected = "ports from 1 to 65535, such as 80,443,8000-8010, or * for all"

  /// `80,443,8000-8010`, or `*` for all.
  public init(parsing text: String) throws(ValueError) {
    self = try parseWhole(text, expected: Self.expected) { (text, at) throws(Mistake) in
      try Grammar.ports(text, &at)
    }
  }
}

/// Neighbouring ports, for example those that probes are sent from.
public struct PortRange: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  public let first: Port
  /// Not below `first`.
  public let last: Port

  /// Traps when `last` is below `first`.
  public init(_ first: Port, _ last: Port) {
    precondition(first <= last)
    self.first = first
    self.last = last
  }

  /// `32768-61000`, or one port.
  public init(parsing text: String) throws(ValueError) {
    let expected = "a port from 1 to 65535, or a range such as 32768-61000"
    let range = try parseWhole(text, expected: expected) { (text, at) throws(Mistake) in
      try Grammar.portRange(text, &at)
    }
    self.init(Port(range.lowerBound), Port(range.upperBound))
  }

  public var count: Int { Int(last.value) - Int(first.value) + 1 }
  public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}

extension Grammar {
  @inline(__always)
  static func port(_ text: Span<UInt8>, _ at: inout Int) throws(Mistake) -> UInt16 {
    let start = at
    guard let value = number(text, &at, limit: 65535), value > 0 else { throw notAPort(text, start) }
    return UInt16(value)
  }

  private static func notAPort(_ text: Span<UInt8>, _ start: Int) -> Mistake {
    var end = start
    while case let octet = peek(text, end), !endsWord(octet), octet != UInt8(ascii: ","),
      octet != UInt8(ascii: "-") || end == start
    {
      end += 1
    }
    return Mistake(start..<end, expected: "a port from 1 to 65535")
  }

  static func portRange(_ text: Span<UInt8>, _ at: inout Int)
    throws(Mistake) -> ClosedRange<UInt16>
  {
    let first = try port(text, &at)
    guard peek(text, at) == UInt8(ascii: "-") else { return first...first }
    at += 1
    let start = at
    let last = try port(text, &at)
    guard first <= last else {
      throw Mistake(start..<at, expected: "a last port that is not below the first, \(first)")
    }
    return first...last
  }

  static func ports(_ text: Span<UInt8>, _ at: inout Int) throws(Mistake) -> PortSet {
    if peek(text, at) == UInt8(ascii: "*") {
      at += 1
      return .all
    }
    var ranges = [try portRange(text, &at)]
    while peek(text, at) == UInt8(ascii: ",") {
      at += 1
      ranges.append(try portRange(text, &at))
    }
    return PortSet(ranges)
  }
}

/// Port sets by number: equal ones have the same number.
struct PortSetTable: Sendable {
  private(set) var sets: [PortSet] = []
  private var numbers: [PortSet: UInt32] = [:]
  /// By port, for sets of one port: lists of address:port pairs have little else. Made when needed.
  private var singles: [UInt32] = []

  static let none = UInt32.max

  mutating func number(of set: PortSet) -> UInt32 {
    if let known = numbers[set] { return known }
    let number = UInt32(sets.count)
    sets.append(set)
    numbers[set] = number
    return number
  }

  @inline(__always)
  mutating func number(of port: UInt16) -> UInt32 {
    if !singles.isEmpty, singles[Int(port)] != Self.none { return singles[Int(port)] }
    return addSingle(port)
  }

  private mutating func addSingle(_ port: UInt16) -> UInt32 {
    if singles.isEmpty { singles = [UInt32](repeating: Self.none, count: 65536) }
    let number = number(of: PortSet([port...port]))
    singles[Int(port)] = number
    return number
  }
}
