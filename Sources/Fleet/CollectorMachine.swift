// The collector as a machine: events and times in, effects out.
import Support

/// A box's disk in one boot: a copy of a disk is another one.
public struct BoxInstance: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var box: BoxName
  public var instance: String

  public init(box: BoxName, instance: String) {
    self.box = box
    self.instance = instance
  }

  public var description: String { "\(box)/\(instance)" }

  public static func < (left: Self, right: Self) -> Bool {
    (left.box, left.instance) < (right.box, right.instance)
  }
}

/// Grants rates, assigns shards, checks results, and keeps the ledger.
///
/// It decides alone which results count: the ledger has at most one line for each shard, and every line stands for rows that
/// belong to that shard by arithmetic.
public struct CollectorMachine: Sendable {
  /// When and what a box said last.
  struct Heard: Sendable {
    var at: UInt64
    /// When this instance was heard for the first time.
    var since: UInt64
    var hello: Hello
    var rate: UInt64 = 0
    /// Whether it holds a shard with targets left.
    var needsRate = false
    var lastDelivery: UInt64?
    /// When a shard of its last progressed, or it held none.
    var progressedAt: UInt64
    /// It held shards for long without progress, and gets none until then.
    var stalledUntil: UInt64 = 0
  }

  struct Assignment: Sendable {
    var holder: BoxInstance
    /// CLOCK_BOOTTIME in nanoseconds.
    var until: UInt64
    var done: UInt64 = 0
  }

  struct DenyList: Sendable {
    var object: DenyObject
    var blob: Digest
    var bytes: [UInt8]
  }

  /// An operator's request that waits for an effect.
  enum Waiting: Sendable {
    case scan(ScanDescription, SavedScan, reply: UInt64)
    case deny(DenyList, reply: UInt64)
  }

  let settings: Settings
  let crypto: any FleetCrypto
  /// Seconds since 1970; 0 before the first tick.
  var date: UInt64 = 0
  var boxes: [BoxName: BoxRecord] = [:]
  var heard: [BoxInstance: Heard] = [:]
  var grants = GrantBook()
  var scans: [ScanState] = []
  var scanIndex: [Digest: Int] = [:]
  var denyLists: [DenyList] = []
  var ledger: [ShardID: LedgerEntry] = [:]
  var assignments: [ShardID: Assignment] = [:]
  var holdings: [BoxInstance: Set<ShardID>] = [:]
  /// What `sendBlob` can send, and its size in bytes; 0 if not known.
  var blobs: [Digest: UInt64] = [:]
  var stores: [BoxName: Store] = [:]
  var verifying: [ShardID: Offer] = [:]
  var accepting: [ShardID: LedgerEntry] = [:]
  var verificationQueue: [(offer: Offer, box: BoxName)] = []
  /// Manifests that do not count, and why.
  var voids: [Digest: Voided] = [:]
  var waiting: [Digest: Waiting] = [:]
  /// The last time that assignments were looked through.
  var lastSweep: UInt64 = 0
  private(set) var startedAt: UInt64 = 0

  /// Chunks and manifests of one box that no ledger line covers.
  struct Store: Sendable {
    var chunks: [Digest: UInt64] = [:]
    var size: UInt64 = 0
    var manifests: [Digest: Manifest] = [:]
    /// Those whose bytes are on their way to the disk.
    var arriving: [Digest: Manifest] = [:]
    var reading: Set<Digest> = []
  }

  struct Voided: Sendable {
    var reason: String
    /// It would count if every live box had too narrow a scope.
    var isNarrow: Bool
  }

