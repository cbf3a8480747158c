// A target file and deny lists as an operator of a large inventory has them, made from a seed.
import Kernel
import Plan
import Scan
import TestSupport
import Wire

/// Files of single addresses in no order, and of prefixes from /28 to /32 among these.
struct InventoryFiles {
  /// 16.0.0.0/5: so wide that hardly any address has its neighbour in the list.
  private static let first: UInt32 = 0x1000_0000
  private static let size: UInt64 = 1 << 27

  let directory: String
  let addresses: Int
  let prefixes: Int

  var targets: String { "\(directory)/targets.txt" }
  /// The list that the box starts with.
  var deny: String { "\(directory)/deny.txt" }
  /// That list, and as many prefixes again.
  var denyMore: String { "\(directory)/deny-more.txt" }

  func write() throws {
    let order = Permutation(count: Self.size, seed: 1)
    var text: [UInt8] = []
    text.reserveCapacity(16 * addresses)
    for number in 0..<UInt64(addresses) {
      text.append(IPv4Address(Self.first + UInt32(order(number))))
      text.append(UInt8(ascii: "\n"))
    }
    try Files.replace(targets, with: text, durable: false)
    try Files.replace(deny, with: list(prefixes), durable: false)
    try Files.replace(denyMore, with: list(2 * prefixes), durable: false)
  }

  private func list(_ number: Int) -> [UInt8] {
    let order = Permutation(count: Self.size >> 4, seed: 2)
    var random = SeededGenerator(3)
    var text: [UInt8] = []
    text.reserveCapacity(20 * number)
    for place in 0..<UInt64(number) {
      text.append(IPv4Address(Self.first + UInt32(order(place)) << 4))
      text.append(text: "/\(Int.random(in: 28...32, using: &random))\n")
    }
    return text
  }
}
