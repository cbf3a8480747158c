// The box's directories, locked against other processes.
import Kernel
import Synchronization

/// The data directory: `spool/`, `active/`, `results/`, `rejected/`, and the status files beside them.
public final class DataDirectory: Sendable {
  public let path: String
  /// Where operators put target files.
  public var spool: String { "\(path)/spool" }
  /// One directory for each job that was claimed and has not ended.
  public var active: String { "\(path)/active" }
  public var results: String { "\(path)/results" }
  public var rejected: String { "\(path)/rejected" }
  public var status: String { "\(path)/status.json" }
  public var metrics: String { "\(path)/metrics.prom" }

  /// Held until the process ends; nil if the file system is read-only and has no such file.
  private let lock: Descriptor?
  /// The directory's own lock, as far as nobody else has it: what version 0.1.0 looks at.
  private let directoryLock: Descriptor?
  /// What is odd about the directory, for the log.
  public let notes: [String]
  private let isCompleteFlag = Atomic<Bool>(false)

  /// Locks the data directory and creates the missing ones of its four directories.
  ///
  /// Throws a `Fault` if the data directory does not exist, if another process has locked it, or if the four are not
  /// on one file system: jobs move between them by rename(2), which is atomic, and possible, only within one. If a
  /// directory is missing on a read-only file system, `complete()` creates it later.
  ///
  /// - Parameter owner: the user the box will run as, if the caller is root. Root's own files are given to this user:
  ///   the data directory, its four directories, the status files, the box's files in active/ and the directories in
  ///   results/. Target files and results keep their owners.
  public init(_ path: String, owner: Credentials? = nil) throws(Fault) {
    guard Files.kind(of: path + "/.") == .directory else {
      throw Fault(
        "there is no data directory \(path)",
        remedy: "Create it, or mount the file system that contains it")
    }
    self.path = path
    if let owner { try Self.requireBoxDirectory(path, before: owner) }
    var noLock: Fault?
    lock = try Self.lock(path, unless: &noLock)
    // Other boxes look at this lock, too.
    directoryLock = try Files.lockDirectory(path)
    var notes: [String] = []
    if directoryLock == nil { notes.append(try Self.foreignLock(of: path, owner)) }
    if let noLock { notes.append("\(noLock)") }
    if let note = Self.close("\(path)/active") { notes.append(note) }
    self.notes = notes
    do throws(Fault) {
      try complete()
      if let owner { try changeOwner(to: owner) }
    } catch {
      guard error.cause == .readOnly else { throw error }
    }
  }

  /// Creates the missing ones of the four directories.
  ///
  /// Throws a `Fault` with the cause `EROFS` while the file system is read-only.
  public func complete() throws(Fault) {
    guard !isCompleteFlag.load(ordering: .relaxed) else { return }
    try Files.makeDirectory(active, mode: 0o700)
    for directory in [spool, results, rejected] { try Files.makeDirectory(directory) }
    let spoolDevice = Files.status(of: spool)?.device
    for directory in [active, results, rejected] {
      guard Files.status(of: directory)?.device == spoolDevice else {
        throw Fault(
          "\(spool) and \(directory) are not on one file system, so files cannot be renamed between them",
          remedy: "Mount one file system at \(path), and none below it")
      }
    }
    try Files.syncDirectory(path)
    isCompleteFlag.store(true, ordering: .relaxed)
  }

  /// Returns the lock. If there is no file to lock, because the file system is read-only, returns nil and says so.
  private static func lock(_ path: String, unless missing: inout Fault?) throws(Fault) -> Descriptor? {
    do throws(Fault) {
      if let lock = try Files.lock("\(path)/lock") { return lock }
    } catch {
      guard error.cause == .readOnly else { throw error }
      missing = error
      return nil
    }
    throw inUse(path, by: nil)
  }

