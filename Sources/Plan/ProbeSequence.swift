// The order of probes: shards, passes, and the senders that share a shard.

import Wire

/// One probe of a target.
public struct Probe: Hashable, Sendable {
  public var address: IPv4Address
  public var port: Port
  /// The pass that the probe belongs to, from 0.
  public var pass: UInt8

  public init(_ target: Target, pass: UInt8) {
    address = target.address
    port = target.port
    self.pass = pass
  }
}

/// What a scope excludes of a plan that numbers all targets.
public struct DeniedTargets: Hashable, Sendable {
  public let addresses: AddressSet
  /// Targets of all shards together.
  public let inPlan: UInt64
  /// Targets of one shard.
  public let inShard: UInt64

  public static let none = DeniedTargets(addresses: AddressSet(), inPlan: 0, inShard: 0)
}

/// The probes of one shard, in the order in which they are sent.
///
/// Shard K of N has the targets at indices K, K + N, K + 2N, … of the permuted order. A pass probes each of them once.
public struct ProbeSequence: Sendable {
  public let plan: TargetPlan
  public let permutation: Permutation
  public let shard: Shard
  public let probes: ProbeCount
  /// The number of targets in this shard.
  public let targetCount: UInt64

  /// Creates a sequence. Traps if `plan` is empty.
  ///
  /// - Parameter maxTargets: the most targets of all shards together, like ZMap's `-n`.
  public init(
    plan: TargetPlan, seed: Seed, shard: Shard = .whole, probes: ProbeCount = .one,
    maxTargets: MaxTargets? = nil
  ) {
    self.plan = plan
    permutation = Permutation(count: plan.count, seed: seed.value)
    self.shard = shard
    self.probes = probes
    let limit = maxTargets?.limit(of: plan.count) ?? plan.count
    let index = UInt64(shard.index)
    targetCount = index < limit ? (limit - index - 1) / UInt64(shard.count) + 1 : 0
  }

  /// The number of probes in this shard, over all passes.
  public var count: UInt64 { targetCount * UInt64(probes.value) }

  /// The probe at a position. Traps unless the position is below `count`.
  public subscript(_ position: UInt64) -> Probe {
    precondition(position < count)
    let (pass, target) = position.quotientAndRemainder(dividingBy: targetCount)
    let index = UInt64(shard.index) + UInt64(shard.count) * target
    return Probe(plan.target(at: permutation(index)), pass: UInt8(truncatingIfNeeded: pass))
  }

  /// Returns whether a target is among those of this shard.
  public func contains(_ target: Target) -> Bool {
    guard let number = plan.number(of: target) else { return false }
    return targetCount == plan.count || hasNumber(number)
  }

  /// Returns whether the target with a number is among those of this shard.
  private func hasNumber(_ number: UInt64) -> Bool {
    let (place, index) = permutation.inverse(of: number).quotientAndRemainder(
      dividingBy: UInt64(shard.count))
    return index == UInt64(shard.index) && place < targetCount
  }

  /// Returns what a scope excludes of the targets; nil if `goesOn` ended it.
  public func denied(by scope: Scope, goesOn: (Int) -> Bool = { _ in true }) -> DeniedTargets? {
    let addresses = plan.addresses(deniedBy: scope)
    guard let count = targetCount(within: addresses, goesOn: goesOn) else { return nil }
    return DeniedTargets(
      addresses: addresses, inPlan: plan.targetCount(within: addresses), inShard: count)
  }

  /// Returns the number of this shard's targets whose addresses are in `denied`: by its own positions or by the numbers of
  /// the denied targets, whichever are fewer.
  ///
  /// - Parameter goesOn: asked every few thousand steps, with their number; false ends it.
  /// - Returns: nil if it was ended.
  public func targetCount(within denied: AddressSet, goesOn: (Int) -> Bool = { _ in true }) -> UInt64? {
    let all = plan.targetCount(within: denied)
    if targetCount == plan.count || all == 0 { return all }
    return all <= targetCount
      ? countByNumbers(within: denied, goesOn) : countByPositions(within: denied, goesOn)
  }

  private static let stepsAtOnce: UInt64 = 1 << 14

  private func countByNumbers(within denied: AddressSet, _ goesOn: (Int) -> Bool) -> UInt64? {
    var (count, isWanted) = (UInt64(0), true)
    plan.forEachNumberRange(within: denied) { numbers in
      var first = numbers.lowerBound
      while isWanted, first < numbers.upperBound {
        let end = min(numbers.upperBound, first + Self.stepsAtOnce)
        for number in first..<end where hasNumber(number) { count += 1 }
        isWanted = goesOn(Int(end - first))
        first = end
      }
    }
    return isWanted ? count : nil
  }

  private func countByPositions(within denied: AddressSet, _ goesOn: (Int) -> Bool) -> UInt64? {
    let filter = AddressFilter(denied)
    var (count, first) = (UInt64(0), UInt64(0))
    while first < targetCount {
      let end = min(targetCount, first + Self.stepsAtOnce)
      for place in first..<end {
        let index = UInt64(shard.index) + UInt64(shard.count) * place
        if filter.contains(plan.target(at: permutation(index)).address) { count += 1 }
      }
      guard goesOn(Int(end - first)) else { return nil }
      first = end
    }
    return count
  }

  /// Returns a cursor over the probes of one sender: those at positions from `start` on that are congruent to `thread`
  /// modulo `threads`. The cursors of all senders are disjoint, and together cover all positions from `start` on.
  public func cursor(from start: UInt64 = 0, thread: Int = 0, of threads: Int = 1) -> Cursor {
    precondition(thread >= 0 && thread < threads)
    let offset = (UInt64(threads) + UInt64(thread) - start % UInt64(threads)) % UInt64(threads)
    return Cursor(sequence: self, step: UInt64(threads), position: start + offset)
  }

  /// An iterator over the probes of one sender.
  public struct Cursor: Sendable {
    public let sequence: ProbeSequence
    /// The distance between the sender's positions.
    public let step: UInt64
    /// The position of the next probe; at least `sequence.count` at the end.
    ///
    /// This is the cursor's whole state. A scan can resume from the lowest position of all senders, with any number of
    /// them, once the probes before it are completed.
    public private(set) var position: UInt64

    fileprivate init(sequence: ProbeSequence, step: UInt64, position: UInt64) {
      self.sequence = sequence
      self.step = step
      self.position = position
    }

    public var isAtEnd: Bool { position >= sequence.count }

    /// Writes the next probes to the start of `out`, and returns their number: fewer than fit only at the end.
    public mutating func next(into out: inout MutableSpan<Probe>) -> Int {
      var filled = 0
      while filled < out.count, !isAtEnd { filled += nextBlock(into: &out, at: filled) }
      return filled
    }

    private static let blockSize = 128

    private mutating func nextBlock(into out: inout MutableSpan<Probe>, at filled: Int) -> Int {
      let (pass, target) = position.quotientAndRemainder(dividingBy: sequence.targetCount)
      let remainingInPass = (sequence.targetCount - target - 1) / step + 1
      let count = Int(min(remainingInPass, UInt64(min(Self.blockSize, out.count - filled))))
      let shards = UInt64(sequence.shard.count)
      var indices = InlineArray<128, UInt64>(repeating: 0)
      var span = indices.mutableSpan
      sequence.permutation.fill(
        &span, number: count, from: UInt64(sequence.shard.index) + shards * target,
        stride: shards * step)
      sequence.plan.probes(
        at: indices.span, number: count, pass: UInt8(truncatingIfNeeded: pass), into: &out, from: filled
      )
      position += UInt64(count) * step
      return count
    }
  }
}
