// The spool: which files wait, and how one of them becomes a job.
import Kernel
import Plan

/// The spool directory and what comes of its files. Used by one thread.
public final class Spool {
  /// The priority of a file without `@priority`: in the middle, so that others can go before and after.
  public static let defaultPriority = Priority(50)

  public let data: DataDirectory
  private let watch: DirectoryWatch
  private var arrivals = Arrivals()
  /// Priorities of files that were looked into, as they were then.
  private var priorities: [FileName: (status: FileStatus, priority: Priority)] = [:]

  /// Readable when something happened in the spool.
  public var descriptor: Int32 { watch.number }

  /// - Parameter isAtRest: nobody else has had the file system since it was mounted, so that nobody is writing what lies
  ///   in the spool now.
  public init(_ data: DataDirectory, isAtRest: Bool = false) throws(Fault) {
    self.data = data
    watch = try DirectoryWatch(data.spool)
    if isAtRest { arrivals.vouch(for: try Files.entries(of: data.spool)) }
  }

  /// A file that is complete and has a usable name.
  public struct Candidate: Hashable, Sendable {
    public let name: String
    public let priority: Priority
    /// When it got its name or content, nanoseconds since 1970.
    public let arrived: UInt64
  }

  /// The spool at a moment.
  public struct Listing: Hashable, Sendable {
    /// In the order in which they are to be taken.
    public var waiting: [Candidate] = []
    /// Complete files that no job can be named after.
    public var unusable: [FileName] = []
    /// Symbolic links, directories, FIFOs, sockets, devices: left alone, never opened.
    public var ignored: [FileName] = []
    /// Files that somebody may still be writing.
    public var arriving = 0
    /// Jobs that operators want to end.
    public var cancellations: [Cancellation] = []

    public init() {}

    /// By priority, then age.
    mutating func sort() {
      waiting.sort { a, b in
        if a.priority != b.priority { return a.priority > b.priority }
        return (a.arrived, a.name) < (b.arrived, b.name)
      }
    }
  }

  /// What is in the spool now. Call it about once a second, and whenever `descriptor` is readable.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
  public func list(now: UInt64 = Clock.monotonic) throws(Fault) -> Listing {
    arrivals.note(try watch.events())
    var listing = Listing()
    let names = try Files.entries(of: data.spool).filter { !JobName.isHidden($0) }
    for name in names {
      guard let status = Files.status(of: name, in: data.spool) else { continue }
      guard status.kind == .file else {
        listing.ignored.append(name)
        continue
      }
      // It means something as soon as it is there.
      if let cancellation = Cancellation(name) {
        listing.cancellations.append(cancellation)
        continue
      }
      guard arrivals.isComplete(name, status, now: now) else {
        listing.arriving += 1
        continue
      }
      guard JobName.objection(to: name) == nil, let text = name.text else {
        listing.unusable.append(name)
        continue
      }
      listing.waiting.append(
        Candidate(name: text, priority: priority(of: name, status), arrived: status.changed))
    }
    let present = Set(names)
    arrivals.keep(present)
    priorities = priorities.filter { present.contains($0.key) }
    listing.sort()
    return listing
  }

  /// Complete files, the next to be taken first.
  public func candidates() throws(Fault) -> [Candidate] { try list().waiting }

  /// Directives stand before the first entry, so the head of a file tells; what is wrong in it is said when
  /// it is its turn.
  private func priority(of name: FileName, _ status: FileStatus) -> Priority {
    if let known = priorities[name], known.status == status { return known.priority }
    let priority = Self.priority(of: name, in: data.spool)
    priorities[name] = (status, priority)
    return priority
  }

  /// What its target file says, as it did in the spool.
  public func priority(of job: Job) -> Priority {
    Self.priority(of: FileName(job.file), in: job.directory)
  }

  private static func priority(of name: FileName, in directory: String) -> Priority {
    guard let bytes = Files.head(of: name, in: directory, limit: 1 << 16) else {
      return defaultPriority
    }
    let head = TargetContent.head(bytes, limit: 1 << 16)
    let lines = head.lastIndex(of: UInt8(ascii: "\n")).map { Array(head[...$0]) } ?? head
    let file = try? TargetFile.parse(lines, name: "\(name)")
    return file?.directives.priority ?? defaultPriority
  }

  /// Makes a file a job: moves it into a directory of its own in active/, under a fresh key and seed. nil
  /// when it is not in the spool any more, or when somebody still has it open for writing.
  ///
  /// Throws a `Fault` when the disk is full or the like; whatever was done by then, `interrupted()` copes.
  public func claim(_ candidate: Candidate, now: UInt64 = Clock.monotonic) throws(Fault) -> Job? {
    if Files.isOpenForWriting(FileName(candidate.name), in: data.spool) == true {
      arrivals.hold(FileName(candidate.name), now: now)
      return nil
    }
    let name = data.freeName(for: candidate.name)
    let directory = "\(data.active)/\(name)"
    try Files.makeDirectory(directory)
    let target = "\(directory)/\(candidate.name)"
    guard try Files.move(FileName(candidate.name), in: data.spool, to: target) else {
      try Files.removeDirectory(directory)
      return nil
    }
    let job = Job(
      name: name, file: candidate.name, directory: directory,
      record: JobRecord(file: candidate.name, now: Clock.realtime))
    try job.save()
    try Files.syncDirectory(data.active)
    try Files.syncDirectory(data.spool)
    return job
  }

  /// Rejects a file whose name no job can have; the name it was rejected under, nil when it is gone.
  public func rejectUnusable(_ name: FileName) throws(Fault) -> String? {
    guard let objection = JobName.objection(to: name) else { return nil }
    let safe = data.freeName(for: JobName.safe(name))
    return try reject(
      name, as: safe,
      reason:
        "found \(objection.found), expected \(objection.expected). Give it another name; here it is "
        + safe)
  }

  /// Moves a file that becomes no job to rejected/ under another name; nil when it is gone.
  func reject(_ name: FileName, as safe: String, reason: String) throws(Fault) -> String? {
    let directory = "\(data.active)/\(safe)"
    try Files.makeDirectory(directory)
    guard try Files.move(name, in: data.spool, to: "\(directory)/\(safe)") else {
      try Files.removeDirectory(directory)
      return nil
    }
    let job = Job(
      name: safe, file: safe, directory: directory, record: JobRecord(file: safe, now: Clock.realtime))
    return try reject(job, reason: "\(safe): \(reason)")
  }
}
