// Which probe comes when: shards, repeated passes, and the threads that share the work.

import Wire

/// One probe.
public struct Probe: Hashable, Sendable {
  public var address: IPv4Address
  public var port: Port
  /// From 0: which of the probes of this target.
  public var pass: UInt8

  public init(_ target: Target, pass: UInt8) {
    address = target.address
    port = target.port
    self.pass = pass
  }
}

/// All probes of one shard of a scan, in the order in which they are sent.
///
/// The targets of shard K of N are those at places K, K + N, K + 2N, … of the permuted order; all of them
/// are probed once before any is probed again.
public struct ProbeSequence: Sendable {
  public let plan: TargetPlan
  public let permutation: Permutation
  public let shard: Shard
  public let probes: ProbeCount
  /// Targets of this shard.
  public let targetCount: UInt64

  /// `maxTargets` limits the targets of all shards together, as ZMap's -n does. Traps if `plan` is empty.
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

  /// Probes of this shard.
  public var count: UInt64 { targetCount * UInt64(probes.value) }

  /// The probe at the given place, below `count`.
  public subscript(_ place: UInt64) -> Probe {
    precondition(place < count)
    let (pass, target) = place.quotientAndRemainder(dividingBy: targetCount)
    let index = UInt64(shard.index) + UInt64(shard.count) * target
    return Probe(plan.target(at: permutation(index)), pass: UInt8(truncatingIfNeeded: pass))
  }

  /// The probes of thread `thread` of `threads`: those at places that leave `thread` when divided by
  /// `threads`, from `start` on. The threads' probes are disjoint and together all from `start` on.
  public func cursor(from start: UInt64 = 0, thread: Int = 0, of threads: Int = 1) -> Cursor {
    precondition(thread >= 0 && thread < threads)
    let behind = (UInt64(threads) + UInt64(thread) - start % UInt64(threads)) % UInt64(threads)
    return Cursor(sequence: self, step: UInt64(threads), position: start + behind)
  }

  /// Goes through the probes of one thread.
  public struct Cursor: Sendable {
    public let sequence: ProbeSequence
    /// How far on the thread's next place is.
    public let step: UInt64
    /// The place of the next probe in the sequence; the whole state. Not below `sequence.count` at the
    /// end. A scan whose threads have all completed what lies before their positions can go on from the
    /// lowest of these, with any number of threads.
    public private(set) var position: UInt64

    fileprivate init(sequence: ProbeSequence, step: UInt64, position: UInt64) {
      self.sequence = sequence
      self.step = step
      self.position = position
    }

    public var isAtEnd: Bool { position >= sequence.count }

    /// Writes the next probes to the start of `out` and says how many: fewer than fit only at the end.
    public mutating func next(into out: inout MutableSpan<Probe>) -> Int {
      var filled = 0
      while filled < out.count, !isAtEnd { filled += nextBlock(into: &out, at: filled) }
      return filled
    }

    private static let blockSize = 128

    private mutating func nextBlock(into out: inout MutableSpan<Probe>, at filled: Int) -> Int {
      let (pass, target) = position.quotientAndRemainder(dividingBy: sequence.targetCount)
      let leftInPass = (sequence.targetCount - target - 1) / step + 1
      let count = Int(min(leftInPass, UInt64(min(Self.blockSize, out.count - filled))))
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
