// Allow and deny lists.
import Plan

extension FuzzTarget {
  /// A mistake within the file, or exactly the addresses that a second reading finds; an empty list is none, so
  /// that one that was cut off does not let everything through.
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
    // Complement and union take it apart and put it together again.
    let rest = AddressSet.all.subtracting(set)
    try require(rest.intersection(set).isEmpty && rest.union(set) == .all, "\(set.ranges)")
    try require(rest.count + set.count == 1 << 32, "\(rest.count) + \(set.count)")
  }
}
