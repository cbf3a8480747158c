// What a collector knows of one scan: two bytes for each shard, and sums.

/// The state of one scan's shards.
struct ScanState: Sendable {
  enum Stage: UInt8, Sendable {
    case open, assigned, accepted, failed
  }

  let description: ScanDescription
  let id: Digest
  /// The blob with the signed description.
  let blob: Digest
  var saved: CollectorMachine.SavedScan
  /// nil until the target files have been parsed.
  var facts: CollectorMachine.PlanFacts?
  /// Why the scan cannot be worked on.
  var mistake: String?
  private(set) var stages: [Stage]
  /// Assignments of each shard since its `done` grew.
  private(set) var attempts: [UInt8]
  /// Every shard from here on is open, unless it was taken back by a claim.
  private var next: UInt32 = 0
  /// Shards before `next` that became open again.
  private var returned: [UInt32] = []
  private(set) var acceptedCount: UInt32 = 0
  private(set) var failedCount: UInt32 = 0
  private(set) var assignedCount: UInt32 = 0
  private(set) var rows: UInt64 = 0
  private(set) var targets: UInt64 = 0
  private(set) var targetsDenied: UInt64 = 0
  private(set) var targetsUnexplained: UInt64 = 0
  /// Boxes that get no more shards of this scan, and why.
  var excluded: [BoxName: String] = [:]
  /// Boxes whose own scope is narrower than the scan.
  var narrow: Set<BoxName> = []
  var voidCounts: [BoxName: Int] = [:]
  /// Shards of which a box's results did not count.
  var voided: Set<ShardOfBox> = []

  struct ShardOfBox: Hashable, Sendable {
    let shard: UInt32
    let box: BoxName
  }

  init(_ description: ScanDescription, _ saved: CollectorMachine.SavedScan, blob: Digest) {
    self.description = description
    id = description.id
    self.blob = blob
    self.saved = saved
    stages = Array(repeating: .open, count: Int(description.shards))
    attempts = Array(repeating: 0, count: Int(description.shards))
  }

  var isComplete: Bool { acceptedCount == description.shards }
  var isActive: Bool { !isComplete && !saved.isCancelled && mistake == nil }

  func stage(of shard: UInt32) -> Stage? {
    shard < description.shards ? stages[Int(shard)] : nil
  }

  /// Probes per second of all boxes together, so that no /24 gets more than its maximum.
  var rate: UInt64 {
    guard let most = description.maximumRatePer24, let facts, facts.mostPer24 > 0 else {
      return description.rate
    }
    let (high, low) = most.multipliedFullWidth(by: facts.targetCount)
    guard high < facts.mostPer24 else { return description.rate }
    let bound = facts.mostPer24.dividingFullWidth((high, low)).quotient
    return min(description.rate, max(1, bound))
  }

  /// Returns an open shard that `suits`, and makes it assigned; nil if there is none.
  mutating func take(_ suits: (UInt32) -> Bool) -> UInt32? {
    // Shards that were returned first, because they have waited.
    for (index, shard) in returned.enumerated() {
      guard stages[Int(shard)] == .open else { continue }
      guard suits(shard) else { continue }
      returned.removeSubrange(index...index)
      assign(shard)
      return shard
    }
    while next < description.shards {
      let shard = next
      next += 1
      guard stages[Int(shard)] == .open else { continue }
      guard suits(shard) else {
        returned.append(shard)
        continue
      }
      assign(shard)
      return shard
    }
    return nil
  }

  private mutating func assign(_ shard: UInt32) {
    change(shard, to: .assigned)
    attempts[Int(shard)] = min(attempts[Int(shard)], 254) + 1
  }

  /// A box that has it on its disk takes an open or failed shard.
  mutating func takeBack(_ shard: UInt32) { change(shard, to: .assigned) }

  mutating func progressed(_ shard: UInt32) { attempts[Int(shard)] = 0 }

  /// Nobody holds an assigned shard any more.
  mutating func release(_ shard: UInt32, mostAttempts: UInt8) {
    guard stages[Int(shard)] == .assigned else { return }
    if attempts[Int(shard)] >= mostAttempts {
      change(shard, to: .failed)
    } else {
      change(shard, to: .open)
      if shard < next { returned.append(shard) }
    }
    if returned.count > 2 * stages.count + 64 { compact() }
  }

  /// Failed shards may be tried again.
  mutating func retryFailed() -> Int {
    let failed = stages.indices.filter { stages[$0] == .failed }
    for index in failed {
      attempts[index] = 0
      change(UInt32(index), to: .open)
      if UInt32(index) < next { returned.append(UInt32(index)) }
    }
    return failed.count
  }

  private mutating func compact() {
    var seen: Set<UInt32> = []
    returned = returned.filter { stages[Int($0)] == .open && seen.insert($0).inserted }
  }

  mutating func accept(_ entry: LedgerEntry) {
    guard entry.shard.number < description.shards,
      stages[Int(entry.shard.number)] != .accepted
    else { return }
    change(entry.shard.number, to: .accepted)
    rows += entry.rows
    targets += entry.targets
    targetsDenied += entry.targetsDenied
    targetsUnexplained += entry.targetsUnexplained
  }

  private mutating func change(_ shard: UInt32, to stage: Stage) {
    let old = stages[Int(shard)]
    stages[Int(shard)] = stage
    for (which, sign) in [(old, -1), (stage, 1)] {
      switch which {
      case .open: break
      case .assigned: assignedCount = UInt32(Int(assignedCount) + sign)
      case .accepted: acceptedCount = UInt32(Int(acceptedCount) + sign)
      case .failed: failedCount = UInt32(Int(failedCount) + sign)
      }
    }
  }
}
