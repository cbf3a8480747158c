// The data directory as the agent uses it: what an operator with a shell could do, by open directories.
import BoxAPI
import Fleet
import Kernel
import Spool
import Synchronization

/// The directories of a box. Safe to use from several threads.
public final class AgentFolder: Sendable {
  public let path: String
  let root: Directory
  let spool: Directory
  let results: Directory
  let rejected: Directory
  /// Target files on their way, on the same file system as the spool.
  let staging: Directory
  /// The agent's own: licence, deny list, state.
  let fleet: Directory
  /// One file for each job whose results the agent has signed.
  let manifests: Directory
  /// Descriptions of scans, target files and deny lists.
  public let blobs: BlobFolder
  /// The names in the data directory of the jobs that were last listed or submitted, by the shards' names.
  let names = Mutex<[String: String]>([:])
  /// Results that are marked as fetched: they stay until the box needs room, and no look reads them again.
  let settled = Mutex<Set<FileName>>([])

  public static let stagingPath = "staging/fleet"
  public static let fleetPath = "fleet"
  static let blobsPath = "fleet/blobs"
  static let manifestsPath = "fleet/manifests"
  static let own = [stagingPath, fleetPath, blobsPath, manifestsPath]

  /// Opens the directories, all of which must exist (`AgentSetup.prepare`), and removes what an earlier process left
  /// unfinished.
  public init(_ path: String) throws(Fault) {
    self.path = path
    root = try Directory(path)
    spool = try Directory("\(path)/spool")
    results = try Directory("\(path)/results")
    rejected = try Directory("\(path)/rejected")
    staging = try Directory("\(path)/\(Self.stagingPath)")
    fleet = try Directory("\(path)/\(Self.fleetPath)")
    manifests = try Directory("\(path)/\(Self.manifestsPath)")
    blobs = try BlobFolder("\(path)/\(Self.blobsPath)")
    guard staging.ownStatus?.device == spool.ownStatus?.device else {
      throw Fault(
        "\(path)/spool and \(path)/\(Self.stagingPath) are not on one file system",
        remedy: "Mount one file system at \(path), and none below it")
    }
    do throws(Errno) {
      for name in try staging.entries() { try staging.remove(name) }
      for name in try manifests.entries()
      where results.status(name) == nil || results.status(name, FileName(Spool.fetchedMarker)) != nil {
        try manifests.remove(name)
      }
    } catch {
      throw Fault(
        "cannot sweep \(path)/\(Self.stagingPath) and \(path)/\(Self.manifestsPath)", cause: error)
    }
  }

  // MARK: The scanner's status

  private static let statusLimit = 8 << 20

  /// The scanner's status; nil if there is none that can be read.
  public func status() -> BoxSnapshot? {
    (try? root.read(FileName("status.json"), limit: Self.statusLimit)).flatMap { BoxSnapshot(json: $0) }
  }

  // MARK: The agent's files

  private static let statePath = "\(fleetPath)/state.json"

  /// What an earlier process knew; nothing if there was none.
  public func state() throws -> BoxMachine.State {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try fleet.read(FileName("state.json"), limit: 1 << 16) } catch {
      if error == .noSuchFile { return BoxMachine.State() }
      throw Fault("cannot read \(path)/\(Self.statePath)", cause: error)
    }
    return try BoxMachine.State(parsing: bytes)
  }

  public func save(_ state: BoxMachine.State) throws(Fault) {
    try Files.replace("\(path)/\(Self.statePath)", with: state.bytes, durable: true)
  }

  /// After a power cut the licence is of another boot, so it need not be flushed.
  public func write(_ licence: LicenceFile) throws(Fault) {
    try Files.replace(
      "\(path)/\(Self.fleetPath)/licence", with: Array(licence.text.utf8), durable: false)
  }

  /// Puts a deny list beside the licence.
  public func installDenyList(_ digest: Digest, isEmpty: Bool) throws(Fault) {
    let list = isEmpty ? [] : try blobs.read(digest, limit: Int(DenyObject.largestList))
    guard let list else { throw Fault("the deny list \(digest) is gone from \(blobs.path)") }
    try Files.replace("\(path)/\(Self.fleetPath)/deny", with: list, durable: true)
  }

  /// Tells this disk from others: made once.
  public func diskID() throws(Fault) -> String {
    let name = FileName("disk-id")
    if let bytes = try? fleet.read(name, limit: 64), !bytes.isEmpty {
      return String(decoding: bytes, as: UTF8.self)
    }
    let made = Nonce.make()
    try Files.replace("\(path)/\(Self.fleetPath)/disk-id", with: Array(made.utf8), durable: true)
    return made
  }
}
