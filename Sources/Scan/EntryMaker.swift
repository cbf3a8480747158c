// Makes the transmit entries of probes.
import Wire

/// Chooses the source of each probe, and computes its cookie and its checksums. Immutable for the duration of a scan.
///
/// User space does this, on the thread that plans ahead if there is one, because that has time to spare. Besides, SipHash
/// takes a third of the time here that it takes in the kernel's program.
public struct EntryMaker: Sendable {
  public let selection: SourceSelection
  @usableFromInline let cookie: Cookie
  /// By the index that `selection` chooses.
  @usableFromInline let sources: [SourceSums]

  /// - Parameters:
  ///   - cookie: under the job's key.
  ///   - profile: the options and header fields of the probes.
  ///   - sources: the source addresses, as many as `selection` was made for.
  public init(
    _ selection: SourceSelection, cookie: Cookie, profile: ProbeProfile, sources: [IPv4Address]
  ) {
    precondition(UInt64(sources.count) == selection.addresses)
    self.selection = selection
    self.cookie = cookie
    self.sources = sources.map { SourceSums(syn: profile, source: $0) }
  }

  /// Returns the entry of a probe.
  ///
  /// - Parameters:
  ///   - destination: the target's address, host order.
  ///   - nextHop: as in the entry.
  @inlinable @inline(__always)
  public func entry(destination: UInt32, port: UInt16, pass: UInt8, nextHop: UInt32 = 0)
    -> TransmitEntry
  {
    let (source, sourcePort) = selection.choose(destination: destination, port: port, pass: pass)
    let sums = sources[Int(source)]
    let hash = cookie.hash(
      source: sums.address.value, destination: destination, sourcePort: sourcePort,
      destinationPort: port)
    return TransmitEntry(
      syn: destination, port: port, source: source, sourcePort: sourcePort, hash: hash,
      nextHop: nextHop, sums: sums)
  }
}
