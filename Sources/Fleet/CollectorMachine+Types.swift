// What happens to a collector, and what it does.
import Plan

extension CollectorMachine {
  /// Fixed for the life of the process. Durations are in nanoseconds.
  public struct Settings: Sendable {
    /// /proc/sys/kernel/random/boot_id.
    public var bootID: String
    /// Greater than that of every earlier process: kept on disk, and at least the seconds since 1970.
    public var generation: UInt64
    public var submitKeys: [SSHPublicKey]
    public var denyKeys: [SSHPublicKey]
    public var ttl: UInt64 = 15_000_000_000
    /// Between hellos of one box.
    public var interval: UInt64 = 3_000_000_000
    /// Until a shard is free whose box does not claim it.
    public var leaseTTL: UInt64 = 45_000_000_000
    /// How long a box may hold shards without progress; then others get them.
    public var stallTime: UInt64 = 900_000_000_000
    /// How long a box that is not heard still counts as one with a wider scope.
    public var scopePatience: UInt64 = 180_000_000_000
    /// Shards that one box may hold.
    public var mostShardsPerBox = 16
    /// Bytes of chunks without a ledger line that one box may store.
    public var quotaPerBox: UInt64 = 16 << 30
    /// Shards that are checked at one time.
    public var verifications = 2
    /// Assignments of a shard without progress, after which it is failed.
    public var mostAttempts: UInt8 = 5

    public init(
      bootID: String, generation: UInt64, submitKeys: [SSHPublicKey], denyKeys: [SSHPublicKey]
    ) {
      self.bootID = bootID
      self.generation = generation
      self.submitKeys = submitKeys
      self.denyKeys = denyKeys
    }
  }

  /// A box that the collector has heard of.
  public struct BoxRecord: Hashable, Sendable {
    public enum Standing: String, Hashable, Sendable {
      case pending, approved, revoked
    }

    public var name: BoxName
    /// Ed25519, 32 bytes as hexadecimal digits.
    public var key: String
    public var standing: Standing

    public init(name: BoxName, key: String, standing: Standing) {
      self.name = name
      self.key = key
      self.standing = standing
    }
  }

  /// A scan in the order of submission.
  public struct SavedScan: Hashable, Sendable {
    /// The signed object.
    public var bytes: [UInt8]
    public var isCancelled: Bool

    public init(bytes: [UInt8], isCancelled: Bool) {
      self.bytes = bytes
      self.isCancelled = isCancelled
    }
  }

  /// All that a collector finds on its disk.
  public struct Saved: Sendable {
    public var boxes: [BoxRecord] = []
    public var scans: [SavedScan] = []
    /// Signed deny objects, in ascending order of their sequence numbers; the last one is in force.
    public var denyLists: [[UInt8]] = []
    public var ledger: [LedgerEntry] = []
    /// The lines of the grants file; empty if there is none.
    public var grants: [UInt8] = []
    /// Blobs from operators, and their sizes in bytes.
    public var blobs: [Digest: UInt64] = [:]
    /// Chunks and manifests of each box that no ledger line covers yet, and their sizes.
    public var chunks: [BoxName: [Digest: UInt64]] = [:]

    public init() {}
  }

  /// What follows from the target files of a scan.
  public struct PlanFacts: Hashable, Sendable {
    public var targetCount: UInt64
    /// The most targets in any /24.
    public var mostPer24: UInt64

    public init(targetCount: UInt64, mostPer24: UInt64) {
      self.targetCount = targetCount
      self.mostPer24 = mostPer24
    }
  }

  /// A manifest whose shard is to be checked.
  public struct Verification: Hashable, Sendable {
    public var offer: Offer
    public var manifest: Manifest
    public var description: ScanDescription
    /// All deny lists that were ever in force, which explain denied targets.
    public var denyLists: [DenyObject]

    public init(
      offer: Offer, manifest: Manifest, description: ScanDescription, denyLists: [DenyObject]
    ) {
      self.offer = offer
      self.manifest = manifest
      self.description = description
      self.denyLists = denyLists
    }
  }

