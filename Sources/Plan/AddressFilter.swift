// A set of addresses that is asked about one probe after another.

import Wire

/// Whether an address is in a set, in one or two steps for most sets.
///
/// For each /16 it knows which intervals may matter; a set of a million intervals takes 8 MB, and 256 KB
/// beside that.
public struct AddressFilter: Sendable {
  public let addresses: AddressSet
  /// By the upper half of an address: the first interval that ends there or later. One more at the end.
  private let firsts: [UInt32]

  public init(_ addresses: AddressSet) {
    self.addresses = addresses
    let ranges = addresses.ranges
    var firsts: [UInt32] = []
    firsts.reserveCapacity(1 << 16 + 1)
    var next = 0
    for upper in 0..<UInt32(1 << 16) {
      while next < ranges.count, ranges[next].last < upper << 16 { next += 1 }
      firsts.append(UInt32(next))
    }
    firsts.append(UInt32(ranges.count))
    self.firsts = firsts
  }

  public func contains(_ address: IPv4Address) -> Bool {
    let upper = Int(address.value >> 16)
    var low = Int(firsts[upper])
    // An interval that reaches into the next /16 is the last one that may matter here.
    var high = min(Int(firsts[upper + 1]), addresses.ranges.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if addresses.ranges[middle].last < address.value { low = middle + 1 } else { high = middle }
    }
    return low == high && addresses.ranges[low].first <= address.value
      && address.value <= addresses.ranges[low].last
  }
}
