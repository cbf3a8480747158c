// What happens to a box's agent, and what it does.
import Support

extension BoxMachine {
  /// Fixed for the life of the process.
  public struct Settings: Sendable {
    public var name: BoxName
    /// 12 hexadecimal digits: a hash of the boot's ID and of the data directory's.
    public var instance: String
    /// /proc/sys/kernel/random/boot_id.
    public var bootID: String
    public var version: String
    /// Random, 16 hexadecimal digits or more, new for each process: nonces begin with it.
    public var token: String
    /// The box's public key, 32 bytes.
    public var publicKey: [UInt8]
    /// The collector's public key, 32 bytes.
    public var fleetKey: [UInt8]
    public var submitKeys: [SSHPublicKey]
    public var denyKeys: [SSHPublicKey]
    /// Shards that are to be on the box with targets left: one that sends and one that waits.
    public var shardsWanted = 2
    /// Chunks in flight, of all shards.
    public var chunksInFlight = 4
    /// Results without a receipt, beyond which no more shards are wanted.
    public var mostUndelivered = 64
    /// Nanoseconds between hellos until the collector says otherwise.
    public var interval: UInt64 = 2_000_000_000
    /// Nanoseconds after which a hello counts as unanswered.
    public var patience: UInt64 = 5_000_000_000
    /// Nanoseconds after which a scanner that says nothing new counts as dead.
    public var scannerPatience: UInt64 = 15_000_000_000

    public init(
      name: BoxName, instance: String, bootID: String, version: String, token: String,
      publicKey: [UInt8], fleetKey: [UInt8], submitKeys: [SSHPublicKey], denyKeys: [SSHPublicKey]
    ) {
      self.name = name
      self.instance = instance
      self.bootID = bootID
      self.version = version
      self.token = token
      self.publicKey = publicKey
      self.fleetKey = fleetKey
      self.submitKeys = submitKeys
      self.denyKeys = denyKeys
    }
  }

  /// What survives the process: `DATA/fleet/state.json`.
  public struct State: Hashable, Sendable {
    /// The highest generation of a collector seen.
    public var generation: UInt64
    /// Of the deny list beside the licence; 0 for none.
    public var denySequence: UInt64
    public var denyDigest: Digest

    public init(
      generation: UInt64 = 0, denySequence: UInt64 = 0, denyDigest: Digest = Digest(of: [])
    ) {
      self.generation = generation
      self.denySequence = denySequence
      self.denyDigest = denyDigest
    }

    public var bytes: [UInt8] {
      JSONValue.object([
        "v": .number(1), "gen": .number(generation), "deny_seq": .number(denySequence),
        "deny_sha256": .digest(denyDigest),
      ]).canonical
    }

    public init(parsing bytes: [UInt8]) throws(FleetError) {
      let fields = try Fields(
        JSONValue(parsing: bytes, "state.json", limit: 4096), "state.json",
        known: ["v", "gen", "deny_seq", "deny_sha256"])
      try fields.requireVersion()
      generation = try fields.number("gen")
      denySequence = try fields.number("deny_seq")
      denyDigest = try fields.digest("deny_sha256")
    }
  }

  /// A job of the fleet in the data directory.
  public struct JobOnDisk: Hashable, Sendable {
    public enum Stage: Hashable, Sendable {
      /// In `spool/`.
      case queued
      /// In `active/`, with targets settled of the shard's, as far as known.
      case active(done: UInt64, size: UInt64)
      /// In `results/`.
      case finished(Outcome)
      /// In `rejected/`, and why.
      case rejected(String)
    }

    /// The directory's or file's name, `fleet-…-K`.
    public var name: String
    public var stage: Stage
    /// There is a manifest for it.
    public var hasManifest: Bool
    /// There is a receipt, `fetched`: it needs nothing more.
    public var hasReceipt: Bool

    public init(name: String, stage: Stage, hasManifest: Bool = false, hasReceipt: Bool = false) {
      self.name = name
      self.stage = stage
      self.hasManifest = hasManifest
      self.hasReceipt = hasReceipt
    }
  }

  /// What summary.json says of a finished job.
  public struct Outcome: Hashable, Sendable {
    /// nil if all targets are settled; else why not: "cancelled", …
    public var incomplete: String?
    public var targets: UInt64
    public var targetsDenied: UInt64
    public var denySequence: UInt64
    /// The counters for the manifest.
    public var summary: [String: UInt64]

    public init(
      incomplete: String? = nil, targets: UInt64, targetsDenied: UInt64, denySequence: UInt64,
      summary: [String: UInt64] = [:]
    ) {
      self.incomplete = incomplete
      self.targets = targets
      self.targetsDenied = targetsDenied
      self.denySequence = denySequence
      self.summary = summary
    }
  }

