// Values that options, settings and directives share: shard, seed, probe count, priority, target limit and duration.

import Support
import Wire

/// One of `count` disjoint parts of a plan.
public struct Shard: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  /// From 0, below `count`.
  public let index: UInt32
  public let count: UInt32

  public static let whole = Shard(index: 0, count: 1)

  private init(index: UInt32, count: UInt32) {
    self.index = index
    self.count = count
  }

  public init(_ index: UInt32, of count: UInt32) throws(ValueError) {
    guard index < count else {
      throw ValueError(
        found: "shard \(index) of \(count)",
        expected: "a shard below the number of shards, counting from 0")
    }
    self.init(index: index, count: count)
  }

  /// Parses `K/N`, with K from 0.
  public init(parsing text: String) throws(ValueError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = UInt32(decimal: parts[0]),
      let count = UInt32(decimal: parts[1]),
      index < count
    else {
      throw ValueError(
        found: Excerpt.quoted(text), expected: "a shard as K/N, K from 0 to N - 1, such as 0/4")
    }
    self.init(index: index, count: count)
  }

  public var description: String { "\(index)/\(count)" }
}

/// The key of the permutation: the same seed gives the same order of probes.
public struct Seed: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  public let value: UInt64

  public init(_ value: UInt64) { self.value = value }

  public init(parsing text: String) throws(ValueError) {
    value = try wholeNumber(text, in: 0...UInt64.max)
  }

  public var description: String { String(value) }
}

/// The number of probes of each target.
public struct ProbeCount: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  public static let allowed: ClosedRange<UInt64> = 1...255
  public let value: UInt8

  /// Creates a count. Traps for 0.
  public init(_ value: UInt8) {
    precondition(value > 0)
    self.value = value
  }

  public init(parsing text: String) throws(ValueError) {
    value = UInt8(try wholeNumber(text, in: Self.allowed))
  }

  public static let one = ProbeCount(1)

  public var description: String { String(value) }
}

/// The priority of a job; of the queued jobs the one with the highest runs first.
public struct Priority: Hashable, Comparable, Sendable, ParsableValue, CustomStringConvertible {
  public static let allowed: ClosedRange<UInt64> = 0...100
  public let value: UInt8

  /// Creates a priority. Traps above 100.
  public init(_ value: UInt8) {
    precondition(value <= 100)
    self.value = value
  }

  public init(parsing text: String) throws(ValueError) {
    value = UInt8(try wholeNumber(text, in: Self.allowed))
  }

  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  public var description: String { String(value) }
}

/// Which targets of a file have numbers, and so a position in the order.
public enum Numbering: String, Hashable, Sendable, CaseIterable, ParsableValue {
  /// Those in the box's scope: all others have no number.
  case scope
  /// All, whatever the box's scope, which only denies some of them. Boxes with different scopes number them alike, so
  /// their shards are disjoint and add up.
  case targets

  public init(parsing text: String) throws(ValueError) {
    guard let value = Self(rawValue: text) else {
      throw ValueError(found: Excerpt.quoted(text), expected: "scope or targets")
    }
    self = value
  }
}

private func wholeNumber(_ text: String, in allowed: ClosedRange<UInt64>) throws(ValueError) -> UInt64 {
  guard let value = UInt64(decimal: text), allowed.contains(value) else {
    throw ValueError(
      found: Excerpt.quoted(text),
      expected: "a whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
  }
  return value
}

/// The most targets to probe.
public enum MaxTargets: Hashable, Sendable, ParsableValue {
  case count(UInt64)
  /// A fraction of all targets, at most 1.
  case fraction(numerator: UInt64, denominator: UInt64)

  /// Parses a number such as `1000` or a percentage such as `10%` or `0.5%`.
  public init(parsing text: String) throws(ValueError) {
    let expected = "a number of targets, at least 1, or a percentage above 0% and up to 100%"
    self = try parseWhole(text, expected: expected) { (text, at) throws(ParseError) in
      let number = try Decimal.parse(text, &at, expected: expected)
      let invalid = ParseError(0..<text.count, expected: expected)
      guard number.digits > 0 else { throw invalid }
      guard at < text.count else {
        if number.scale > 0 { throw invalid }
        return .count(number.digits)
      }
      guard text[at] == UInt8(ascii: "%") else { throw invalid }
      at += 1
      let (denominator, overflow) = number.denominator.multipliedReportingOverflow(by: 100)
      guard !overflow, number.digits <= denominator else { throw invalid }
      return .fraction(numerator: number.digits, denominator: denominator)
    }
  }

  /// Returns the limit for `total` targets. A fraction is rounded up, so that it is at least 1.
  public func limit(of total: UInt64) -> UInt64 {
    switch self {
    case .count(let count): return min(count, total)
    case .fraction(let numerator, let denominator):
      let (quotient, remainder) = denominator.dividingFullWidth(
        total.multipliedFullWidth(by: numerator))
      return remainder == 0 ? quotient : quotient + 1
    }
  }
}

extension Duration: ParsableValue {
  /// Parses seconds (`8`, `0.5`) or a number with a unit (`8s`, `5m`, `1h`), at most 365 days, exact to the nanosecond.
  public init(parsing text: String) throws(ValueError) {
    let expected = "seconds such as 8 or 0.5, or with a unit 30s, 5m or 1h, at most 8760h"
    self = try parseWhole(text, expected: expected) { (text, at) throws(ParseError) in
      let number = try Decimal.parse(text, &at, expected: expected)
      var factor: UInt64 = 1
      if at < text.count {
        switch text[at] {
        case UInt8(ascii: "s"): factor = 1
        case UInt8(ascii: "m"): factor = 60
        case UInt8(ascii: "h"): factor = 3600
        default: throw ParseError(at..<text.count, expected: expected)
        }
        at += 1
      }
      let limit: UInt64 = 8760 * 3600 * 1_000_000_000
      guard let nanoseconds = number.multiplied(by: factor * 1_000_000_000), nanoseconds <= limit else {
        throw ParseError(0..<text.count, expected: expected)
      }
      return .nanoseconds(Int64(nanoseconds))
    }
  }
}
