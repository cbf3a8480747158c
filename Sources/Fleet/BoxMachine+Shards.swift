// From a shard in a licence to a job in the spool, and what the data directory says of it.

extension BoxMachine {
  /// Cancels the jobs that were claimed and are not in the answer: others have their shards.
  mutating func obey(_ hold: [ShardID], claimed: Set<ShardID>, _ effects: inout [Effect]) {
    let held = Set(hold)
    for shard in claimed.subtracting(held).sorted() {
      switch jobs?[shard]?.stage {
      case .queued, .active:
        guard cancelled.insert(shard).inserted else { continue }
        effects.append(.cancel(shard.jobName))
        effects.append(.log("shard \(shard) is another box's now: cancelling its job"))
      default: break
      }
    }
    rejections = rejections.filter { held.contains($0.key) || jobs?[$0.key] != nil }
  }

  mutating func submitShards(_ now: UInt64, _ effects: inout [Effect]) {
    guard let current else { return }
    for reference in current.licence.scans where scans[reference.scan] == nil {
      // Known by its ID alone once it is fetched, so another blob cannot pass for it.
      _ = need(reference.blob, limit: UInt64(SignedObject.largest), now, anew: true)
    }
    guard let jobs, scanner.licence != nil, now < current.expires else { return }
    for shard in current.licence.hold where jobs[shard] == nil && rejections[shard] == nil {
      switch submissions[shard] {
      case .running: continue
      case .failed(let backoff) where !backoff.isDue(at: now): continue
      default: break
      }
      guard let scan = scans[shard.scan], isReady(shard, scan, now, &effects) else { continue }
      submissions[shard] = .running
      effects.append(
        .submit(
          Submission(
            shard: shard, name: shard.jobName,
            directives: scan.description.directives(shard: shard.number),
            blobs: scan.description.targets.map(\.digest))))
    }
  }

  private mutating func isReady(
    _ shard: ShardID, _ scan: KnownScan, _ now: UInt64, _ effects: inout [Effect]
  ) -> Bool {
    let description = scan.description
    guard shard.number < description.shards else {
      rejections[shard] = "the scan has \(description.shards) shards"
      return false
    }
    if let date, date > description.notAfter {
      rejections[shard] = "the scan's time has passed (not_after)"
      return false
    }
    var isHere = true
    for target in description.targets where !need(target.digest, limit: target.size, now) {
      isHere = false
    }
    guard isHere else { return false }
    switch scan.plan {
    case .unchecked:
      scans[shard.scan]?.plan = .checking
      effects.append(.checkPlan(shard.scan, description))
      return false
    case .checking: return false
    case .wrong(let mistake):
      rejections[shard] = mistake
      return false
    case .right: return state.denySequence >= description.denySequence
    }
  }

  mutating func takePlan(_ scan: Digest, _ mistake: String?, _ effects: inout [Effect]) {
    scans[scan]?.plan = mistake.map { .wrong(FleetError.shown($0, limit: 200)) } ?? .right
    if let mistake {
      effects.append(.log("scan \(scan.short): \(FleetError.shown(mistake, limit: 200))"))
    }
  }

  mutating func missSubmission(
    _ shard: ShardID, _ reason: String, _ now: UInt64, _ effects: inout [Effect]
  ) {
    var backoff = Backoff()
    if case .failed(let earlier) = submissions[shard] { backoff = earlier }
    backoff.fail(at: now)
    submissions[shard] = .failed(backoff)
    effects.append(.log("shard \(shard) cannot be submitted: \(FleetError.shown(reason, limit: 200))"))
  }

  // MARK: The data directory

  mutating func takeListing(_ listing: [JobOnDisk], _ now: UInt64, _ effects: inout [Effect]) {
    lastListing = listing
    adopt(listing)
    for (shard, job) in (jobs ?? [:]).sorted(by: { $0.key < $1.key }) {
      submissions[shard] = nil
      switch job.stage {
      case .rejected(let reason): rejections[shard] = FleetError.shown(reason, limit: 200)
      case .finished(let outcome):
        guard let incomplete = outcome.incomplete, !job.hasReceipt else { continue }
        if !cancelled.contains(shard), held.contains(shard) {
          rejections[shard] = "its job ended early: \(FleetError.shown(incomplete, limit: 100))"
        } else {
          effects.append(.discard(job.name))
          jobs?[shard] = nil
        }
      case .queued, .active: break
      }
    }
    let listed = Set((jobs ?? [:]).keys)
    cancelled.formIntersection(listed)
    deliveries = deliveries.filter { listed.contains($0.key) }
    removeBlobs(&effects)
  }

  /// Finds the shards of the jobs on disk, as far as their scans are known.
  mutating func adopt(_ listing: [JobOnDisk]) {
    let scansByName = Dictionary(scans.keys.map { ($0.short, $0) }) { first, _ in first }
    var found: [ShardID: JobOnDisk] = [:]
    unknownJobs = []
    for job in listing {
      guard let name = FleetJobName(job.name) else { continue }
      if let scan = scansByName[name.scan] {
        found[ShardID(scan: scan, number: name.shard)] = job
      } else if !job.hasReceipt {
        unknownJobs.append(job.name)
      }
    }
    jobs = found
  }

  /// Forgets scans that the collector no longer names and of which nothing is on disk, with their blobs.
  private mutating func removeBlobs(_ effects: inout [Effect]) {
    guard let licence = current?.licence, let jobs else { return }
    var used = Set(licence.scans.map(\.scan)).union(licence.hold.map(\.scan))
    used.formUnion(jobs.filter { !$0.value.hasReceipt }.keys.map(\.scan))
    for scan in scans.keys.filter({ !used.contains($0) }).sorted() { scans[scan] = nil }
    var kept: Set<Digest> = [state.denyDigest]
    if let blob = licence.denyBlob { kept.insert(blob) }
    for object in denyObjects.values { kept.insert(object.digest) }
    for scan in scans.values {
      kept.insert(scan.blob)
      kept.formUnion(scan.description.targets.map(\.digest))
    }
    for reference in licence.scans { kept.insert(reference.blob) }
    for digest in blobs.subtracting(kept).sorted() {
      blobs.remove(digest)
      effects.append(.removeBlob(digest))
    }
    badBlobs = badBlobs.filter { kept.contains($0.key) }
    fetches = fetches.filter { kept.contains($0.key) }
  }
}