  /// What status.json says of the scanner.
  public struct Scanner: Hashable, Sendable {
    /// "valid", "expired", "missing" or "invalid"; nil if the scanner has no key `licence`: no job is submitted then.
    public var licence: String?
    /// Why the licence is not valid.
    public var reason: String?
    /// Probes per second.
    public var rate: UInt64
    public var sent: UInt64
    /// Other reasons why the scanner does not work, as sentences.
    public var problems: [String]
    /// The time on its status, which changes every second while it runs; nil if it does not run.
    public var beat: String?

    public init(
      licence: String?, reason: String? = nil, rate: UInt64 = 0, sent: UInt64 = 0,
      problems: [String] = [], beat: String? = nil
    ) {
      self.beat = beat
      self.licence = licence
      self.reason = reason
      self.rate = rate
      self.sent = sent
      self.problems = problems
    }
  }

  /// A job to stage and rename into the spool: the directives, then the files of the blobs, each ended by a line feed.
  public struct Submission: Hashable, Sendable {
    public var shard: ShardID
    public var name: String
    public var directives: String
    public var blobs: [Digest]
  }

  public enum Event: Sendable {
    /// Time has passed: at least twice a second.
    ///
    /// - Parameter date: seconds since 1970 by the wall clock; nil if it is not known to be right.
    case tick(date: UInt64?)
    case connected
    case disconnected(String)
    /// The answer to a hello.
    case answered(nonce: String, [UInt8])
    /// A hello that was not answered, and why.
    case unanswered(nonce: String, String)
    /// The answer to `.askBlob`; empty at the blob's end.
    case blobPiece(Digest, offset: UInt64, [UInt8])
    case blobUnavailable(Digest, String)
    /// After `.finishBlob`: the file has the right hash and is in its place.
    ///
    /// - Parameter content: its bytes, if the effect wanted them.
    case blobStored(Digest, content: [UInt8]?)
    /// After `.finishBlob`: the file had another hash, and was removed.
    case blobDamaged(Digest)
    /// After `.checkPlan`; nil if the files give the plan that the description promises (`FleetPlan.check`).
    case planChecked(Digest, mistake: String?)
    case submitted(ShardID)
    case submissionFailed(ShardID, String)
    /// After `.cutResults`.
    case resultsCut(ShardID, ResultFacts)
    /// After `.readManifest`, or once `.writeManifest` is on disk: the manifest's bytes.
    case manifestReady(ShardID, [UInt8])
    /// `.cutResults`, `.readManifest` or `.writeManifest` failed.
    case resultsUnreadable(ShardID, String)
    /// The collector has a chunk or manifest on its disk.
    case chunkAccepted(ShardID, Digest)
    case chunkFailed(ShardID, Digest, String)
    /// All jobs of the fleet in the data directory: about once a second, and after each effect on jobs.
    case disk([JobOnDisk])
    /// About once a second.
    case scanner(Scanner)
  }

  /// What to do, in order. If a write fails, the process ends, and the next one begins from the disk.
  public enum Effect: Hashable, Sendable {
    /// Send to `q.hello.BOX`; answer with `.answered` or `.unanswered`.
    case sayHello(nonce: String, [UInt8])
    /// Send to `q.blob.BOX.SHA256`.
    case askBlob(Digest, offset: UInt64)
    /// Write a piece to the blob's unfinished file; at offset 0 the file begins anew.
    case appendBlob(Digest, offset: UInt64, [UInt8])
    /// Check the unfinished file's hash, flush it, and rename it to its place.
    case finishBlob(Digest, wantsContent: Bool)
    case removeBlob(Digest)
    /// Replace `state.json`, and flush it.
    case saveState(State)
    /// Replace `deny` by the blob's content, or by an empty file.
    case installDenyList(Digest, isEmpty: Bool)
    /// Replace `licence` by renaming.
    case writeLicence(LicenceFile)
    /// Parse the target files and compare: `FleetPlan.check`.
    case checkPlan(Digest, ScanDescription)
    case submit(Submission)
    /// Write `spool/NAME.cancel`.
    case cancel(String)
    /// Remove the results of a job that was cancelled before all its targets were settled.
    case discard(String)
    /// Run results.csv through a `ResultCutter`.
    case cutResults(ShardID)
    case readManifest(ShardID)
    /// Write and flush `fleet/manifests/NAME`.
    case writeManifest(ShardID, [UInt8])
    /// Read bytes of results.csv and send them to `q.chunk.BOX.SHA256`.
    case sendChunk(ShardID, Digest, offset: UInt64, size: UInt64)
    case sendManifest(ShardID, Digest, [UInt8])
    /// Write `results/NAME/fetched`.
    case writeReceipt(ShardID)
    case log(String)
  }
}

/// How long to wait after failures: 1 s, doubled with each, at most a minute.
struct Backoff: Hashable, Sendable {
  private var failures: UInt64 = 0
  /// CLOCK_BOOTTIME in nanoseconds.
  private(set) var next: UInt64 = 0

  mutating func fail(at now: UInt64) {
    next = now + min(60, 1 << min(failures, 6)) * 1_000_000_000
    failures += 1
  }

  func isDue(at now: UInt64) -> Bool { now >= next }
}
