// Allow and deny lists.
import Plan

extension FuzzTarget {
  /// The result is an error with a place in the file, or exactly the addresses that the reference parser finds. An
  /// empty list is an error, so that a truncated deny list does not allow everything.
  static let addressList = FuzzTarget("address-list", maximumLength: 512) { bytes in
    let mistakes = AddressList.check(bytes.span, name: "f")
    for mistake in mistakes { try mistake.requirePlace(in: bytes) }
    let set: AddressSet
    do throws(InputError) {
      set = try AddressList.parse(bytes, name: "f")
    } catch {
      return try require(mistakes.first == error, "\(mistakes) but \(error)")
    }
    try require(mistakes.isEmpty && !set.isEmpty, "\(mistakes)")
    let (entries, directives) = try plainLines(bytes)
    try require(directives.isEmpty && entries.allSatisfy { $0.ports == nil }, "no list of addresses")
    try require(set == plainAddresses(entries), "\(set.ranges), expected \(entries)")
    // The complement and the set are disjoint, and their union is everything.
    let rest = AddressSet.all.subtracting(set)
    try require(rest.intersection(set).isEmpty && rest.union(set) == .all, "\(set.ranges)")
    try require(rest.count + set.count == 1 << 32, "\(rest.count) + \(set.count)")
  }
}
