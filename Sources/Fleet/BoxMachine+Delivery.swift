// From results on disk to a receipt.

extension BoxMachine {
  /// The results of one shard on their way to the collector.
  struct Delivery: Sendable {
    enum Stage: Hashable, Sendable {
      /// The file is being cut into chunks, or the manifest read or written.
      case preparing
      /// That failed.
      case unprepared
      case sending
      /// All of it is at the collector: named in each hello until there is a receipt.
      case offered
      case received
    }

    var stage = Stage.unprepared
    var bytes: [UInt8] = []
    var digest = Digest(of: [])
    var chunks: [ChunkReference] = []
    /// Indices of chunks still to be sent; the number of chunks stands for the manifest, which is sent last.
    var queue: [Int] = []
    /// Those in flight.
    var flying: Set<Int> = []
    var backoff = Backoff()
    var problem: String?

    var isOffered: Bool { stage == .offered }

    mutating func retry(_ index: Int, at now: UInt64, _ reason: String) {
      queue.insert(index, at: 0)
      backoff.fail(at: now)
      problem = FleetError.shown(reason, limit: 200)
    }
  }

  /// Whether a job's results are whole and to be delivered.
  func isDeliverable(_ shard: ShardID) -> Bool {
    guard let job = jobs?[shard], case .finished(let outcome) = job.stage else { return false }
    return outcome.incomplete == nil && !job.hasReceipt && scans[shard.scan] != nil
  }

  mutating func deliver(_ now: UInt64, _ effects: inout [Effect]) {
    guard let jobs else { return }
    var flying = deliveries.values.reduce(0) { $0 + $1.flying.count }
    for (shard, job) in jobs.sorted(by: { $0.key < $1.key }) where isDeliverable(shard) {
      var delivery = deliveries[shard] ?? Delivery()
      if delivery.stage == .unprepared, delivery.backoff.isDue(at: now) {
        delivery.stage = .preparing
        effects.append(job.hasManifest ? .readManifest(shard) : .cutResults(shard))
      }
      if delivery.stage == .sending, isConnected, delivery.backoff.isDue(at: now) {
        send(shard, &delivery, &flying, &effects)
      }
      deliveries[shard] = delivery
    }
  }

  private func send(
    _ shard: ShardID, _ delivery: inout Delivery, _ flying: inout Int, _ effects: inout [Effect]
  ) {
    while flying < settings.chunksInFlight, let index = delivery.queue.first {
      let isManifest = index == delivery.chunks.count
      // The collector checks a shard as soon as its manifest is there.
      guard !isManifest || delivery.flying.isEmpty else { return }
      delivery.queue.removeFirst()
      delivery.flying.insert(index)
      flying += 1
      if isManifest {
        effects.append(.sendManifest(shard, delivery.digest, delivery.bytes))
      } else {
        let chunk = delivery.chunks[index]
        let offset = delivery.chunks[..<index].reduce(0) { $0 + $1.size }
        effects.append(.sendChunk(shard, chunk.digest, offset: offset, size: chunk.size))
      }
    }
  }

  mutating func makeManifest(
    _ shard: ShardID, _ facts: ResultFacts, _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard deliveries[shard]?.stage == .preparing, case .finished(let outcome) = jobs?[shard]?.stage,
      let scan = scans[shard.scan]
    else { return }
    let manifest = Manifest(
      shard: shard, box: settings.name, instance: settings.instance,
      planDigest: scan.description.planDigest, targets: outcome.targets,
      targetsDenied: outcome.targetsDenied, denySequence: outcome.denySequence, facts: facts,
      summary: outcome.summary)
    guard let signed = SignedObject.sign(manifest.body, .manifest, with: .box, crypto) else {
      return missResults(shard, "the box's key cannot sign", now, &effects)
    }
    effects.append(.writeManifest(shard, signed.bytes))
  }

  mutating func takeManifest(
    _ shard: ShardID, _ bytes: [UInt8], _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard var delivery = deliveries[shard], delivery.stage == .preparing else { return }
    do throws(FleetError) {
      let signed = try SignedObject(parsing: bytes, "manifest", limit: Manifest.largest)
      let manifest = try Manifest(body: signed.body)
      guard manifest.shard == shard else { throw FleetError("manifest: it is of another shard") }
      delivery.bytes = bytes
      delivery.digest = crypto.digest(bytes)
      delivery.chunks = manifest.chunks
      delivery.queue = Array(0...manifest.chunks.count)
      delivery.stage = .sending
      delivery.backoff = Backoff()
      delivery.problem = nil
      deliveries[shard] = delivery
    } catch {
      missResults(shard, error.description, now, &effects)
    }
  }

  mutating func missResults(
    _ shard: ShardID, _ reason: String, _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard var delivery = deliveries[shard] else { return }
    delivery.stage = .unprepared
    delivery.backoff.fail(at: now)
    delivery.problem = FleetError.shown(reason, limit: 200)
    deliveries[shard] = delivery
    effects.append(.log("results of shard \(shard): \(FleetError.shown(reason, limit: 200))"))
  }

  private func index(of digest: Digest, in delivery: Delivery) -> Int? {
    if digest == delivery.digest { return delivery.chunks.count }
    return delivery.flying.first { $0 < delivery.chunks.count && delivery.chunks[$0].digest == digest }
  }

  mutating func chunkIsThere(_ shard: ShardID, _ digest: Digest) {
    guard var delivery = deliveries[shard], let index = index(of: digest, in: delivery),
      delivery.flying.remove(index) != nil
    else { return }
    delivery.backoff = Backoff()
    delivery.problem = nil
    if delivery.queue.isEmpty, delivery.flying.isEmpty { delivery.stage = .offered }
    deliveries[shard] = delivery
  }

  mutating func missChunk(
    _ shard: ShardID, _ digest: Digest, _ reason: String, _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard var delivery = deliveries[shard], let index = index(of: digest, in: delivery),
      delivery.flying.remove(index) != nil
    else { return }
    delivery.retry(index, at: now, reason)
    deliveries[shard] = delivery
  }

  /// Chunks in flight have no answer any more.
  mutating func interruptDeliveries(at now: UInt64) {
    for (shard, delivery) in deliveries where !delivery.flying.isEmpty {
      var delivery = delivery
      delivery.queue = (delivery.queue + delivery.flying).sorted()
      delivery.flying = []
      deliveries[shard] = delivery
    }
    for (digest, fetch) in fetches where fetch.isBusy && !fetch.isFinishing {
      var fetch = fetch
      fetch.isBusy = false
      fetches[digest] = fetch
    }
  }

  mutating func takeReceipts(_ receipts: [Receipt], _ now: UInt64, _ effects: inout [Effect]) {
    for receipt in receipts {
      let shard = receipt.offer.shard
      guard var delivery = deliveries[shard], delivery.digest == receipt.offer.manifest,
        delivery.stage == .offered
      else { continue }
      switch receipt.verdict {
      case .accepted, .superseded:
        delivery.stage = .received
        effects.append(.writeReceipt(shard))
        jobs?[shard]?.hasReceipt = true
      case .want(let digests):
        let wanted = Set(digests)
        delivery.queue = delivery.chunks.indices.filter { wanted.contains(delivery.chunks[$0].digest) }
        delivery.queue.append(delivery.chunks.count)
        delivery.stage = .sending
      case .void(let reason):
        // Kept and offered again: the collector may need it after all, or another box's may supersede it.
        if delivery.problem != reason {
          effects.append(.log("results of shard \(shard) do not count: \(reason)"))
        }
        delivery.problem = reason
      }
      deliveries[shard] = delivery
    }
  }
}
