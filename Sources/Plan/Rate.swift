// Rates: packets per second, and bits per second on the wire.
import Support
import Wire

/// A rate in packets per second.
public struct PacketRate: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  /// Packets per second, never 0; nil is no limit.
  public let perSecond: UInt64?

  public static let unlimited = PacketRate(perSecond: nil)
  /// The rate of a scan for which neither options, the configuration nor the target file give one.
  public static let `default` = PacketRate(10_000)
  /// The highest rate that can be given: more than any Ethernet carries. It keeps products with nanoseconds within
  /// 64 bits.
  public static let maximum: UInt64 = 1_000_000_000

  private init(perSecond: UInt64?) { self.perSecond = perSecond }

  /// Creates a rate; 0 is no limit. Traps above `maximum`.
  public init(_ perSecond: UInt64) {
    precondition(perSecond <= Self.maximum)
    self.perSecond = perSecond == 0 ? nil : perSecond
  }

  /// Parses `100000`, `100k` or `1.5M`; 0 is no limit. Throws unless it is a whole number of packets.
  public init(parsing text: String) throws(ValueError) {
    let expected =
      "packets per second, a whole number such as 100000, 100k or 1.5M, at most 1G; 0 for no limit"
    self = try parseWhole(text, expected: expected) { (text, at) throws(ParseError) in
      let number = try Decimal.parse(text, &at, expected: expected)
      guard let rate = number.multiplied(by: Grammar.thousands(text, &at)), rate <= Self.maximum else {
        throw ParseError(0..<text.count, expected: expected)
      }
      return PacketRate(rate)
    }
  }

  public var description: String { perSecond.map { "\($0)" } ?? "0" }
}

/// A rate in bits per second on the wire, with preamble, frame check sequence and inter-frame gap.
public struct Bandwidth: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  /// Bits per second, at least `minimum`; nil is no limit.
  public let bitsPerSecond: UInt64?

  public static let unlimited = Bandwidth(bitsPerSecond: nil)
  /// About one probe per second. Any less would round down to a rate of 0.
  public static let minimum: UInt64 = 1_000
  public static let maximum: UInt64 = 1_000_000_000_000

  /// Bytes on the wire beside those from destination address to payload: frame check sequence, preamble with start
  /// delimiter, and inter-frame gap (IEEE 802.3).
  public static let overheadBytes = 4 + 8 + 12
  /// Bytes of the shortest frame, without its frame check sequence (IEEE 802.3); shorter ones are padded.
  public static let shortestFrameBytes = 60

  fileprivate init(bitsPerSecond: UInt64?) { self.bitsPerSecond = bitsPerSecond }

  /// Parses bits (`10M`, `1G`) or bytes (`12MB`); K, M and G are powers of 1000, and 0 is no limit.
  public init(parsing text: String) throws(ValueError) {
    let expected =
      "bits per second such as 10M or 1.5G, or bytes such as 12MB, from 1K to 1000G; 0 for no limit"
    self = try parseWhole(text, expected: expected) { (text, at) throws(ParseError) in
      let number = try Decimal.parse(text, &at, expected: expected)
      var factor = Grammar.thousands(text, &at)
      if at < text.count, text[at] == UInt8(ascii: "B") {
        factor *= 8
        at += 1
      }
      guard let bits = number.multiplied(by: factor), bits == 0 || Self.minimum...Self.maximum ~= bits
      else {
        throw ParseError(0..<text.count, expected: expected)
      }
      return Bandwidth(bitsPerSecond: bits == 0 ? nil : bits)
    }
  }

  /// Returns the rate of frames that fills this bandwidth, rounded down but at least 1, because 0 means no limit.
  ///
  /// - Parameter frameBytes: a frame's bytes as handed to the NIC, from destination address to payload.
  public func packetRate(frameBytes: Int) -> PacketRate {
    guard let bitsPerSecond else { return .unlimited }
    let onWire = UInt64(max(frameBytes, Self.shortestFrameBytes) + Self.overheadBytes) * 8
    return PacketRate(min(max(bitsPerSecond / onWire, 1), PacketRate.maximum))
  }

  public var description: String { bitsPerSecond.map { "\($0)" } ?? "0" }
}

/// A limit of what a scan sends: a bandwidth, or a percentage of what the link carries.
public enum BandwidthLimit: Hashable, Sendable, ParsableValue, CustomStringConvertible {
  case bandwidth(Bandwidth)
  /// Per cent, from 1 to 100.
  case shareOfLink(UInt64)

  /// Parses a bandwidth or `95%`.
  public init(parsing text: String) throws(ValueError) {
    guard text.hasSuffix("%") else {
      self = .bandwidth(try Bandwidth(parsing: text))
      return
    }
    guard let share = UInt64(decimal: text.dropLast()), 1...100 ~= share else {
      throw ValueError(
        found: Excerpt.quoted(text), expected: "a whole percentage of the link's speed, 1% to 100%")
    }
    self = .shareOfLink(share)
  }

  /// Returns the bandwidth on a link; nil if that depends on the link's speed, which is not known.
  ///
  /// - Parameter linkSpeed: bits per second.
  public func bandwidth(linkSpeed: UInt64?) -> Bandwidth? {
    switch self {
    case .bandwidth(let bandwidth): bandwidth
    case .shareOfLink(let share):
      linkSpeed.map { speed in
        Bandwidth(bitsPerSecond: min(Bandwidth.maximum, max(Bandwidth.minimum, speed / 100 * share)))
      }
    }
  }

  public var description: String {
    switch self {
    case .bandwidth(let bandwidth): "\(bandwidth)"
    case .shareOfLink(let share): "\(share)%"
    }
  }
}
