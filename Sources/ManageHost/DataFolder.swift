// The data directory as the management service uses it: what an operator with a shell could do, by open directories.
import BoxAPI
import Kernel
import Manage
import Plan
import Spool

/// SHA-256 of bytes that come in pieces.
public protocol FileHash: Sendable {
  mutating func update(_ bytes: [UInt8])
  /// Returns the 32 bytes of the hash.
  func finish() -> [UInt8]
}

/// The directories of a box. Safe to use from several threads.
public final class DataFolder: Sendable {
  public let path: String
  let makeHash: @Sendable () -> any FileHash
  let root: Directory
  let spool: Directory
  let results: Directory
  let rejected: Directory
  /// Uploads on their way, on the same file system as the spool.
  let staging: Directory
  /// One file for each job that came through the service: whose it is.
  let owners: Directory

  /// The service's own directories, in the data directory.
  public static let stagingPath = "staging/manage"
  public static let statePath = "manage"
  public static let ownersPath = "manage/owners"

  /// Opens the directories, all of which must exist (`prepare`).
  public init(_ path: String, hash makeHash: @escaping @Sendable () -> any FileHash) throws(Fault) {
    self.path = path
    self.makeHash = makeHash
    root = try Directory(path)
    spool = try Directory("\(path)/spool")
    results = try Directory("\(path)/results")
    rejected = try Directory("\(path)/rejected")
    staging = try Directory("\(path)/\(Self.stagingPath)")
    owners = try Directory("\(path)/\(Self.ownersPath)")
    guard staging.ownStatus?.device == spool.ownStatus?.device else {
      throw Fault(
        "\(path)/spool and \(path)/\(Self.stagingPath) are not on one file system, so uploads cannot be renamed into the "
          + "spool", remedy: "Mount one file system at \(path), and none below it")
    }
  }

  /// Removes what an earlier process left in staging. Returns how many files that were.
  public func sweepStaging() throws(Fault) -> Int {
    do throws(Errno) {
      let names = try staging.entries()
      for name in names { try staging.remove(name) }
      return names.count
    } catch {
      throw Fault("cannot sweep \(staging.path)", cause: error)
    }
  }

  // MARK: The scanner's files

  private static let statusLimit = 8 << 20

  /// status.json as the scanner wrote it; nil if there is none.
  public func statusText() -> [UInt8]? {
    try? root.read(FileName("status.json"), limit: Self.statusLimit)
  }

  public func status() -> BoxSnapshot? { statusText().flatMap { BoxSnapshot(json: $0) } }

  /// metrics.prom as the scanner wrote it; nil if there is none.
  public func metricsText() -> [UInt8]? {
    try? root.read(FileName("metrics.prom"), limit: Self.statusLimit)
  }

  // MARK: Room

  /// The share of the disk's space and files that is left to the box.
  static let reservedPercent: UInt64 = 5

  /// - Parameter bytes: what is about to be written.
  /// - Throws: a `Problem` if that would use what is reserved.
  func requireRoom(for bytes: UInt64) throws(Problem) {
    let space: DiskSpace
    do throws(Errno) {
      space = try staging.space()
    } catch {
      throw Problem.unavailable("cannot read the free space of the disk: \(error)")
    }
    func isShort(_ total: UInt64, _ available: UInt64, _ wanted: UInt64) -> Bool {
      let reserved = total / 100 * Self.reservedPercent
      let (needed, overflow) = wanted.addingReportingOverflow(reserved)
      return overflow || available < needed
    }
    if isShort(space.total, space.available, bytes) {
      throw Problem(
        507, "The disk has no room",
        "\(space.available) of \(space.total) bytes are free, and \(Self.reservedPercent) % are reserved for the box; "
          + "mark results as fetched, so that the box may remove them")
    }
    if space.files > 0, isShort(space.files, space.availableFiles, 4) {
      throw Problem(
        507, "The disk has no room",
        "\(space.availableFiles) of \(space.files) files are free, and \(Self.reservedPercent) % are reserved for the "
          + "box; mark results as fetched, so that the box may remove them")
    }
  }

  /// The problem that a failed write is.
  static func problem(writing what: String, _ errno: Errno) -> Problem {
    if errno == .noSpace || errno == .quotaExceeded {
      return Problem(507, "The disk has no room", "cannot write \(what): \(errno)")
    }
    return Problem(500, "The service failed", "cannot write \(what): \(errno)")
  }
}
