// Who works on which shard.

extension CollectorMachine {
  /// Whether a box may get or keep shards of a scan.
  func suits(_ box: BoxName, _ scan: ScanState, _ now: UInt64) -> Bool {
    scan.excluded[box] == nil && (!scan.narrow.contains(box) || allAreNarrow(scan, now))
  }

  /// Whether every live box has been found to have a narrower scope: then no better results exist. A collector that has just
  /// started waits until the others could have been heard.
  func allAreNarrow(_ scan: ScanState, _ now: UInt64) -> Bool {
    guard now - startedAt >= settings.scopePatience else { return false }
    return heard.allSatisfy { instance, heard in
      now - heard.at >= settings.scopePatience || scan.narrow.contains(instance.box)
        || boxes[instance.box]?.standing != .approved || scan.excluded[instance.box] != nil
    }
  }

  /// Whether shards of a scan may be assigned now.
  func isAssignable(_ scan: ScanState) -> Bool {
    scan.isActive && scan.facts != nil && date <= scan.description.notAfter
      && deny.map { $0.object.sequence >= scan.description.denySequence } ?? false
  }

  /// Extends the lease of a claimed shard, or takes a free one back.
  mutating func renew(_ claim: Claim, _ me: BoxInstance, _ now: UInt64) {
    let shard = claim.shard
    guard let index = scanIndex[shard.scan], scans[index].isActive,
      let stage = scans[index].stage(of: shard.number)
    else { return }
    switch stage {
    case .accepted: return
    case .assigned:
      guard var assignment = assignments[shard] else { return }
      if isSuccessor(me, of: assignment.holder) {
        move(shard, to: me)
        assignment.holder = me
      }
      guard assignment.holder == me else { return }
      assignment.until = now + settings.leaseTTL
      if claim.done > assignment.done {
        assignment.done = claim.done
        heard[me]?.progressedAt = now
        scans[index].progressed(shard.number)
      }
      assignments[shard] = assignment
    case .failed where claim.done == 0: return
    case .open, .failed:
      guard suits(me.box, scans[index], now), heard[me].map({ $0.stalledUntil <= now }) ?? false
      else { return }
      scans[index].takeBack(shard.number)
      hold(shard, me, now, done: claim.done)
    }
  }

  /// Whether a box was started again with the same disk: nothing was heard of the earlier instance since. A copy of a disk
  /// beside the original looks the same for one hello, which may cost work, never exactness.
  private func isSuccessor(_ me: BoxInstance, of holder: BoxInstance) -> Bool {
    guard holder.box == me.box, holder != me, let since = heard[me]?.since else { return false }
    return heard[holder].map { $0.at < since } ?? true
  }

  private mutating func move(_ shard: ShardID, to me: BoxInstance) {
    guard let holder = assignments[shard]?.holder else { return }
    holdings[holder]?.remove(shard)
    if holdings[holder]?.isEmpty == true { holdings[holder] = nil }
    assignments[shard]?.holder = me
    holdings[me, default: []].insert(shard)
  }

  mutating func hold(_ shard: ShardID, _ me: BoxInstance, _ now: UInt64, done: UInt64 = 0) {
    assignments[shard] = Assignment(holder: me, until: now + settings.leaseTTL, done: done)
    holdings[me, default: []].insert(shard)
  }

  /// Gives a box as many more shards as it wants, from the oldest scan that has some.
  mutating func assign(_ hello: Hello, _ me: BoxInstance, _ now: UInt64) {
    guard heard[me].map({ $0.stalledUntil <= now }) ?? false else { return }
    var known = Set(hello.claims.map(\.shard))
    known.formUnion(hello.finished.map(\.shard))
    let held = holdings[me] ?? []
    // Those that an earlier answer named and the box does not know of yet.
    let unknown = held.subtracting(known).count
    var wanted = min(hello.wants - unknown, settings.mostShardsPerBox - held.count)
    for index in scans.indices where wanted > 0 {
      guard isAssignable(scans[index]), suits(me.box, scans[index], now) else { continue }
      let voided = scans[index].voided
      while wanted > 0 {
        let shard = scans[index].take {
          !voided.contains(ScanState.ShardOfBox(shard: $0, box: me.box))
        }
        guard let shard else { break }
        hold(ShardID(scan: scans[index].id, number: shard), me, now)
        wanted -= 1
      }
    }
  }

  /// Takes a shard from whoever holds it. It becomes open, or failed after too many attempts.
  mutating func release(_ shard: ShardID, _ effects: inout [Effect]) {
    guard let assignment = assignments.removeValue(forKey: shard) else { return }
    holdings[assignment.holder]?.remove(shard)
    if holdings[assignment.holder]?.isEmpty == true { holdings[assignment.holder] = nil }
    guard let index = scanIndex[shard.scan] else { return }
    scans[index].release(shard.number, mostAttempts: settings.mostAttempts)
    if scans[index].stage(of: shard.number) == .failed {
      effects.append(
        .log(
          "shard \(shard) has failed: assigned \(settings.mostAttempts) times without progress, last to \(assignment.holder.box)"
        ))
    }
  }

  /// A box cannot scan a shard: it gets no more of that scan.
  mutating func reject(
    _ rejection: Rejection, _ me: BoxInstance, _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard let index = scanIndex[rejection.shard.scan] else { return }
    if scans[index].excluded[me.box] == nil { exclude(me.box, from: index, rejection.reason, &effects) }
    if assignments[rejection.shard]?.holder == me { release(rejection.shard, &effects) }
  }

  /// Gives a box nothing more of a scan, and its shards of it to others: what it claims would keep them.
  mutating func exclude(
    _ box: BoxName, from index: Int, _ reason: String, _ effects: inout [Effect]
  ) {
    scans[index].excluded[box] = reason
    effects.append(.log("box \(box) gets no more of scan \(scans[index].id.short): \(reason)"))
    let held = holdings.filter { $0.key.box == box }.flatMap(\.value).sorted()
    for shard in held
    where shard.scan == scans[index].id && verifying[shard] == nil && accepting[shard] == nil {
      release(shard, &effects)
    }
  }

  /// Frees shards whose lease has ended, and forgets boxes that were not heard for an hour.
  mutating func sweep(_ now: UInt64, _ effects: inout [Effect]) {
    guard now >= lastSweep + 1_000_000_000 else { return }
    lastSweep = now
    for (shard, assignment) in assignments where assignment.until <= now {
      // Results that are being checked decide first.
      if verifying[shard] == nil, accepting[shard] == nil { release(shard, &effects) }
    }
    for (box, heard) in heard
    where holdings[box] != nil && heard.needsRate && now - heard.progressedAt > settings.stallTime {
      effects.append(.log("box \(box.box) made no progress: others get its shards"))
      let until = now + settings.stallTime
      self.heard[box]?.stalledUntil = until
      self.heard[box]?.needsRate = false
      for shard in (holdings[box] ?? []).sorted()
      where verifying[shard] == nil && accepting[shard] == nil { release(shard, &effects) }
    }
    for (box, heard) in heard
    where now - heard.at > 3_600_000_000_000 && holdings[box] == nil
      && self.heard.keys.contains(where: { $0.box == box.box && $0 != box })
    {
      self.heard[box] = nil
    }
  }
}
