// Membership of an address set, fast enough to test for every probe.

import Wire

/// An address set with an index by /16, so that most tests take one or two steps.
///
/// The index takes 256 KiB; the set itself takes 8 bytes an interval.
public struct AddressFilter: Sendable {
  public let addresses: AddressSet
  /// For each upper half of an address, the first interval that ends there or later; one more at the end.
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

  /// Returns whether `address` is in the set.
  public func contains(_ address: IPv4Address) -> Bool {
    let upper = Int(address.value >> 16)
    var low = Int(firsts[upper])
    // The first interval of the next /16 may begin in this one.
    var high = min(Int(firsts[upper + 1]), addresses.ranges.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if addresses.ranges[middle].last < address.value { low = middle + 1 } else { high = middle }
    }
    return low == high && addresses.ranges[low].first <= address.value
      && address.value <= addresses.ranges[low].last
  }
}
