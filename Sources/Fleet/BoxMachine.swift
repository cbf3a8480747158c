// A box's agent as a machine: events and times in, effects out.
import Support

/// Says hello, keeps the licence on disk, fetches and submits shards, and delivers results until it holds a receipt.
///
/// Nothing that it believes depends on the bus: descriptions and deny lists are signed by operators, licences and receipts by
/// the collector. Results are never given up without a receipt.
public struct BoxMachine: Sendable {
  /// A scan that the collector named.
  struct KnownScan: Sendable {
    enum Plan: Hashable, Sendable {
      case unchecked, checking, right
      case wrong(String)
    }

    let description: ScanDescription
    let blob: Digest
    var plan = Plan.unchecked
  }

  /// What the last valid licence said, with the time by which it ends.
  struct Current: Sendable {
    var licence: Licence
    /// CLOCK_BOOTTIME in nanoseconds.
    var expires: UInt64
    var isWritten = false
  }

  /// A hello without an answer.
  struct Pending: Sendable {
    var nonce: String
    var sentAt: UInt64
    var claims: Set<ShardID>
  }

  let settings: Settings
  let crypto: any FleetCrypto
  public private(set) var state: State
  var isConnected = false
  var date: UInt64?
  /// When the next hello is due.
  var nextHello: UInt64 = 0
  var helloCount: UInt64 = 0
  var pending: Pending?
  var current: Current?
  var contactProblem: String? = "the collector has not answered yet"
  var denyProblem: String?
  var scanner = Scanner(licence: nil)
  /// When the scanner last said something new; nil before the first look.
  var scannerHeard: UInt64?
  var isScannerSilent = false
  var scans: [Digest: KnownScan] = [:]
  /// Blobs whose content was not what it should be, and why: not fetched again by this process.
  var badBlobs: [Digest: String] = [:]
  var blobs: Set<Digest>
  var fetches: [Digest: Fetch] = [:]
  /// nil until the first listing: nothing is submitted before.
  var jobs: [ShardID: JobOnDisk]?
  /// Names of jobs whose scan is not known.
  var unknownJobs: [String] = []
  var submissions: [ShardID: Submitting] = [:]
  var cancelled: Set<ShardID> = []
  var rejections: [ShardID: String] = [:]
  var deliveries: [ShardID: Delivery] = [:]
  var offerTurn = 0
  var lastListing: [JobOnDisk] = []

  enum Submitting: Hashable, Sendable {
    /// On its way to the spool, or there and not yet listed.
    case running
    case failed(Backoff)
  }

  /// - Parameters:
  ///   - state: from `state.json`.
  ///   - blobs: the blobs on disk. The content of each below 128 KiB: those that are signed scans are known at once.
  public init(
    _ settings: Settings, state: State, blobs: [Digest: [UInt8]?], crypto: any FleetCrypto
  ) {
    self.settings = settings
    self.state = state
    self.crypto = crypto
    self.blobs = Set(blobs.keys)
    for (digest, content) in blobs {
      guard let content, case .some(let scan) = try? readScan(content) else { continue }
      scans[scan.id] = KnownScan(description: scan, blob: digest)
    }
  }

  public mutating func handle(_ event: Event, at now: UInt64) -> [Effect] {
    var effects: [Effect] = []
    switch event {
    case .tick(let date): self.date = date
    case .connected:
      isConnected = true
      nextHello = 0
    case .disconnected(let reason):
      isConnected = false
      pending = nil
      contactProblem = "no connection: \(FleetError.shown(reason, limit: 200))"
      interruptDeliveries(at: now)
    case .answered(let nonce, let bytes): takeLicence(nonce, bytes, now, &effects)
    case .unanswered(let nonce, let reason):
      if pending?.nonce == nonce { missAnswer(reason, now) }
    case .blobPiece(let digest, let offset, let bytes):
      takePiece(digest, offset, bytes, now, &effects)
    case .blobUnavailable(let digest, let reason): missBlob(digest, reason, now, &effects)
    case .blobStored(let digest, let content): takeBlob(digest, content, &effects)
    case .blobDamaged(let digest): missBlob(digest, "it has another hash", now, &effects)
    case .planChecked(let scan, let mistake): takePlan(scan, mistake, &effects)
    case .submitted: break
    case .submissionFailed(let shard, let reason): missSubmission(shard, reason, now, &effects)
    case .resultsCut(let shard, let facts): makeManifest(shard, facts, now, &effects)
    case .manifestReady(let shard, let bytes): takeManifest(shard, bytes, now, &effects)
    case .resultsUnreadable(let shard, let reason): missResults(shard, reason, now, &effects)
    case .chunkAccepted(let shard, let digest): chunkIsThere(shard, digest)
    case .chunkFailed(let shard, let digest, let reason):
      missChunk(shard, digest, reason, now, &effects)
    case .disk(let jobs): takeListing(jobs, now, &effects)
    case .scanner(let scanner): take(scanner, now)
    }
    advance(now, &effects)
    return effects
  }

  private mutating func take(_ scanner: Scanner, _ now: UInt64) {
    let isNew = scanner.beat != nil && scanner.beat != self.scanner.beat
    if isNew || scannerHeard == nil { scannerHeard = now }
    self.scanner = scanner
  }

