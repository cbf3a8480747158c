// What a box tells the collector.
import Support

extension BoxMachine {
  /// Makes the next hello.
  mutating func hello(_ nonce: String) -> Hello {
    let jobs = jobs ?? [:]
    var claims: [Claim] = []
    for (shard, job) in jobs.sorted(by: { $0.key < $1.key }) where !cancelled.contains(shard) {
      let size = scans[shard.scan]?.description.size(of: shard.number) ?? 0
      switch job.stage {
      // Nobody works on it here, so its lease may end.
      case .queued where isScannerSilent, .active where isScannerSilent: break
      case .queued: claims.append(Claim(shard, done: 0, size: size))
      case .active(let done, _): claims.append(Claim(shard, done: min(done, size), size: size))
      // Its manifest is not there yet: still this box's.
      case .finished
      where !job.hasReceipt && deliveries[shard]?.isOffered != true && isDeliverable(shard):
        claims.append(Claim(shard, done: size, size: size))
      case .finished, .rejected: break
      }
    }
    for shard in held
    where jobs[shard] == nil && rejections[shard] == nil && !isScannerSilent {
      let size = scans[shard.scan]?.description.size(of: shard.number) ?? 0
      claims.append(Claim(shard, done: 0, size: size))
    }
    let rejected = rejections.sorted { $0.key < $1.key }.prefix(16).map {
      Rejection($0.key, reason: $0.value)
    }
    return Hello(
      box: settings.name, instance: settings.instance, nonce: nonce,
      key: Hexadecimal.encode(settings.publicKey), denySequence: state.denySequence,
      wants: wants(jobs, claims), claims: Array(claims.prefix(Hello.mostShards)),
      finished: offers(), rejected: Array(rejected), rate: scanner.rate,
      sent: scanner.sent, isSending: scanner.rate > 0, problems: Array(problems.prefix(16)),
      version: settings.version)
  }

  /// The shards of the last licence.
  var held: [ShardID] { current?.licence.hold ?? [] }

  private func wants(_ jobs: [ShardID: JobOnDisk], _ claims: [Claim]) -> Int {
    guard self.jobs != nil, scanner.licence != nil, !isScannerSilent else { return 0 }
    let undelivered = jobs.values.count {
      if case .finished = $0.stage { !$0.hasReceipt } else { false }
    }
    guard undelivered < settings.mostUndelivered, claims.count < Hello.mostShards else { return 0 }
    let unsent = claims.count { $0.done < $0.size || $0.size == 0 }
    return max(0, settings.shardsWanted - unsent)
  }

  /// Results that wait for a receipt, at most as many as fit; if there are more, the next hello has others.
  private mutating func offers() -> [Offer] {
    let offered = deliveries.filter { $0.value.isOffered }.sorted { $0.key < $1.key }
    guard offered.count > Hello.mostShards else {
      return offered.map { Offer($0.key, manifest: $0.value.digest) }
    }
    offerTurn = (offerTurn + Hello.mostShards) % offered.count
    return (0..<Hello.mostShards).map { index in
      let (shard, delivery) = offered[(offerTurn + index) % offered.count]
      return Offer(shard, manifest: delivery.digest)
    }
  }

  /// Sentences that say what keeps the box from working.
  public var problems: [String] {
    var problems: [String] = []
    if let contactProblem { problems.append(contactProblem) }
    if let denyProblem { problems.append(denyProblem) }
    if isScannerSilent {
      let seconds = settings.scannerPatience / 1_000_000_000
      problems.append("the scanner has said nothing for \(seconds) s: its shards go to other boxes")
    }
    if scanner.licence == nil {
      problems.append(
        "the scanner does not enforce the licence: set licence = \"fleet/licence\" in synbox.toml")
    } else if scanner.licence == "invalid", let reason = scanner.reason {
      problems.append("the scanner refuses the licence: \(FleetError.shown(reason, limit: 200))")
    }
    problems += badBlobs.sorted { $0.key < $1.key }.map { "blob \($0.key.short): \($0.value)" }
    for (scan, known) in scans.sorted(by: { $0.key < $1.key }) {
      if case .wrong(let mistake) = known.plan {
        problems.append("scan \(scan.short): \(mistake)")
      }
    }
    problems += rejections.sorted { $0.key < $1.key }.map { "shard \($0.key): \($0.value)" }
    problems += deliveries.sorted { $0.key < $1.key }.compactMap { shard, delivery in
      delivery.problem.map { "results of shard \(shard): \($0)" }
    }
    problems += unknownJobs.map { "\($0): its scan is not known here" }
    return problems + scanner.problems.map { FleetError.shown($0, limit: 200) }
  }
}
