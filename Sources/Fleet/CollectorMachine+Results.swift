// Results: from chunks and a manifest to a line of the ledger.
import Support

extension CollectorMachine {
  /// Manifests of one box that wait.
  private static let mostManifests = 256

  // MARK: Chunks

  mutating func takeChunk(
    _ box: BoxName, _ digest: Digest, _ bytes: [UInt8], _ reply: UInt64, _ effects: inout [Effect]
  ) {
    do throws(FleetError) {
      guard boxes[box]?.standing == .approved else {
        throw FleetError("the box \(box) is not approved")
      }
      guard !bytes.isEmpty, bytes.count <= FleetSubject.largestPiece else {
        throw FleetError("\(bytes.count) bytes, expected 1 to \(FleetSubject.largestPiece)")
      }
      guard crypto.digest(bytes) == digest else { throw FleetError("the bytes have another hash") }
      var store = stores[box] ?? Store()
      if store.chunks[digest] != nil {
        // On disk already: the earlier answer was lost.
        effects.append(.answer(reply, Array("ok".utf8)))
        return
      }
      guard store.size + UInt64(bytes.count) <= settings.quotaPerBox else {
        throw FleetError(
          "the box has \(store.size) bytes here that do not count yet, its quota is full")
      }
      if Self.isManifest(bytes) {
        guard store.manifests.count + store.arriving.count < Self.mostManifests else {
          throw FleetError("\(Self.mostManifests) manifests wait already")
        }
        store.arriving[digest] = try readManifest(box, bytes)
      }
      stores[box] = store
      effects.append(.storeChunk(box, digest, bytes, reply: reply))
    } catch {
      effects.append(.answer(reply, Array("no: \(error)".utf8)))
    }
  }

  /// Results begin with a header of names.
  private static func isManifest(_ bytes: [UInt8]) -> Bool { bytes.starts(with: "{\"body\":".utf8) }

  private func readManifest(_ box: BoxName, _ bytes: [UInt8]) throws(FleetError) -> Manifest {
    let signed = try SignedObject(parsing: bytes, "manifest", limit: Manifest.largest)
    guard let record = boxes[box], let key = Hexadecimal.decode(record.key) else {
      throw FleetError("the box \(box) has no key")
    }
    try signed.verify(.manifest, key: key, crypto)
    let manifest = try Manifest(body: signed.body)
    guard manifest.box == box else { throw FleetError("manifest: it is of the box \(manifest.box)") }
    return manifest
  }

  mutating func chunkIsStored(
    _ box: BoxName, _ digest: Digest, _ size: UInt64, _ now: UInt64, _ effects: inout [Effect]
  ) {
    var store = stores[box] ?? Store()
    if store.chunks.updateValue(size, forKey: digest) == nil { store.size += size }
    let manifest = store.arriving.removeValue(forKey: digest)
    store.manifests[digest] = manifest ?? store.manifests[digest]
    stores[box] = store
    for instance in heard.keys where instance.box == box { heard[instance]?.lastDelivery = now }
    if let manifest { consider(Offer(manifest.shard, manifest: digest), box, &effects) }
  }

  mutating func takeManifest(
    _ box: BoxName, _ digest: Digest, _ bytes: [UInt8]?, _ effects: inout [Effect]
  ) {
    stores[box]?.reading.remove(digest)
    guard let bytes, let manifest = try? readManifest(box, bytes) else {
      stores[box]?.chunks[digest] = nil
      return
    }
    stores[box]?.manifests[digest] = manifest
    consider(Offer(manifest.shard, manifest: digest), box, &effects)
  }

  // MARK: Verdicts

