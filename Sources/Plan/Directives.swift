// Directives: the `@key value` lines before the first entry of a target file.

/// The directives of a target file; nil for each that it does not give.
public struct Directives: Hashable, Sendable {
  public var ports: PortSet?
  public var rate: PacketRate?
  public var bandwidth: Bandwidth?
  public var probes: ProbeCount?
  public var cooldown: Duration?
  public var shard: Shard?
  public var seed: Seed?
  public var priority: Priority?
  public var numbering: Numbering?

  public init() {}

  /// The names of the directives, without the `@`.
  public enum Key: String, CaseIterable, Sendable {
    case ports, rate, bandwidth, probes, cooldown, shard, seed, priority, numbering
  }

  static let known = Key.allCases.map { "@\($0.rawValue)" }.joined(separator: ", ")

  mutating func set(_ key: Key, to text: String) throws(ValueError) {
    switch key {
    case .ports: ports = try PortSet(parsing: text)
    case .rate: rate = try PacketRate(parsing: text)
    case .bandwidth: bandwidth = try Bandwidth(parsing: text)
    case .probes: probes = try ProbeCount(parsing: text)
    case .cooldown: cooldown = try Duration(parsing: text)
    case .shard: shard = try Shard(parsing: text)
    case .seed: seed = try Seed(parsing: text)
    case .priority: priority = try Priority(parsing: text)
    case .numbering: numbering = try Numbering(parsing: text)
    }
  }

  func has(_ key: Key) -> Bool {
    switch key {
    case .ports: ports != nil
    case .rate: rate != nil
    case .bandwidth: bandwidth != nil
    case .probes: probes != nil
    case .cooldown: cooldown != nil
    case .shard: shard != nil
    case .seed: seed != nil
    case .priority: priority != nil
    case .numbering: numbering != nil
    }
  }

  /// Parses a line from its `@` to the end of the value.
  mutating func parse(_ text: Span<UInt8>, _ at: inout Int) throws(ParseError) {
    let name = Grammar.word(text, at)
    at = name.upperBound
    let nameText = String(
      decoding: (name.lowerBound + 1..<name.upperBound).map { text[$0] }, as: UTF8.self)
    guard let key = Key(rawValue: nameText) else {
      throw ParseError(name, expected: "one of \(Self.known)")
    }
    if has(key) {
      throw ParseError(
        name,
        expected: "each directive once; the others are "
          + Key.allCases.filter { $0 != key }.map { "@\($0.rawValue)" }.joined(separator: ", "))
    }
    Grammar.skipBlanks(text, &at)
    let value = Grammar.word(text, at)
    at = value.upperBound
    do {
      try set(key, to: String(decoding: value.map { text[$0] }, as: UTF8.self))
    } catch {
      var parseError = ParseError(
        value.lowerBound + error.offset..<value.upperBound, expected: error.expected)
      parseError.found = error.found
      throw parseError
    }
  }
}
