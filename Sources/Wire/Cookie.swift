// The cookie, by which a reply proves which probe it answers, so that a scan keeps no per-probe state.

/// Computes a probe's sequence number from its addresses and ports, under a secret key.
public struct Cookie: Sendable {
  public let key: SipHashKey

  public init(key: SipHashKey) { self.key = key }

  /// Returns the hash of a probe's four-tuple, given in host order. The low 32 bits are the sequence number, the next 16
  /// the IPv4 identification.
  ///
  /// The hashed message is 14 bytes in network order, as in bpf/cookie.h: source address, destination port, two zero
  /// bytes, destination address, source port.
  @inlinable @inline(__always)
  public func hash(
    source: UInt32, destination: UInt32, sourcePort: UInt16, destinationPort: UInt16
  ) -> UInt64 {
    var state = SipHash13(key: key)
    state.compress(UInt64(source.byteSwapped) | UInt64(destinationPort.byteSwapped) << 32)
    state.compress(UInt64(destination.byteSwapped) | UInt64(sourcePort.byteSwapped) << 32 | 14 << 56)
    return state.finish()
  }

  /// Returns the sequence number of a probe, whose four-tuple is given in host order.
  @inlinable
  public func sequenceNumber(
    source: UInt32, destination: UInt32, sourcePort: UInt16, destinationPort: UInt16
  ) -> UInt32 {
    UInt32(
      truncatingIfNeeded: hash(
        source: source, destination: destination, sourcePort: sourcePort,
        destinationPort: destinationPort))
  }
}