  /// Returns what to tell a box about results that it offers; nil if that is not known yet.
  mutating func verdict(
    on offer: Offer, of me: BoxInstance, _ now: UInt64, _ effects: inout [Effect]
  ) -> Verdict? {
    let shard = offer.shard
    if let entry = ledger[shard] {
      discard(offer.manifest, of: me.box, &effects)
      return entry.manifest == offer.manifest ? .accepted : .superseded
    }
    guard let index = scanIndex[shard.scan] else { return nil }
    if scans[index].saved.isCancelled { return .superseded }
    if let void = voids[offer.manifest] {
      guard void.isNarrow, allAreNarrow(scans[index], now) else { return .void(void.reason) }
      voids[offer.manifest] = nil
    }
    keep(shard, index, me, now)
    guard let manifest = stores[me.box]?.manifests[offer.manifest] else {
      if stores[me.box]?.arriving[offer.manifest] != nil { return nil }
      guard stores[me.box]?.chunks[offer.manifest] != nil else { return .want([offer.manifest]) }
      if stores[me.box]?.reading.insert(offer.manifest).inserted == true {
        effects.append(.readManifest(me.box, offer.manifest))
      }
      return nil
    }
    let missing = missing(manifest, me.box)
    guard missing.isEmpty else { return .want(Array(missing.prefix(Receipt.mostWanted))) }
    consider(offer, me.box, &effects)
    return nil
  }

  /// A box that offers a shard's results holds the shard, unless another one does.
  private mutating func keep(_ shard: ShardID, _ index: Int, _ me: BoxInstance, _ now: UInt64) {
    switch scans[index].stage(of: shard.number) {
    case .open, .failed:
      scans[index].takeBack(shard.number)
      hold(shard, me, now, done: scans[index].description.size(of: shard.number))
    case .assigned where assignments[shard]?.holder == me:
      let until = now + settings.leaseTTL
      assignments[shard]?.until = until
    default: break
    }
  }

  private func missing(_ manifest: Manifest, _ box: BoxName) -> [Digest] {
    manifest.chunks.map(\.digest).filter { stores[box]?.chunks[$0] == nil }
  }

  /// Queues results for checking if all of them are there.
  private mutating func consider(_ offer: Offer, _ box: BoxName, _ effects: inout [Effect]) {
    guard let manifest = stores[box]?.manifests[offer.manifest], voids[offer.manifest] == nil,
      missing(manifest, box).isEmpty, verifying[offer.shard]?.manifest != offer.manifest,
      !verificationQueue.contains(where: { $0.offer == offer })
    else { return }
    guard ledger[offer.shard] == nil else { return discard(offer.manifest, of: box, &effects) }
    verificationQueue.append((offer, box))
  }

  /// Begins to check what waits, one manifest of a shard at a time.
  mutating func verifyNext(_ effects: inout [Effect]) {
    var index = 0
    while index < verificationQueue.count, verifying.count < settings.verifications {
      let (offer, box) = verificationQueue[index]
      guard verifying[offer.shard] == nil, accepting[offer.shard] == nil else {
        index += 1
        continue
      }
      verificationQueue.remove(at: index)
      guard ledger[offer.shard] == nil else {
        discard(offer.manifest, of: box, &effects)
        continue
      }
      guard let manifest = stores[box]?.manifests[offer.manifest] else { continue }
      do throws(FleetError) {
        let scan = try check(manifest)
        verifying[offer.shard] = offer
        effects.append(
          .verify(
            Verification(
              offer: offer, manifest: manifest, description: scan,
              denyLists: denyLists.map(\.object))))
      } catch {
        void(offer, box, error.description, isNarrow: false, &effects)
      }
    }
  }

  /// Checks what a manifest says of its shard.
  private func check(_ manifest: Manifest) throws(FleetError) -> ScanDescription {
    guard let index = scanIndex[manifest.shard.scan] else { throw FleetError("its scan is not known") }
    let scan = scans[index].description
    guard manifest.shard.number < scan.shards else { throw FleetError("there is no such shard") }
    guard manifest.planDigest == scan.planDigest else { throw FleetError("it is of another plan") }
    let size = scan.size(of: manifest.shard.number)
    guard manifest.targets == size else {
      throw FleetError("it settles \(manifest.targets) targets, and the shard has \(size)")
    }
    return scan
  }

  // MARK: Findings