  /// Closes active/ to all but the box: whoever may mark results as fetched must not change a running job. A job's directory
  /// keeps its own permissions, which count once it has left.
  ///
  /// - Returns: what to log.
  private static func close(_ active: String) -> String? {
    // Without need, chmod(2) could cost the setgid bit.
    guard let mode = Files.status(of: active)?.mode, mode & 0o077 != 0 else { return nil }
    do throws(Fault) {
      try Files.setMode(active, mode & 0o7700)
      return nil
    } catch {
      return "\(active) is open to other users: \(error)"
    }
  }

  // MARK: - Locks

  private static func inUse(_ path: String, by process: Int32?) -> Fault {
    Fault(
      "another process uses the data directory \(path)"
        + (process.map { ": process \($0)" } ?? ""),
      remedy: "Stop that process, or set another data directory")
  }

  /// Any user who may list the directory can lock it, so its lock alone keeps no box from starting. It does if its holder
  /// could be a box of version 0.1.0: if it runs as root, as this box's user, or as the directory's owner, or cannot be
  /// seen.
  ///
  /// - Returns: what to log.
  private static func foreignLock(of path: String, _ owner: Credentials?) throws(Fault) -> String {
    guard let holder = Files.holder(ofLock: path) else { throw inUse(path, by: nil) }
    let own = [0, Credentials.current().uid, owner?.uid, Files.status(of: path + "/.")?.owner]
    guard !own.contains(holder.user) else { throw inUse(path, by: holder.process) }
    return
      "process \(holder.process) of user \(holder.user) holds a lock on \(path), which no box does: ignored"
  }

  // MARK: - Ownership

  /// Throws a `Fault` if the directory is root's, no box has used it, and it contains other files: a mistyped path
  /// such as /etc must not change its owner.
  private static func requireBoxDirectory(_ path: String, before owner: Credentials) throws(Fault) {
    guard Files.status(of: path + "/.")?.owner == 0, Files.kind(of: "\(path)/active") == nil else {
      return
    }
    let foreign = try Files.entries(of: path).first { !expectedNames.contains($0.text ?? "") }
    guard let foreign else { return }
    throw Fault(
      "the data directory \(path) belongs to root and contains \(foreign), which is not a box's file",
      remedy: "Set another data directory, or give this one to \(owner) with chown")
  }

  private func changeOwner(to owner: Credentials) throws(Fault) {
    try Files.handOver(path + "/.", to: owner)
    for name in Self.expectedNames.subtracting(Self.fileSystemNames).subtracting(Self.serviceNames) {
      try Files.handOver("\(path)/\(name)", to: owner)
    }
    for job in try Files.handOver(entriesOf: active, to: owner) {
      guard let name = job.text else { continue }
      try Files.handOver(entriesOf: "\(active)/\(name)", to: owner) {
        JobName.reserved.contains($0.text ?? "")
      }
    }
    try Files.handOver(entriesOf: results, to: owner)
  }

  /// Created by mkfs.
  private static let fileSystemNames: Set = ["lost+found"]
  /// What the services beside the scanner keep here.
  private static let serviceNames: Set = ["staging", "manage", "network"]

  private static let expectedNames: Set = fileSystemNames.union(serviceNames).union([
    "spool", "active", "results", "rejected", "lock", "status.json", "status.json.new", "metrics.prom",
    "metrics.prom.new",
  ])

  /// Throws a `Fault` unless this process's user may create and remove files in all of it.
  public func requireUsable() throws(Fault) {
    for directory in [path, spool, active, results, rejected]
    where !Files.isUsable(directory, for: .modify) {
      throw Fault(
        "\(Credentials.current()) cannot write to \(directory)",
        remedy:
          "Give it to that user with chown and make all directories above it searchable (chmod o+x), or set "
          + "`user` in the configuration to its owner")
    }
  }

  /// Returns `name`, or the first of `name.2`, `name.3`, … that no job has or had; after a thousand, one with the time, so
  /// that a name that comes again and again does not cost more and more.
  func uniqueName(for name: String) -> String {
    var candidate = name
    var number = 1
    while [active, results, rejected].contains(where: { Files.kind(of: "\($0)/\(candidate)") != nil }) {
      number += 1
      candidate = number <= 1000 ? "\(name).\(number)" : "\(name).\(Clock.realtime)"
    }
    return candidate
  }
}
