// A random-looking order of the targets that needs no memory.

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits in which every input bit
/// changes every output bit with a probability of about one half.
func mix64(_ value: UInt64) -> UInt64 {
  var value = value &+ 0x9e37_79b9_7f4a_7c15
  value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
  value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
  return value ^ value >> 31
}

/// A keyed bijection of 0 ..< count.
///
/// A Feistel network on pairs of a number below 2^k and one below m, with m × 2^k the least multiple that is
/// not below `count`; where it leaves the range it is walked again (Black and Rogaway, "Ciphers with Arbitrary
/// Finite Domains", 2002), which at about one index in the square root of `count` is all but free. It spreads
/// load over networks; it does not keep a secret. The order is part of every checkpoint: it must never change.
public struct Permutation: Sendable {
  public let count: UInt64
  public let seed: UInt64

  private static let rounds = 8
  /// One odd number and one other for each round.
  private let factors: InlineArray<8, UInt64>
  private let summands: InlineArray<8, UInt64>
  /// k: the lower part is of so many bits, half of those of `count`.
  private let lowBits: UInt64
  private let lowMask: UInt64
  /// To the right, from 64 bits to those of the lower part.
  private let lowShift: UInt64
  /// m: the upper part is below it.
  private let highCount: UInt64

  /// `count` is from 1 to 2^63; it traps otherwise.
  public init(count: UInt64, seed: UInt64) {
    precondition(count >= 1 && count <= 1 << 63)
    self.count = count
    self.seed = seed
    lowBits = max(1, (64 - UInt64((count - 1).leadingZeroBitCount)) / 2)
    lowMask = (1 << lowBits) - 1
    lowShift = 64 - lowBits
    highCount = (count - 1) >> lowBits + 1
    // Seeds that differ in one bit must not lead to related keys.
    let root = mix64(mix64(seed) ^ 0x7379_6e62_6f78)
    let key = { (number: Int) in mix64(root &+ UInt64(number) &* 0x9e37_79b9_7f4a_7c15) }
    factors = InlineArray { round in key(2 * round) | 1 }
    summands = InlineArray { round in key(2 * round + 1) }
  }

  /// Where `index`, below `count`, is taken to.
  public func callAsFunction(_ index: UInt64) -> UInt64 {
    precondition(index < count)
    var value = index
    repeat { value = forward(value) } while value >= count
    return value
  }

  /// The index that is taken to `value`, which is below `count`.
  public func inverse(of value: UInt64) -> UInt64 {
    precondition(value < count)
    var index = value
    repeat { index = backward(index) } while index >= count
    return index
  }

  /// Fills the first `number` places of `out` with where first, first + stride, first + 2 × stride, … are
  /// taken to. All of these must be below `count`; it traps otherwise.
  public func fill(
    _ out: inout MutableSpan<UInt64>, number: Int, from first: UInt64, stride: UInt64
  ) {
    if number == 0 { return }
    precondition(number <= out.count && first < count)
    precondition(number == 1 || stride <= (count - 1 - first) / UInt64(number - 1))
    var index = first
    for place in 0..<number {
      // Nothing here waits for anything else, so that the processor overlaps the steps.
      var value = forward(index)
      while value >= count { value = forward(value) }
      out[place] = value
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

  /// A number below `highCount` (Lemire, "Fast Random Integer Generation in an Interval", 2019).
  @inline(__always)
  private func highPart(_ value: UInt64, _ round: Int) -> UInt64 {
    mix(value, round).multipliedFullWidth(by: highCount).high
  }

  /// The round function; its upper bits depend on all of `value`. Multiply-shift hashing (Dietzfelbinger and
  /// others, "A Reliable Randomized Algorithm for the Closest-Pair Problem", 1997): each round's values for
  /// two inputs are all but independent, and a round costs one multiplication.
  @inline(__always)
  private func mix(_ value: UInt64, _ round: Int) -> UInt64 {
    value &* factors[round] &+ summands[round]
  }
}
