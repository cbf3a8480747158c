// Writes a target file and deny lists like those of a large inventory, from a fixed seed.
import Kernel
import Plan
import Scan
import TestSupport
import Wire

/// A file of single addresses in random order, and lists of prefixes from /28 to /32 that cover some of them.
struct InventoryFiles {
  /// 16.0.0.0/5, so wide that adjacent addresses are rare.
  private static let first: UInt32 = 0x1000_0000
  private static let size: UInt64 = 1 << 27

  let directory: String
  let addresses: Int
  let prefixes: Int

  var targets: String { "\(directory)/targets.txt" }
  /// The deny list at the start.
  var deny: String { "\(directory)/deny.txt" }
  /// A deny list of twice as many prefixes.
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
    for index in 0..<UInt64(number) {
      text.append(IPv4Address(Self.first + UInt32(order(index)) << 4))
      text.append(text: "/\(Int.random(in: 28...32, using: &random))\n")
    }
    return text
  }
}
