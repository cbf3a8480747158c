// Sets of TCP ports, stored as sorted intervals.

import Wire

/// A set of TCP ports from 1 to 65535: disjoint intervals in ascending order, none touching the next.
public struct PortSet: Hashable, Sendable, CustomStringConvertible {
  /// Each has its first port in the upper half and its last port in the lower half.
  let intervals: [UInt32]

  /// Creates the union of ranges, which may be in any order and overlap. Traps if one contains port 0.
  public init(_ ranges: [ClosedRange<UInt16>]) {
    precondition(ranges.allSatisfy { $0.lowerBound > 0 })
    self.init(intervals: ranges.map { UInt32($0.lowerBound) << 16 | UInt32($0.upperBound) })
  }

  init(intervals: consuming [UInt32]) {
    normalise(&intervals)
    self.intervals = intervals
  }

  /// The intervals: disjoint, in ascending order, none touching the next.
  public var ranges: [ClosedRange<UInt16>] {
    intervals.map { UInt16($0 >> 16)...UInt16(truncatingIfNeeded: $0) }
  }

  public static let all = PortSet([1...UInt16.max])

  public var isEmpty: Bool { intervals.isEmpty }
  /// The number of ports, at most 65535.
  public var count: UInt32 { intervals.reduce(0) { $0 + ($1 & 0xffff) - ($1 >> 16) + 1 } }

  public func contains(_ port: Port) -> Bool { ranges.contains { $0.contains(port.value) } }

  /// The form that is parsed, such as `80,443,8000-8010`.
  public var description: String {
    ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}

extension PortSet: ParsableValue {
  static let expected = "ports from 1 to 65535, such as 80,443,8000-8010, or * for all"

  /// Parses `80,443,8000-8010`, or `*` for all ports.
  public init(parsing text: String) throws(ValueError) {
    self = try parseWhole(text, expected: Self.expected) { (text, at) throws(ParseError) in
      var intervals: [UInt32] = []
      try Grammar.ports(text, &at, &intervals)
      return PortSet(intervals: intervals)
    }
  }
}

/// A range of ports, such as the source ports of probes.
public struct PortRange: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  public let first: Port
  /// At least `first`.
  public let last: Port

  /// Creates a range. Traps if `last` is below `first`.
  public init(_ first: Port, _ last: Port) {
    precondition(first <= last)
    self.first = first
    self.last = last
  }

  /// Parses `32768-61000` or a single port.
  public init(parsing text: String) throws(ValueError) {
    let expected = "a port from 1 to 65535, or a range such as 32768-61000"
    let range = try parseWhole(text, expected: expected) { (text, at) throws(ParseError) in
      try Grammar.portRange(text, &at)
    }
    self.init(Port(range.lowerBound), Port(range.upperBound))
  }

  public var count: Int { Int(last.value) - Int(first.value) + 1 }
  public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}

extension Grammar {
  @inline(__always)
  static func port(_ text: Span<UInt8>, _ at: inout Int) throws(ParseError) -> UInt16 {
    let start = at
    guard let value = number(text, &at, limit: 65535), value > 0 else { throw notAPort(text, start) }
    return UInt16(value)
  }

  private static func notAPort(_ text: Span<UInt8>, _ start: Int) -> ParseError {
    var end = start
    while case let byte = peek(text, end), !endsWord(byte), byte != UInt8(ascii: ","),
      byte != UInt8(ascii: "-") || end == start
    {
      end += 1
    }
    return ParseError(start..<end, expected: "a port from 1 to 65535")
  }

  static func portRange(_ text: Span<UInt8>, _ at: inout Int)
    throws(ParseError) -> ClosedRange<UInt16>
  {
    let first = try port(text, &at)
    guard peek(text, at) == UInt8(ascii: "-") else { return first...first }
    at += 1
    let start = at
    let last = try port(text, &at)
    guard first <= last else {
      throw ParseError(start..<at, expected: "a last port of at least the first, \(first)")
    }
    return first...last
  }

  /// Reads ports separated by commas, or `*`, and appends their intervals in the order of the text.
  static func ports(_ text: Span<UInt8>, _ at: inout Int, _ intervals: inout [UInt32])
    throws(ParseError)
  {
    if peek(text, at) == UInt8(ascii: "*") {
      at += 1
      intervals.append(1 << 16 | 65535)
      return
    }
    while true {
      let range = try portRange(text, &at)
      intervals.append(UInt32(range.lowerBound) << 16 | UInt32(range.upperBound))
      // There are no more intervals than this; a line may repeat them without end.
      if intervals.count >= 1 << 17 { normalise(&intervals) }
      guard peek(text, at) == UInt8(ascii: ",") else { return }
      at += 1
    }
  }
}
