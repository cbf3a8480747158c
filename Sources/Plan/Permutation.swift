// The permutation: a pseudorandom order of the targets that needs no memory.

/// Returns the finaliser of SplitMix64 (Steele, Lea and Flood, 2014): a bijection of 64 bits in which every input bit
/// flips every output bit with a probability of about one half.
func mix64(_ value: UInt64) -> UInt64 {
  var value = value &+ 0x9e37_79b9_7f4a_7c15
  value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
  value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
  return value ^ value >> 31
}

/// A keyed bijection of 0 ..< count.
///
/// A Feistel network on pairs of a number below m and one below 2^k, where m × 2^k is the least such product of at least
/// `count`. A result that is not below `count` is permuted again (cycle walking; Black and Rogaway, "Ciphers with
/// Arbitrary Finite Domains", 2002), which is rare. It spreads the load over networks; it is no cipher.
///
/// Checkpoints store positions of this order, so it must never change.
public struct Permutation: Sendable {
  public let count: UInt64
  public let seed: UInt64

  private static let rounds = 8
  /// For each round, the odd multiplier and the summand of its hash function.
  private let factors: InlineArray<8, UInt64>
  private let summands: InlineArray<8, UInt64>
  /// k, the bits of the lower part: half of those of `count`.
  private let lowBits: UInt64
  private let lowMask: UInt64
  /// The shift from 64 bits to k bits.
  private let lowShift: UInt64
  /// m, the bound of the upper part.
  private let highCount: UInt64

  /// Creates a permutation. Traps unless `count` is from 1 to 2^63.
  public init(count: UInt64, seed: UInt64) {
    precondition(count >= 1 && count <= 1 << 63)
    self.count = count
    self.seed = seed
    lowBits = max(1, (64 - UInt64((count - 1).leadingZeroBitCount)) / 2)
    lowMask = (1 << lowBits) - 1
    lowShift = 64 - lowBits
    highCount = (count - 1) >> lowBits + 1
    // Mixed twice, so that seeds that differ in one bit give unrelated keys.
    let root = mix64(mix64(seed) ^ 0x7379_6e62_6f78)
    let key = { (number: Int) in mix64(root &+ UInt64(number) &* 0x9e37_79b9_7f4a_7c15) }
    factors = InlineArray { round in key(2 * round) | 1 }
    summands = InlineArray { round in key(2 * round + 1) }
  }

  /// Returns the value at `index`. Traps unless `index` is below `count`.
  public func callAsFunction(_ index: UInt64) -> UInt64 {
    precondition(index < count)
    var value = index
    repeat { value = forward(value) } while value >= count
    return value
  }

  /// Returns the index of `value`. Traps unless `value` is below `count`.
  public func inverse(of value: UInt64) -> UInt64 {
    precondition(value < count)
    var index = value
    repeat { index = backward(index) } while index >= count
    return index
  }

  /// Writes the values at first, first + stride, first + 2 × stride, … to the first `number` elements of `out`. Traps
  /// unless all these indices are below `count`.
  public func fill(
    _ out: inout MutableSpan<UInt64>, number: Int, from first: UInt64, stride: UInt64
  ) {
    if number == 0 { return }
    precondition(number <= out.count && first < count)
    precondition(number == 1 || stride <= (count - 1 - first) / UInt64(number - 1))
    var index = first
    for offset in 0..<number {
      // The iterations are independent, so the processor overlaps them.
      var value = forward(index)
      while value >= count { value = forward(value) }
      out[offset] = value
      index &+= stride
    }
  }

  @inline(__always)
  private func forward(_ value: UInt64) -> UInt64 {
    var high = value &>> lowBits
    var low = value & lowMask
    for round in stride(from: 0, to: Self.rounds, by: 2) {
      let sum = high &+ highPart(low, round)
      high = sum >= highCount ? sum &- highCount : sum
      low ^= mix(high, round + 1) &>> lowShift
    }
    return high &<< lowBits | low
  }

  @inline(__always)
  private func backward(_ value: UInt64) -> UInt64 {
    var high = value &>> lowBits
    var low = value & lowMask
    for round in stride(from: Self.rounds - 2, through: 0, by: -2) {
      low ^= mix(high, round + 1) &>> lowShift
      let part = highPart(low, round)
      high = high >= part ? high &- part : high &+ highCount &- part
    }
    return high &<< lowBits | low
  }

  /// Returns a number below `highCount` (Lemire, "Fast Random Integer Generation in an Interval", 2019).
  @inline(__always)
  private func highPart(_ value: UInt64, _ round: Int) -> UInt64 {
    mix(value, round).multipliedFullWidth(by: highCount).high
  }

  /// Returns a hash of `value` whose upper bits depend on all of its bits: multiply-shift hashing (Dietzfelbinger and
  /// others, "A Reliable Randomized Algorithm for the Closest-Pair Problem", 1997), at one multiplication a round.
  @inline(__always)
  private func mix(_ value: UInt64, _ round: Int) -> UInt64 {
    value &* factors[round] &+ summands[round]
  }
}
