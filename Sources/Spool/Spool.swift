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
  private var arrivals = Arrivals()
  /// What one listing may cost.
  public struct Limits: Hashable, Sendable {
    /// The most files that wait in the queue at one time. The others stay in the spool until there is room.
    public var queued = 10_000
    /// The most bytes that the files in the spool may have together. The last ones by priority and age are refused.
    public var bytes: UInt64 = .max
    /// How long reading the starts of new files may take, nanoseconds. At least one is read.
    public var readingTime: UInt64 = 100_000_000

    public init() {}
  }
  public var limits = Limits()

  /// Priorities read so far, with the file's status at that time, and until when they hold.
  private var priorities: [FileName: (status: FileStatus, priority: Priority, until: UInt64)] = [:]

  /// An inotify descriptor, readable when something has changed in the spool.
  public var descriptor: Int32 { watch.number }

  /// - Parameter existingFilesAreComplete: whether nothing can be writing to the files in the spool now, because no
  ///   other process has run since the file system was mounted.
  public init(_ data: DataDirectory, existingFilesAreComplete: Bool = false) throws(Fault) {
    self.data = data
    let exists = Files.kind(of: data.spool) == .directory
    watch = try DirectoryWatch(exists ? data.spool : nil)
    if exists, existingFilesAreComplete {
      arrivals.markComplete(try Files.entries(of: data.spool))
    }
  }

  /// A queued file: complete, and with a usable name.
  public struct Candidate: Hashable, Sendable {
    public let name: String
    public let priority: Priority
    /// The time of the last change of its name or content (`st_ctim`), nanoseconds since 1970.
    public let arrived: UInt64
    /// Bytes.
    public let size: UInt64
  }

  /// The contents of the spool at one moment.
  public struct Listing: Hashable, Sendable {
    /// The next to run first.
    public var queue: [Candidate] = []
    /// The files of the queue that exceed `Limits.bytes`.
    public var excess: [Candidate] = []
    /// Complete files whose names no job can have.
    public var unusable: [FileName] = []
    /// Symbolic links, directories, FIFOs, sockets and devices. The box never opens them.
    public var ignored: [FileName] = []
    /// The number of files that may still be being written, or for which the queue has no room yet.
    public var arriving = 0
    /// Requests to cancel jobs.
    public var cancellations: [Cancellation] = []

    public init() {}

    /// Leaves out the last files of the queue, except those that are to be cancelled.
    mutating func trim(to count: Int) {
      guard queue.count > count else { return }
      let cancelled = Set(cancellations.map(\.job))
      let kept = queue[count...].filter { cancelled.contains($0.name) }
      arriving += queue.count - count - kept.count
      queue.replaceSubrange(count..., with: kept)
    }

    /// Finds the files that do not fit into `bytes` after those before them.
    mutating func measure(against bytes: UInt64) {
      var room = bytes
      for candidate in queue {
        if candidate.size <= room { room -= candidate.size } else { excess.append(candidate) }
      }
    }

    /// Sorts the queue by priority, then by age.
    mutating func sort() {
      queue.sort { a, b in
        if a.priority != b.priority { return a.priority > b.priority }
        return (a.arrived, a.name) < (b.arrived, b.name)
      }
    }
  }

  /// Lists the spool. Call this about once a second, and whenever `descriptor` is readable.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
  public func list(now: UInt64 = Clock.monotonic) throws(Fault) -> Listing {
    try data.complete()
    arrivals.apply(try watch.events())
    var listing = Listing()
    let names = try Files.entries(of: data.spool).filter { !JobName.isHidden($0) }
    var reading: UInt64 = 0
    for name in names {
      guard let status = Files.status(of: name, in: data.spool) else { continue }
      guard status.kind == .file else {
        listing.ignored.append(name)
        continue
      }
      // In force as soon as the file exists.
      if let cancellation = Cancellation(name) {
        listing.cancellations.append(cancellation)
        continue
      }
      guard arrivals.isComplete(name, status, now: now) else {
        listing.arriving += 1
        continue
      }
      guard JobName.rejectionReason(for: name) == nil, let text = name.text else {
        listing.unusable.append(name)
        continue
      }
      let isKnown = isKnown(name, status, now: now)
      guard isKnown || reading <= limits.readingTime else {
        listing.arriving += 1
        continue
      }
      let begin = isKnown ? 0 : Clock.monotonic
      listing.queue.append(
        Candidate(
          name: text, priority: priority(of: name, status, now: now), arrived: status.changed,
          size: status.size))
      if !isKnown { reading += max(1, Clock.monotonic - begin) }
    }
    let present = Set(names)
    arrivals.retain(only: present)
    priorities = priorities.filter { present.contains($0.key) }
    listing.sort()
    listing.trim(to: limits.queued)
    listing.measure(against: limits.bytes)
    return listing
  }

  /// Reads only the start of the file, because directives come before the first entry. Errors are reported when the
  /// file becomes a job.
  private func priority(of name: FileName, _ status: FileStatus, now: UInt64) -> Priority {
    if isKnown(name, status, now: now), let known = priorities[name] { return known.priority }
    let found = Self.priority(of: name, in: data.spool)
    let priority = found ?? Self.defaultPriority
    // A file that cannot be read now, because of a lease for example, may be readable later.
    priorities[name] = (status, priority, found == nil ? now + 10_000_000_000 : .max)
    return priority
  }

  private func isKnown(_ name: FileName, _ status: FileStatus, now: UInt64) -> Bool {
    priorities[name].map { $0.status == status && now < $0.until } ?? false
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
    if Files.isOpenForWriting(FileName(candidate.name), in: data.spool) == true {
      arrivals.postpone(FileName(candidate.name), now: now)
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
