// The other direction of the segment table: from a target to its number.

import Wire

extension SegmentTable {
  /// Returns the number of a target; nil if the table does not have it. O(log n).
  func number(of target: Target) -> UInt64? {
    let address = target.address.value
    guard let index = rowIndex(of: address) else { return nil }
    let row = rows[index]
    let consecutive = row.startAndPorts & 0xffff
    let perAddress = consecutive > 0 ? consecutive : ports.count(of: row.portOrSet)
    let offset: UInt32
    if row.isListed {
      guard let place = listedIndex(of: address), place >= row.address else { return nil }
      offset = place - row.address
    } else {
      offset = address - row.address
    }
    let port = target.port.value
    let number: UInt64
    if consecutive > 0 {
      guard UInt32(port) >= row.portOrSet else { return nil }
      number = UInt64(UInt32(port) - row.portOrSet)
      guard number < consecutive else { return nil }
    } else {
      guard let found = ports.number(of: port, in: row.portOrSet) else { return nil }
      number = UInt64(found)
    }
    let result = row.start + UInt64(offset) * perAddress + number
    let end = index + 1 < rows.count ? rows[index + 1].start : count
    // Otherwise the address lies behind the row's last.
    return result < end ? result : nil
  }

  /// Returns the last row that begins at or before an address.
  private func rowIndex(of address: UInt32) -> Int? {
    var (low, high) = rowHalves.range(of: address, count: rows.count)
    while low < high {
      let middle = (low + high) / 2
      if firstAddress(of: rows[middle]) <= address { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? low - 1 : nil
  }

  /// Returns the place of an address among those that are listed.
  private func listedIndex(of address: UInt32) -> UInt32? {
    var (low, high) = listedHalves.range(of: address, count: listed.count)
    while low < high {
      let middle = (low + high) / 2
      if listed[middle] < address { low = middle + 1 } else { high = middle }
    }
    return low < listed.count && listed[low] == address ? UInt32(low) : nil
  }

  private func firstAddress(of row: Row) -> UInt32 { row.address(0, listed) }
}

/// Narrows a search among ascending addresses to those that share the upper half of the one sought: one step instead of
/// up to 16, most of which would miss the cache.
struct UpperHalves: Sendable {
  /// For each upper half, the first address that has it or a greater one; one more at the end. Empty if there are few
  /// addresses.
  private var firsts: [UInt32] = []

  /// A search among fewer takes hardly longer, and the index is 256 KiB.
  private static let fewAddresses = 4096

  /// - Parameter address: returns an address by its place.
  init(count: Int, address: (Int) -> UInt32) {
    guard count >= Self.fewAddresses else { return }
    firsts.reserveCapacity(1 << 16 + 1)
    var next = 0
    for upper in 0..<UInt32(1 << 16) {
      while next < count, address(next) >> 16 < upper { next += 1 }
      firsts.append(UInt32(next))
    }
    firsts.append(UInt32(count))
  }

  /// Returns the places among which the first address that is greater, or not less, than `address` is, or the end of which
  /// is that place.
  func range(of address: UInt32, count: Int) -> (low: Int, high: Int) {
    guard !firsts.isEmpty else { return (0, count) }
    let upper = Int(address >> 16)
    return (Int(firsts[upper]), Int(firsts[upper + 1]))
  }
}
