// Values of options, directives and configuration keys. The first byte selects the type.
import NIC
import Plan
import Scan
import Wire

extension FuzzTarget {
  /// The result is a value in range that parses to the same value when it is formatted again, or an error with an
  /// offset in the text.
  static let values = FuzzTarget("values", maximumLength: 128) { bytes in
    guard let first = bytes.first else { return }
    let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    // A letter, so that the corpus is readable.
    let number = Int(first &- UInt8(ascii: "A"))
    try kinds[number % kinds.count](text)
  }

  private static let kinds: [@Sendable (String) throws -> Void] = [
    { try check(PortSet.self, $0, \.description) },
    { try check(PortRange.self, $0, \.description) },
    { try check(PacketRate.self, $0, \.description) },
    { try check(BandwidthLimit.self, $0, \.description) { try bandwidth($0) } },
    { try check(Shard.self, $0, \.description) },
    { try check(Seed.self, $0, \.description) },
    { try check(ProbeCount.self, $0, \.description) },
    { try check(Priority.self, $0, \.description) },
    { try check(Duration.self, $0, decimalSeconds) },
    { try check(MaxTargets.self, $0, nil, also: maxTargets) },
    { try check(AddressSet.self, $0) { $0.ranges.map(\.description).joined(separator: ",") } },
    { try again($0, { IPv4Address($0) }, \.description) },
    { try again($0, { MACAddress($0) }, \.description) },
    { try again($0, { InterfaceAddress($0) }, \.description) },
    { try again($0, { try? ResultField.parse(list: $0) }, written) },
  ]

  private static func check<Value: ParsableValue & Hashable>(
    _ type: Value.Type, _ text: String, _ format: ((Value) -> String)?,
    also: (Value) throws -> Void = { _ in }
  ) throws {
    let value: Value
    do throws(ValueError) {
      value = try Value(parsing: text)
    } catch {
      try requirePrintable(error.description)
      return try require(0...text.utf8.count ~= error.offset, "offset \(error.offset): \(error)")
    }
    try also(value)
    guard let written = format?(value) else { return }
    try require(try Value(parsing: written) == value, "\(value) is written \(written)")
  }

  private static func again<Value: Equatable>(
    _ text: String, _ parse: (String) -> Value?, _ format: (Value) -> String
  ) throws {
    guard let value = parse(text) else { return }
    try require(parse(format(value)) == value, "\(value) is written \(format(value))")
  }

  private static func written(_ fields: [ResultField]) -> String {
    fields.map(\.rawValue).joined(separator: ",")
  }

  private static func bandwidth(_ limit: BandwidthLimit) throws {
    guard let bandwidth = limit.bandwidth(linkSpeed: nil) ?? limit.bandwidth(linkSpeed: 10_000_000)
    else {
      throw FuzzFailure(description: "\(limit) is no bandwidth")
    }
    for length in [0, 54, 60, 74, 1514] {
      let rate = bandwidth.packetRate(frameBytes: length).perSecond
      try require((rate == nil) == (bandwidth.bitsPerSecond == nil), "\(bandwidth): \(rate ?? 0)")
      try require(1...PacketRate.maximum ~= rate ?? 1, "\(bandwidth): \(rate ?? 0)")
    }
  }

  private static func maxTargets(_ maximum: MaxTargets) throws {
    for total in [1, 2, 99, 1 << 32, 1 << 48, .max] as [UInt64] {
      try require(1...total ~= maximum.limit(of: total), "\(maximum.limit(of: total)) of \(total)")
    }
  }
}

/// Returns a duration in seconds, in the exact format of the grammar.
func decimalSeconds(_ duration: Duration) -> String {
  let (seconds, attoseconds) = duration.components
  let nanoseconds = String(attoseconds / 1_000_000_000)
  return "\(seconds).\(String(repeating: "0", count: 9 - nanoseconds.count))\(nanoseconds)"
}
