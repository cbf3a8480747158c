// Makes the transmit entries of probes.
import Wire

/// Chooses the source of each probe and computes its cookie. Immutable for the duration of a scan.
///
/// User space does both, on the thread that plans ahead if there is one, because SipHash takes a third of the time here that
/// it takes in the kernel's program.
public struct EntryMaker: Sendable {
  public let selection: SourceSelection
  @usableFromInline let cookie: Cookie
  /// In host order, by the index that `selection` chooses.
  @usableFromInline let sources: [UInt32]

  /// - Parameters:
  ///   - cookie: under the job's key.
  ///   - sources: the source addresses, as many as `selection` was made for.
  public init(_ selection: SourceSelection, cookie: Cookie, sources: [IPv4Address]) {
    precondition(UInt64(sources.count) == selection.addresses)
    self.selection = selection
    self.cookie = cookie
    self.sources = sources.map(\.value)
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
    let hash = cookie.hash(
      source: sources[Int(source)], destination: destination, sourcePort: sourcePort,
      destinationPort: port)
    return TransmitEntry(
      syn: destination, port: port, source: source, sourcePort: sourcePort, hash: hash,
      nextHop: nextHop)
  }
}
