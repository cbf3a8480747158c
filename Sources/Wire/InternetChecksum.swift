// The Internet checksum (RFC 1071) and its incremental update (RFC 1624).

/// A one's complement sum, not yet folded or complemented.
///
/// Adding the value of a field that was zero updates the sum (RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), with m = 0).
/// The order of the 16-bit words does not matter.
public struct InternetChecksum: Hashable, Sendable, BitwiseCopyable {
  @usableFromInline var sum: UInt64

  @inlinable public init() { sum = 0 }

  /// Adds a 16-bit word in host order.
  @inlinable public mutating func add(_ word: UInt16) { sum &+= UInt64(word) }

  /// Adds two 16-bit words in host order, the first in the high half. 2^32 such additions cannot overflow.
  @inlinable public mutating func add(_ words: UInt32) { sum &+= UInt64(words) }

  /// Adds bytes in transmission order. A zero byte is assumed after an odd number of them.
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

  /// Adds the bytes of a range of `frame`. A zero byte is assumed after an odd number of them.
  public mutating func add(_ frame: Span<UInt8>, _ range: Range<Int>) {
    var at = range.lowerBound
    while at + 1 < range.upperBound {
      add(frame.word16(at: at))
      at += 2
    }
    if at < range.upperBound { add(UInt16(frame[at]) << 8) }
  }

  /// The sum folded to 16 bits; 0xffff if the summed bytes include a correct checksum.
  @inlinable public var folded: UInt16 {
    // Adding the number with its halves exchanged carries the lower sum's overflow into the upper one.
    let doubled = sum &+ (sum &<< 32 | sum &>> 32)
    let half = UInt32(truncatingIfNeeded: doubled &>> 32)
    return UInt16(truncatingIfNeeded: (half &+ (half &<< 16 | half &>> 16)) &>> 16)
  }

  /// The value of the header's checksum field, in host order.
  @inlinable public var value: UInt16 { ~folded }

  /// Returns the sum over the TCP pseudo-header (RFC 9293, section 3.1) without its addresses.
  ///
  /// - Parameter length: bytes of TCP header and data.
  public static func tcpPseudoHeader(length: Int) -> InternetChecksum {
    var checksum = InternetChecksum()
    checksum.add(UInt16(IPProtocol.tcp.rawValue))
    checksum.add(UInt16(length))
    return checksum
  }
}
