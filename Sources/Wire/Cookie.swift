// The SYN cookie: what makes a reply prove itself, so that no table of open probes exists.

/// Computes a probe's sequence number from its own addresses and ports under a secret key.
public struct Cookie: Sendable {
  public let key: SipHashKey

  public init(key: SipHashKey) { self.key = key }

  /// The hash of a probe's four-tuple, all in host order. The low 32 bits are the sequence number, the
  /// next 16 the IPv4 identification where that is random.
  ///
  /// The message is the 14 bytes source address, destination port, two zero, destination address, source
  /// port in network order, as in bpf/cookie.h.
  @inlinable @inline(__always)
  public func hash(
    source: UInt32, destination: UInt32, sourcePort: UInt16, destinationPort: UInt16
  ) -> UInt64 {
    var state = SipHash24(key: key)
    state.compress(UInt64(source.byteSwapped) | UInt64(destinationPort.byteSwapped) << 32)
    state.compress(UInt64(destination.byteSwapped) | UInt64(sourcePort.byteSwapped) << 32 | 14 << 56)
    return state.finish()
  }

  /// The sequence number of the probe.
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
