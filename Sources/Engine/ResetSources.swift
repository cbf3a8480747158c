// What the receive thread needs to know of the source addresses to make RSTs.
import Wire

/// The source addresses, with the checksums of their RSTs.
struct ResetSources: Sendable {
  /// For each address its index in transmit entries.
  private let indices: [IPv4Address: UInt16]
  /// By index.
  let sums: [SourceSums]

  init(_ addresses: [IPv4Address]) {
    indices = Dictionary(uniqueKeysWithValues: addresses.enumerated().map { ($1, UInt16($0)) })
    sums = addresses.map { SourceSums(rstFrom: $0) }
  }

  /// Returns nil if the address is none of them.
  func index(of address: IPv4Address) -> UInt16? { indices[address] }
}