  mutating func judge(
    _ offer: Offer, _ box: BoxName, _ finding: Finding, _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard verifying[offer.shard] == offer else { return }
    verifying[offer.shard] = nil
    guard ledger[offer.shard] == nil else {
      return discard(offer.manifest, of: box, &effects)
    }
    switch finding {
    case .whole: accept(offer, box, unexplained: 0, &effects)
    case .narrow(let explained):
      guard let index = scanIndex[offer.shard.scan],
        let manifest = stores[box]?.manifests[offer.manifest]
      else { return }
      scans[index].narrow.insert(box)
      let unexplained = manifest.targetsDenied - min(explained, manifest.targetsDenied)
      if allAreNarrow(scans[index], now) {
        accept(offer, box, unexplained: unexplained, &effects)
      } else {
        void(
          offer, box,
          "its scope is narrower: it denied \(manifest.targetsDenied) targets of the shard",
          isNarrow: true, &effects)
      }
    case .refused(let reason): void(offer, box, reason, isNarrow: false, &effects)
    case .missing(let digests):
      for digest in digests { stores[box]?.chunks[digest] = nil }
    }
  }

  private mutating func accept(
    _ offer: Offer, _ box: BoxName, unexplained: UInt64, _ effects: inout [Effect]
  ) {
    guard let manifest = stores[box]?.manifests[offer.manifest] else { return }
    let entry = LedgerEntry(
      shard: offer.shard, manifest: offer.manifest, box: box, rows: manifest.rows,
      digest: manifest.digest, targets: manifest.targets, targetsDenied: manifest.targetsDenied,
      targetsUnexplained: unexplained)
    accepting[offer.shard] = entry
    effects.append(.accept(entry))
  }

  mutating func acceptanceIsFlushed(_ shard: ShardID, _ now: UInt64, _ effects: inout [Effect]) {
    guard let entry = accepting.removeValue(forKey: shard) else { return }
    ledger[shard] = entry
    count(entry)
    if let assignment = assignments.removeValue(forKey: shard) {
      holdings[assignment.holder]?.remove(shard)
      if holdings[assignment.holder]?.isEmpty == true { holdings[assignment.holder] = nil }
    }
    discard(entry.manifest, of: entry.box, &effects)
    guard let index = scanIndex[shard.scan], scans[index].isComplete else { return }
    effects.append(.log("scan \(shard.scan.short) is complete: \(scans[index].rows) rows"))
    effects.append(.merge(shard.scan, entries(of: scans[index])))
    if !scans.contains(where: \.isActive) { removeLeftovers(&effects) }
  }

  /// Results that do not count: their shard is open again, for other boxes.
  mutating func void(
    _ offer: Offer, _ box: BoxName, _ reason: String, isNarrow: Bool, _ effects: inout [Effect]
  ) {
    effects.append(.log("results of shard \(offer.shard) by \(box) do not count: \(reason)"))
    if voids.count >= 10_000 { voids = [:] }
    voids[offer.manifest] = Voided(reason: reason, isNarrow: isNarrow)
    discard(offer.manifest, of: box, &effects)
    guard let index = scanIndex[offer.shard.scan] else { return }
    if !isNarrow {
      scans[index].voided.insert(ScanState.ShardOfBox(shard: offer.shard.number, box: box))
      scans[index].voidCounts[box, default: 0] += 1
      if scans[index].voidCounts[box] == 3 {
        exclude(box, from: index, "its results did not count three times, at last: \(reason)", &effects)
      }
    }
    if assignments[offer.shard]?.holder.box == box { release(offer.shard, &effects) }
  }

  /// Removes a manifest and its chunks from the disk.
  private mutating func discard(_ digest: Digest, of box: BoxName, _ effects: inout [Effect]) {
    guard var store = stores[box], let manifest = store.manifests.removeValue(forKey: digest) else {
      return
    }
    var shared: Set<Digest> = []
    for other in store.manifests.values { shared.formUnion(other.chunks.map(\.digest)) }
    var removed: [Digest] = []
    for digest in manifest.chunks.map(\.digest) + [digest] where !shared.contains(digest) {
      guard let size = store.chunks.removeValue(forKey: digest) else { continue }
      store.size -= min(size, store.size)
      removed.append(digest)
    }
    stores[box] = store
    if !removed.isEmpty { effects.append(.removeChunks(box, removed)) }
  }

  /// Removes what boxes sent without ever finishing it, once no scan needs anything.
  private mutating func removeLeftovers(_ effects: inout [Effect]) {
    for (box, store) in stores.sorted(by: { $0.key < $1.key }) where !store.chunks.isEmpty {
      effects.append(.removeChunks(box, store.chunks.keys.sorted()))
      stores[box] = nil
    }
  }
}
