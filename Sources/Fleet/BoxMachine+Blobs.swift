// Fetching what the collector offers under a hash: descriptions, target files, deny lists.

extension BoxMachine {
  /// A blob on its way.
  struct Fetch: Sendable {
    let limit: UInt64
    var offset: UInt64 = 0
    /// A piece has been asked for, or the file is being finished.
    var isBusy = false
    var isFinishing = false
    var wantsContent: Bool
    var backoff = Backoff()
  }

  /// Pieces in flight.
  private static let mostRequests = 2

  /// Returns whether a blob is on disk, and has it fetched otherwise.
  ///
  /// - Parameters:
  ///   - limit: the most bytes that it may have.
  ///   - anew: fetch it even if it is on disk, because its content is wanted.
  mutating func need(_ digest: Digest, limit: UInt64, _ now: UInt64, anew: Bool = false) -> Bool {
    if blobs.contains(digest), !anew { return true }
    if badBlobs[digest] == nil, fetches[digest] == nil {
      fetches[digest] = Fetch(limit: limit, wantsContent: anew)
    }
    return false
  }

  mutating func fetchBlobs(_ now: UInt64, _ effects: inout [Effect]) {
    guard isConnected else { return }
    var busy = fetches.values.count { $0.isBusy }
    for digest in fetches.keys.sorted() where busy < Self.mostRequests {
      guard var fetch = fetches[digest], !fetch.isBusy, fetch.backoff.isDue(at: now) else { continue }
      fetch.isBusy = true
      fetches[digest] = fetch
      busy += 1
      effects.append(.askBlob(digest, offset: fetch.offset))
    }
  }

  mutating func takePiece(
    _ digest: Digest, _ offset: UInt64, _ bytes: [UInt8], _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard var fetch = fetches[digest], fetch.isBusy, !fetch.isFinishing,
      fetch.offset == offset
    else { return }
    guard fetch.offset + UInt64(bytes.count) <= fetch.limit else {
      return missBlob(digest, "it is longer than \(fetch.limit) bytes", now, &effects)
    }
    if bytes.isEmpty {
      fetch.isFinishing = true
      effects.append(.finishBlob(digest, wantsContent: fetch.wantsContent))
    } else {
      effects.append(.appendBlob(digest, offset: offset, bytes))
      fetch.offset += UInt64(bytes.count)
      fetch.backoff = Backoff()
      fetch.isBusy = false
    }
    fetches[digest] = fetch
  }

  mutating func missBlob(
    _ digest: Digest, _ reason: String, _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard var fetch = fetches[digest] else { return }
    fetch.isBusy = false
    fetch.isFinishing = false
    fetch.offset = 0
    fetch.backoff.fail(at: now)
    fetches[digest] = fetch
    effects.append(.log("blob \(digest.short) did not arrive: \(FleetError.shown(reason, limit: 200))"))
  }

  mutating func takeBlob(_ digest: Digest, _ content: [UInt8]?, _ effects: inout [Effect]) {
    fetches[digest] = nil
    blobs.insert(digest)
    guard let content else { return }
    do throws(FleetError) {
      try takeObject(digest, content)
    } catch {
      badBlobs[digest] = error.description
      effects.append(.log("blob \(digest.short): \(error)"))
    }
  }

  /// Takes a signed scan or deny object.
  private mutating func takeObject(_ digest: Digest, _ content: [UInt8]) throws(FleetError) {
    let signed = try SignedObject(parsing: content, "object")
    if case .object(let members) = signed.body, members["shards"] == nil {
      try signed.verify(.deny, keys: settings.denyKeys, crypto)
      denyObjects = [digest: try DenyObject(body: signed.body)]
    } else {
      let scan = try readScan(content)
      scans[scan.id] = KnownScan(description: scan, blob: digest)
      // Jobs of it may be on disk already.
      if jobs != nil { adopt(lastListing) }
    }
  }

  /// Reads a scan that one of the operators signed.
  func readScan(_ content: [UInt8]) throws(FleetError) -> ScanDescription {
    let signed = try SignedObject(parsing: content, "scan")
    try signed.verify(.scan, keys: settings.submitKeys, crypto)
    return try ScanDescription(body: signed.body)
  }
}
