// The spool: lists queued files and turns them into jobs.
import Kernel
import Plan

/// The spool directory. Not thread-safe: use it from one thread.
public final class Spool {
  /// The priority of a file without `@priority`: the middle, so that others can be higher or lower.
  public static let defaultPriority = Priority(50)

  public let data: DataDirectory
  /// Without events if the directory was missing at the start. Then the listings alone tell of changes.
  private let watch: DirectoryWatch
  private var index = SpoolIndex()
  /// When the whole directory was read last, and when it may be read again (CLOCK_MONOTONIC, nanoseconds).
  private var rescan: (at: UInt64, next: UInt64)?
  /// The directory's attributes at the start, when the watch began, and at the last listing.
  private var watched: FileStatus?
  private var seen: FileStatus?
  private var isRescanNeeded = true
  public var limits = Limits()

  /// An inotify descriptor, readable when something has changed in the spool.
  public var descriptor: Int32 { watch.number }

  /// - Parameter existingFilesAreComplete: whether nothing can be writing to the files in the spool now, because no
  ///   other process has run since the file system was mounted.
  public init(_ data: DataDirectory, existingFilesAreComplete: Bool = false) throws(Fault) {
    self.data = data
    let exists = Files.kind(of: data.spool) == .directory
    watch = try DirectoryWatch(exists ? data.spool : nil)
    guard exists else { return }
    watched = Files.status(of: data.spool)
    if existingFilesAreComplete { index.markComplete(try Files.entries(of: data.spool)) }
  }

  /// Lists the spool. Call this about once a second, and whenever `descriptor` is readable. What has not changed since
  /// the last listing costs nothing.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
  public func list(now: UInt64 = Clock.monotonic) throws(Fault) -> Listing {
    try data.complete()
    // Those without a name are the directory's own: listing it opens it.
    let events = try watch.events()?.filter { !$0.name.bytes.isEmpty }
    index.apply(events)
    noteChange(hasEvents: events.map { !$0.isEmpty })
    let begin = Clock.monotonic
    let isRescan = isRescanDue(now: now)
    if isRescan {
      index.apply(allNames: try Files.entries(of: data.spool).filter { !JobName.isHidden($0) })
    }
    for name in index.takeChanged(now: now) {
      index.update(name, Files.status(of: name, in: data.spool), now: now)
    }
    let cost = Clock.monotonic - begin
    if isRescan { rescanned(at: now, cost: cost) }
    let reading = Clock.monotonic
    while let name = index.nextToRead() {
      index.read(name, Self.priority(of: name, in: data.spool), now: now)
      if Clock.monotonic - reading >= limits.readingTime { break }
    }
    return index.listing(limits)
  }

  /// Finds out whether the events tell what has changed.
  ///
  /// - Parameter hasEvents: whether there were any; nil if some were lost.
  private func noteChange(hasEvents: Bool?) {
    let status = Files.status(of: data.spool)
    let isWatched =
      status != nil && status?.inode == watched?.inode && status?.device == watched?.device
    // Some file systems do not report what other hosts do.
    let isExplained = hasEvents == true || status?.changed == seen?.changed
    seen = status
    if hasEvents == nil || !isWatched || !isExplained { isRescanNeeded = true }
  }

  private func isRescanDue(now: UInt64) -> Bool {
    guard let rescan else { return true }
    return now >= rescan.next && (isRescanNeeded || now >= rescan.at + limits.rescanInterval)
  }

  /// Whoever makes events faster than they are read must not keep the box reading the directory.
  private func rescanned(at now: UInt64, cost: UInt64) {
    isRescanNeeded = false
    rescan = (now, now + (cost < 1_000_000 ? 0 : 10 * cost))
  }

  /// Returns the priority of a claimed file.
  public func priority(of job: Job) -> Priority {
    Self.priority(of: FileName(job.file), in: job.directory) ?? Self.defaultPriority
  }

  /// Returns nil if the file cannot be read.
  private static func priority(of name: FileName, in directory: String) -> Priority? {
    guard let bytes = Files.head(of: name, in: directory, limit: 1 << 16) else { return nil }
    let head = TargetContent.head(bytes, limit: 1 << 16)
    let lines = head.lastIndex(of: UInt8(ascii: "\n")).map { Array(head[...$0]) } ?? head
    let file = try? TargetFile.parse(lines, name: "\(name)")
    return file?.directives.priority ?? defaultPriority
  }

  /// Claims a file: moves it into its own directory in active/, with a new key and seed.
  ///
  /// Returns nil if the file is gone, open for writing or leased. Throws if a file operation fails, for example because
  /// the disk is full; `recoverJobs()` handles whatever was done by then. If the file is at fault, it is still in the
  /// spool.
  public func claim(_ candidate: Candidate, now: UInt64 = Clock.monotonic) throws(EntryError) -> Job? {
    defer { index.lookAgain(at: FileName(candidate.name)) }
    if Files.isOpenForWriting(FileName(candidate.name), in: data.spool) == true {
      index.postpone(FileName(candidate.name), now: now)
      return nil
    }
    let name = data.uniqueName(for: candidate.name)
    let directory = "\(data.active)/\(name)"
    guard try move(FileName(candidate.name), intoNew: directory, as: candidate.name) else { return nil }
    let job = Job(
      name: name, file: candidate.name, directory: directory,
      record: JobRecord(file: candidate.name, now: Clock.realtime))
    try EntryError.box { () throws(Fault) in
      try job.save()
      try Files.syncDirectory(data.active)
      try Files.syncDirectory(data.spool)
    }
    return job
  }

  /// Moves an entry of the spool into a new directory in active/.
  ///
  /// Returns false if the entry is gone. The directory is left only if the entry is in it.
  private func move(_ entry: FileName, intoNew directory: String, as name: String) throws(EntryError)
    -> Bool
  {
    // Its name comes from the entry's, and the file system may not take it.
    try EntryError.changing(entry, in: data.active) { () throws(Fault) in
      try Files.makeDirectory(directory)
    }
    let isMoved: Bool
    do throws(EntryError) {
      isMoved = try Files.move(entry, in: data.spool, to: "\(directory)/\(name)")
    } catch {
      // Recovery would find it otherwise, and once more for every further try.
      try? Files.removeDirectory(directory)
      throw error
    }
    if !isMoved { try EntryError.box { () throws(Fault) in try Files.removeDirectory(directory) } }
    return isMoved
  }

  /// Rejects a file whose name no job can have. Returns its name in rejected/; nil if the file is gone.
  public func rejectUnusable(_ name: FileName) throws(EntryError) -> String? {
    guard let problem = JobName.rejectionReason(for: name) else { return nil }
    let newName = data.uniqueName(for: JobName.sanitized(name))
    return try reject(
      name, as: newName,
      reason:
        "found \(problem.found), expected \(problem.expected). Rename the file; it is stored here as \(newName)"
    )
  }

  /// Moves a file that cannot become a job to rejected/ under another name. Returns nil if the file is gone.
  func reject(_ name: FileName, as newName: String, reason: String) throws(EntryError) -> String? {
    let directory = "\(data.active)/\(newName)"
    guard try move(name, intoNew: directory, as: newName) else { return nil }
    let job = Job(
      name: newName, file: newName, directory: directory,
      record: JobRecord(file: newName, now: Clock.realtime))
    return try EntryError.box { () throws(Fault) in try reject(job, reason: "\(newName): \(reason)") }
  }
}