  /// Does all that is due.
  private mutating func advance(_ now: UInt64, _ effects: inout [Effect]) {
    if let pending, now >= pending.sentAt + settings.patience {
      missAnswer("no answer within \(settings.patience / 1_000_000_000) s", now)
    }
    isScannerSilent = scannerHeard.map { now >= $0 + settings.scannerPatience } ?? false
    followDenyList(now, &effects)
    submitShards(now, &effects)
    deliver(now, &effects)
    fetchBlobs(now, &effects)
    if isConnected, pending == nil, now >= nextHello { sayHello(now, &effects) }
  }

  // MARK: Hello and licence

  private mutating func sayHello(_ now: UInt64, _ effects: inout [Effect]) {
    helloCount += 1
    let nonce = "\(settings.token)-\(helloCount)"
    let hello = hello(nonce)
    guard let signed = SignedObject.sign(hello.body, .hello, with: .box, crypto) else {
      contactProblem = "the box's key cannot sign"
      nextHello = now + settings.interval
      return
    }
    pending = Pending(nonce: nonce, sentAt: now, claims: Set(hello.claims.map(\.shard)))
    effects.append(.sayHello(nonce: nonce, signed.bytes))
  }

  private mutating func missAnswer(_ reason: String, _ now: UInt64) {
    pending = nil
    nextHello = now + settings.interval
    contactProblem = "the collector does not answer: \(FleetError.shown(reason, limit: 200))"
  }

  private mutating func takeLicence(
    _ nonce: String, _ bytes: [UInt8], _ now: UInt64, _ effects: inout [Effect]
  ) {
    guard let pending, pending.nonce == nonce else { return }
    self.pending = nil
    nextHello = now + settings.interval
    do throws(FleetError) {
      let licence = try readLicence(bytes, nonce)
      if licence.generation > state.generation {
        state.generation = licence.generation
        effects.append(.saveState(state))
      }
      contactProblem = nil
      nextHello = max(now, pending.sentAt + licence.intervalMilliseconds * 1_000_000)
      current = Current(
        licence: licence, expires: pending.sentAt + licence.ttlMilliseconds * 1_000_000)
      takeReceipts(licence.receipts, now, &effects)
      obey(licence.hold, claimed: pending.claims, &effects)
    } catch {
      contactProblem = "the collector's answer: \(error)"
      effects.append(.log("the collector's answer is not used: \(error)"))
    }
  }

  private func readLicence(_ bytes: [UInt8], _ nonce: String) throws(FleetError) -> Licence {
    if let refusal = Self.refusal(bytes) { throw FleetError(refusal) }
    let signed = try SignedObject(parsing: bytes, "licence")
    try signed.verify(.licence, key: settings.fleetKey, crypto)
    let licence = try Licence(body: signed.body)
    guard licence.box == settings.name, licence.nonce == nonce else {
      throw FleetError("licence: it answers another hello")
    }
    guard licence.generation >= state.generation else {
      throw FleetError(
        "licence: generation \(licence.generation), and \(state.generation) was seen: an older collector, or a copy of it"
      )
    }
    return licence
  }

  /// Returns why the collector gives no licence, which it need not sign.
  private static func refusal(_ bytes: [UInt8]) -> String? {
    guard let value = try? JSONValue(parsing: bytes, "answer", limit: 4096),
      case .object(let members) = value, case .text(let text) = members["error"]
    else { return nil }
    return text
  }

  // MARK: The deny list

  /// Writes the licence as soon as the deny list that it asks for is in force.
  private mutating func followDenyList(_ now: UInt64, _ effects: inout [Effect]) {
    guard let current, !current.isWritten, now < current.expires else { return }
    let licence = current.licence
    denyProblem = nil
    if licence.denySequence == 0 {
      denyProblem = "no deny list is in force in the fleet: sign one, which may be empty"
    } else if licence.denySequence > state.denySequence {
      guard let object = denyObject(licence, now) else { return }
      guard object.size == 0 || need(object.digest, limit: object.size, now) else { return }
      state.denySequence = object.sequence
      state.denyDigest = object.digest
      effects.append(.installDenyList(object.digest, isEmpty: object.size == 0))
      effects.append(.saveState(state))
      effects.append(.log("deny list \(object.sequence) is in force"))
      writeLicence(&effects)
    } else if licence.denySequence == state.denySequence, licence.denyDigest != state.denyDigest {
      denyProblem = "two deny lists have the number \(state.denySequence): put a newer one in force"
    } else {
      writeLicence(&effects)
    }
  }

  private mutating func writeLicence(_ effects: inout [Effect]) {
    guard let licence = current?.licence, let expires = current?.expires else { return }
    current?.isWritten = true
    effects.append(
      .writeLicence(
        LicenceFile(
          bootID: settings.bootID, rate: licence.rate, expires: expires,
          denySequence: state.denySequence, denyDigest: state.denyDigest)))
  }

  /// Returns the deny list that the licence names, once it is fetched and proves to be an operator's.
  private mutating func denyObject(_ licence: Licence, _ now: UInt64) -> DenyObject? {
    guard let blob = licence.denyBlob else {
      denyProblem = "the licence names no deny list"
      return nil
    }
    if let reason = badBlobs[blob] {
      denyProblem = "deny list \(licence.denySequence): \(reason)"
      return nil
    }
    guard let object = denyObjects[blob] else {
      if !need(blob, limit: UInt64(SignedObject.largest), now, anew: true) {
        denyProblem = "deny list \(licence.denySequence) is not here yet"
      }
      return nil
    }
    guard object.sequence == licence.denySequence, object.digest == licence.denyDigest else {
      denyProblem = "the licence and its deny list disagree"
      return nil
    }
    return object
  }

  var denyObjects: [Digest: DenyObject] = [:]
}