  /// What came of it.
  public enum Finding: Hashable, Sendable {
    /// The rows are right, and written and flushed beside `shards/SCAN/K.csv`, to be renamed by `.accept`.
    case whole
    /// They are right, but `targets_denied` is more than the fleet's deny lists explain, which is this number.
    case narrow(explained: UInt64)
    /// Something is wrong.
    case refused(String)
    /// These chunks are not on disk, or have another hash.
    case missing([Digest])
  }

  public enum Event: Sendable {
    /// - Parameter date: seconds since 1970 by the wall clock.
    case tick(date: UInt64)
    /// A message on `q.hello.BOX`.
    ///
    /// - Parameter reply: the caller's number, for `.answer`.
    case hello(BoxName, [UInt8], reply: UInt64)
    /// A message on `q.blob.BOX.SHA256`.
    case blobAsked(BoxName, Digest, [UInt8], reply: UInt64)
    /// A message on `q.chunk.BOX.SHA256`.
    case chunk(BoxName, Digest, [UInt8], reply: UInt64)
    /// After `.storeChunk`: the bytes are flushed.
    case chunkStored(BoxName, Digest, size: UInt64)
    case chunkFailed(BoxName, Digest, String, reply: UInt64)
    /// After `.readManifest`; nil if it is not there.
    case manifestRead(BoxName, Digest, [UInt8]?)
    /// After `.verify`.
    case verified(Offer, BoxName, Finding)
    /// After `.accept`: the ledger's line is flushed.
    case accepted(ShardID)
    /// A message on `q.operator`.
    case operation([UInt8], reply: UInt64)
    /// After `.storeBlobPiece`: the piece is written, and the whole blob has the right hash if it was the last one.
    case blobPieceStored(Digest, size: UInt64, isWhole: Bool, mistake: String?, reply: UInt64)
    /// After `.plan`.
    case planned(Digest, Result<PlanFacts, FleetError>)
    /// After `.checkDenyList`: nil if the list can be parsed.
    case denyListChecked(Digest, mistake: String?)
  }

  /// What to do, in order. If a write fails, the process ends, and the next one begins from the disk.
  public enum Effect: Hashable, Sendable {
    case answer(UInt64, [UInt8])
    /// Append to the grants file before anything that follows. It need not survive the boot.
    case appendGrant([UInt8])
    /// Replace the grants file.
    case replaceGrants([UInt8])
    /// Answer with at most `FleetSubject.largestPiece` bytes of a file from `offset` on: an operator's blob, or one that the
    /// collector made of a signed object (`.saveObject`).
    case sendBlob(Digest, offset: UInt64, reply: UInt64)
    /// Write a signed scan or deny object under its hash, to be sent as a blob, and flush it.
    case saveObject(Digest, [UInt8])
    /// Write a chunk of a box under its hash, flush it, and answer `ok`.
    case storeChunk(BoxName, Digest, [UInt8], reply: UInt64)
    case readManifest(BoxName, Digest)
    /// Remove chunks that are not needed any more.
    case removeChunks(BoxName, [Digest])
    /// Run the chunks through `ShardVerifier`.
    case verify(Verification)
    /// Rename the rows to `shards/SCAN/K.csv`, append the ledger's line, and flush both.
    case accept(LedgerEntry)
    /// Flush these, replacing what was there.
    case saveBoxes([BoxRecord])
    case saveScans([SavedScan])
    /// Flush the list of signed deny objects.
    case saveDenyLists([[UInt8]])
    /// Write a piece of an operator's blob; check the hash and flush it with the last one.
    case storeBlobPiece(Digest, size: UInt64, offset: UInt64, [UInt8], reply: UInt64)
    /// Parse the target files of a scan: `FleetPlan`.
    case plan(ScanDescription)
    /// Parse a deny list: `AddressList.check`.
    case checkDenyList(Digest)
    /// All shards of a scan are in the ledger: merge their files, in order, each checked against its line.
    case merge(Digest, [LedgerEntry])
    case log(String)
  }
}
