// The Internet checksum (RFC 1071) and its incremental update (RFC 1624).

/// A one's complement sum that has not been folded or complemented yet.
///
/// A field that was zero in the summed bytes is put in later by adding it: RFC 1624 equation 3,
/// HC' = ~(~HC + ~m + m'), with m = 0. Order of the 16-bit words does not matter.
public struct InternetChecksum: Hashable, Sendable, BitwiseCopyable {
  @usableFromInline var sum: UInt64

  @inlinable public init() { sum = 0 }

  /// Adds a 16-bit word, host order.
  @inlinable public mutating func add(_ word: UInt16) { sum &+= UInt64(word) }

  /// Adds two 16-bit words, the first in the high half; folding will add them to each other. The sum of 2^32
  /// of these cannot overflow.
  @inlinable public mutating func add(_ words: UInt32) { sum &+= UInt64(words) }

  /// Adds bytes in transmission order; an odd last one counts as if a zero followed.
  public mutating func add(_ bytes: some Sequence<UInt8>) {
    var high: UInt8?
    for byte in bytes {
      if let first = high {
        add(UInt16(first) << 8 | UInt16(byte))
        high = nil
      } else {
        high = byte
      }
    }
    if let high { add(UInt16(high) << 8) }
  }

  /// Adds the bytes of a range of `frame`, an odd last one as if a zero followed.
  public mutating func add(_ frame: Span<UInt8>, _ range: Range<Int>) {
    var at = range.lowerBound
    while at + 1 < range.upperBound {
      add(frame.word16(at: at))
      at += 2
    }
    if at < range.upperBound { add(UInt16(frame[at]) << 8) }
  }

  /// The sum folded to 16 bits: 0xffff over bytes that include a correct checksum.
  @inlinable public var folded: UInt16 {
    // Both halves added to each other twice over, so that the lower sum's carry goes into the upper one.
    let whole = sum &+ (sum &<< 32 | sum &>> 32)
    let half = UInt32(truncatingIfNeeded: whole &>> 32)
    return UInt16(truncatingIfNeeded: (half &+ (half &<< 16 | half &>> 16)) &>> 16)
  }

  /// What stands in the header's checksum field, host order.
  @inlinable public var value: UInt16 { ~folded }

  /// The TCP pseudo-header (RFC 9293, section 3.1) without its addresses.
  public static func tcpPseudoHeader(length: Int) -> InternetChecksum {
    var checksum = InternetChecksum()
    checksum.add(UInt16(IPProtocol.tcp.rawValue))
    checksum.add(UInt16(length))
    return checksum
  }
}
