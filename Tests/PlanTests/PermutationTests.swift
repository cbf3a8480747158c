import Plan
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A permutation` {
  @Test func `contains every number exactly once, for every small count`() {
    for count in 1...2048 as ClosedRange<UInt64> {
      let permutation = Permutation(count: count, seed: count &* 0x1234_5678_9abc_def1)
      var seen = [Bool](repeating: false, count: Int(count))
      for index in 0..<count {
        let value = permutation(index)
        guard value < count, !seen[Int(value)], permutation.inverse(of: value) == index else {
          Issue.record("count \(count), index \(index)")
          return
        }
        seen[Int(value)] = true
      }
    }
  }

  @Test(arguments: [4095, 4096, 4097, 32767, 32768, 32769, 65535, 65536, 65537] as [UInt64])
  func `contains every number exactly once for counts around powers of two`(count: UInt64) {
    let permutation = Permutation(count: count, seed: 7)
    #expect(Set((0..<count).map { permutation($0) }).count == Int(count))
    #expect((0..<count).allSatisfy { permutation(permutation.inverse(of: $0)) == $0 })
  }

  @Test(
    arguments: [
      (1 << 32) - 1, 1 << 32, (1 << 32) + 1, (1 << 48) - 1, 1 << 48, (1 << 48) + 1, (1 << 63) - 1,
      1 << 63, 65535 << 32,
    ] as [UInt64])
  func `of a large count stays in range and agrees with its inverse`(count: UInt64) {
    var random = SeededGenerator(count)
    let permutation = Permutation(count: count, seed: 99)
    let ends = [0, 1, count - 2, count - 1]
    for index in ends + (0..<20_000).map({ _ in UInt64.random(in: 0..<count, using: &random) }) {
      let value = permutation(index)
      guard value < count, permutation.inverse(of: value) == index,
        permutation(permutation.inverse(of: index)) == index
      else {
        Issue.record("count \(count), index \(index)")
        return
      }
    }
  }

  @Test func `has the same order for the same seed, and another order for another seed`() {
    let order = { (seed: UInt64) in
      let permutation = Permutation(count: 10_000, seed: seed)
      return (0..<10_000).map { permutation($0) }
    }
    #expect(order(1) == order(1))
    for other in [0, 2, 3, 1 << 63, .max] as [UInt64] {
      // Two random orders agree in about one position.
      #expect(zip(order(1), order(other)).count { $0 == $1 } < 10)
    }
  }

  @Test(arguments: [1, 2, 3, 255, 256, 257, 1000])
  func `returns the same values one by one and in bulk`(number: Int) {
    for (count, stride) in [(1_000, 1), (1_025, 1), (70_000, 69), (1 << 40 + 1, 12_345)]
      as [(UInt64, UInt64)]
    {
      let permutation = Permutation(count: count, seed: 5)
      var out = [UInt64](repeating: 0, count: number)
      var span = out.mutableSpan
      permutation.fill(&span, number: number, from: 0, stride: stride)
      #expect(out == (0..<UInt64(number)).map { permutation($0 * stride) })
    }
  }

  @Test func `maps adjacent indices independently`() {
    // A flipped bit of the index should flip each bit of the result with a probability of one half.
    var random = SeededGenerator(3)
    let permutation = Permutation(count: 1 << 32, seed: 11)
    for bit in 0..<32 as Range<UInt64> {
      var flips = [Int](repeating: 0, count: 32)
      let trials = 4_000
      for _ in 0..<trials {
        let index = UInt64.random(in: 0..<1 << 32, using: &random)
        let difference = permutation(index) ^ permutation(index ^ 1 << bit)
        for out in 0..<32 where difference >> UInt64(out) & 1 == 1 { flips[out] += 1 }
      }
      // Five standard deviations of 4000 coin tosses are 158.
      #expect(flips.allSatisfy { abs($0 - trials / 2) < 180 }, "bit \(bit): \(flips)")
    }
  }

  @Test func `spreads its first per cent evenly over the networks`() {
    // masscan#505: some networks got many probes early, others none. A /12 has 4096 networks of 256.
    let permutation = Permutation(count: 1 << 20, seed: 42)
    var perNetwork = [Int](repeating: 0, count: 4096)
    let first = 1 << 20 / 100
    for index in 0..<UInt64(first) { perNetwork[Int(permutation(index) >> 8)] += 1 }
    let mean = Double(first) / 4096
    let variance = perNetwork.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 4096
    // Like random draws: a variance of about the mean (a little less, because no number is drawn twice).
    #expect(variance / mean > 0.9 && variance / mean < 1.1, "\(variance / mean)")
    #expect(perNetwork.max()! < 14)
  }

  @Test func `has uncorrelated successive values`() {
    let count: UInt64 = 1 << 24
    let permutation = Permutation(count: count, seed: 1)
    let number = 100_000
    let values = (0..<UInt64(number)).map { Double(permutation($0)) / Double(count) - 0.5 }
    let product = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    let square = values.reduce(0) { $0 + $1 * $1 }
    #expect(abs(product / square) < 0.016)
  }

  @Test func `keeps its order from version to version`() {
    // Checkpoints store positions of this order: another order would make every interrupted job skip targets.
    let orders = [(10, 0), (1 << 32, 1), (65535 << 32, 0x0123_4567_89ab_cdef)] as [(UInt64, UInt64)]
    let values = orders.map { count, seed in
      let permutation = Permutation(count: count, seed: seed)
      return (0..<5).map { permutation($0) }
    }
    #expect(values == golden)
  }

  private let golden: [[UInt64]] = [
    [4, 5, 7, 2, 3],
    [1_478_721_691, 2_742_249_159, 1_896_695_606, 2_934_137_126, 931_369_600],
    [
      160_845_069_053_085, 29_569_027_306_474, 140_270_302_997_976, 278_567_435_164_585,
      198_966_510_739_866,
    ],
  ]
}
