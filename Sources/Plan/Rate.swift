// How fast: packets a second, and bits a second on the wire.

/// Packets a second.
public struct PacketRate: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  /// nil is no limit; never 0.
  public let perSecond: UInt64?

  public static let unlimited = PacketRate(perSecond: nil)
  /// More than any Ethernet carries; keeps arithmetic with nanoseconds within 64 bits.
  public static let maximum: UInt64 = 1_000_000_000

  private init(perSecond: UInt64?) { self.perSecond = perSecond }

  /// 0 is no limit. Traps above `maximum`.
  public init(_ perSecond: UInt64) {
    precondition(perSecond <= Self.maximum)
    self.perSecond = perSecond == 0 ? nil : perSecond
  }

  /// `100000`, `100k`, `1.5M`; 0 is no limit. Anything but a whole number of packets is refused.
  public init(parsing text: String) throws(ValueError) {
    let expected =
      "packets a second, a whole number such as 100000, 100k or 1.5M, at most 1G; 0 for no limit"
    self = try parseWhole(text, expected: expected) { (text, at) throws(Mistake) in
      let number = try Decimal.parse(text, &at, expected: expected)
      guard let rate = number.times(Grammar.thousands(text, &at)), rate <= Self.maximum else {
        throw Mistake(0..<text.count, expected: expected)
      }
      return PacketRate(rate)
    }
  }

  public var description: String { perSecond.map { "\($0)" } ?? "0" }
}

/// Bits a second on the wire, everything that occupies it included.
public struct Bandwidth: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  /// nil is no limit; otherwise not below `minimum`.
  public let bitsPerSecond: UInt64?

  public static let unlimited = Bandwidth(bitsPerSecond: nil)
  /// About one probe a second: below it no whole rate of packets stays within the limit.
  public static let minimum: UInt64 = 1_000
  public static let maximum: UInt64 = 1_000_000_000_000

  /// What a frame occupies besides its bytes from destination address to payload: frame check sequence,
  /// preamble with start delimiter, and the gap to the next frame (IEEE 802.3).
  public static let overheadBytes = 4 + 8 + 12
  /// The shortest frame without its frame check sequence (IEEE 802.3): shorter ones are padded.
  public static let shortestFrameBytes = 60

  private init(bitsPerSecond: UInt64?) { self.bitsPerSecond = bitsPerSecond }

  /// `10M` and `1G` are bits, `12MB` bytes; K, M and G are powers of 1000; 0 is no limit.
  public init(parsing text: String) throws(ValueError) {
    let expected =
      "bits a second such as 10M or 1.5G, or bytes such as 12MB, from 1K to 1000G; 0 for no limit"
    self = try parseWhole(text, expected: expected) { (text, at) throws(Mistake) in
      let number = try Decimal.parse(text, &at, expected: expected)
      var factor = Grammar.thousands(text, &at)
      if at < text.count, text[at] == UInt8(ascii: "B") {
        factor *= 8
        at += 1
      }
      guard let bits = number.times(factor), bits == 0 || Self.minimum...Self.maximum ~= bits else {
        throw Mistake(0..<text.count, expected: expected)
      }
      return Bandwidth(bitsPerSecond: bits == 0 ? nil : bits)
    }
  }

  /// The rate of frames of `frameBytes` bytes (destination address to payload, as handed to the NIC) that
  /// fills this bandwidth, rounded down, but at least 1: 0 would mean no limit.
  public func packetRate(frameBytes: Int) -> PacketRate {
    guard let bitsPerSecond else { return .unlimited }
    let onWire = UInt64(max(frameBytes, Self.shortestFrameBytes) + Self.overheadBytes) * 8
    return PacketRate(min(max(bitsPerSecond / onWire, 1), PacketRate.maximum))
  }

  public var description: String { bitsPerSecond.map { "\($0)" } ?? "0" }
}