  /// - Parameter now: CLOCK_BOOTTIME in nanoseconds.
  /// - Throws: if something on disk cannot be read.
  public init(_ settings: Settings, saved: Saved, crypto: any FleetCrypto, at now: UInt64)
    throws(FleetError)
  {
    self.settings = settings
    self.crypto = crypto
    for box in saved.boxes { boxes[box.name] = box }
    blobs = saved.blobs
    for entry in saved.ledger { ledger[entry.shard] = entry }
    for bytes in saved.denyLists {
      let list = try readDenyList(bytes)
      denyLists.append(list)
      blobs[list.blob] = UInt64(bytes.count)
    }
    for scan in saved.scans {
      let signed = try SignedObject(parsing: scan.bytes, "scans")
      add(ScanState(try ScanDescription(body: signed.body), scan, blob: Digest(of: scan.bytes)))
    }
    for entry in saved.ledger { count(entry) }
    for (box, chunks) in saved.chunks {
      stores[box] = Store(chunks: chunks, size: chunks.values.reduce(0, +))
    }
    grants = GrantBook(saved.grants, settings, at: now)
    lastSweep = now
    startedAt = now
  }

  /// What is to be done before the first event.
  public mutating func start(at now: UInt64) -> [Effect] {
    var effects: [Effect] = [.replaceGrants(grants.file(settings, at: now))]
    for list in denyLists.suffix(1) { effects.append(.saveObject(list.blob, list.bytes)) }
    for scan in scans {
      effects.append(.saveObject(scan.blob, scan.saved.bytes))
      if scan.isComplete {
        effects.append(.merge(scan.id, entries(of: scan)))
      } else if !scan.saved.isCancelled {
        effects.append(.plan(scan.description))
      }
    }
    return effects
  }

  public mutating func handle(_ event: Event, at now: UInt64) -> [Effect] {
    var effects: [Effect] = []
    switch event {
    case .tick(let date):
      self.date = date
      sweep(now, &effects)
    case .hello(let box, let bytes, let reply): hear(box, bytes, reply, now, &effects)
    case .blobAsked(let box, let digest, let bytes, let reply):
      offerBlob(box, digest, bytes, reply, &effects)
    case .chunk(let box, let digest, let bytes, let reply):
      takeChunk(box, digest, bytes, reply, &effects)
    case .chunkStored(let box, let digest, let size): chunkIsStored(box, digest, size, now, &effects)
    case .chunkFailed(let box, let digest, let reason, let reply):
      stores[box]?.arriving[digest] = nil
      effects.append(.answer(reply, Array("no: \(FleetError.shown(reason, limit: 200))".utf8)))
    case .manifestRead(let box, let digest, let bytes): takeManifest(box, digest, bytes, &effects)
    case .verified(let offer, let box, let finding): judge(offer, box, finding, now, &effects)
    case .accepted(let shard): acceptanceIsFlushed(shard, now, &effects)
    case .operation(let bytes, let reply): operate(bytes, reply, now, &effects)
    case .blobPieceStored(let digest, let size, let isWhole, let mistake, let reply):
      if isWhole, mistake == nil { blobs[digest] = size }
      respond(reply, mistake, &effects)
    case .planned(let scan, let result): takePlan(scan, result, &effects)
    case .denyListChecked(let digest, let mistake): takeDenyList(digest, mistake, &effects)
    }
    verifyNext(&effects)
    return effects
  }

  /// The deny list in force; nil before the first one.
  var deny: DenyList? { denyLists.last }

  func readDenyList(_ bytes: [UInt8]) throws(FleetError) -> DenyList {
    let signed = try SignedObject(parsing: bytes, "deny list")
    return DenyList(object: try DenyObject(body: signed.body), blob: Digest(of: bytes), bytes: bytes)
  }

  mutating func add(_ scan: ScanState) {
    scanIndex[scan.id] = scans.count
    scans.append(scan)
    blobs[scan.blob] = UInt64(scan.saved.bytes.count)
  }

  mutating func count(_ entry: LedgerEntry) {
    guard let index = scanIndex[entry.shard.scan] else { return }
    scans[index].accept(entry)
  }

  func entries(of scan: ScanState) -> [LedgerEntry] {
    (0..<scan.description.shards).compactMap { ledger[ShardID(scan: scan.id, number: $0)] }
  }
}
