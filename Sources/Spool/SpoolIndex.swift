// What is known of the entries of the spool, so that a listing costs what has changed and not what is there.
import Kernel
import Plan

/// The entries of the spool as they were last seen. Changes nothing and reads nothing itself: `Spool` tells it of events,
/// names, attributes and priorities. Hidden names are never told.
struct SpoolIndex {
  /// How long until a file whose start could not be read, because of a lease for example, is read again, nanoseconds.
  static let rereadingTime: UInt64 = 10_000_000_000

  private enum Kind {
    case ignored
    case cancellation(Cancellation)
    /// It may still be being written.
    case arriving
    case unusable
    /// Complete; its priority is not known yet.
    case unread
    case queued(Spool.Candidate)
  }

  private struct Entry {
    let status: FileStatus
    var kind: Kind
  }

  private var entries: [FileName: Entry] = [:]
  private var arrivals = Arrivals()
  private var queue = CandidateQueue()
  /// The entries of all other kinds than `arriving`, `unread` and `queued`.
  private var others: Set<FileName> = []
  /// The number of entries of the kinds `arriving` and `unread`.
  private var arriving = 0
  /// Entries to look at again: because something happened to them, or because their time has come (CLOCK_MONOTONIC,
  /// nanoseconds).
  private var changed: Set<FileName> = []
  private var due: [FileName: UInt64] = [:]
  private var unread = ReadingOrder()
  /// Queued files whose starts could not be read.
  private var unreadable: Set<FileName> = []
  private var last = (listing: Spool.Listing(), limits: Spool.Limits())
  private var isListingStale = false

  // MARK: - What happened

  /// Treats the files as complete because nothing can be writing to them. Later events override this.
  mutating func markComplete(_ names: [FileName]) { arrivals.markComplete(names) }

  /// Applies events in order. nil means that some were lost.
  mutating func apply(_ events: [DirectoryWatch.Event]?) {
    guard let events else { return arrivals.loseEvents() }
    for event in events where !JobName.isHidden(event.name) {
      arrivals.apply(event)
      changed.insert(event.name)
    }
  }

  /// Takes the names of all entries: each has to be looked at.
  mutating func apply(allNames names: [FileName]) {
    changed = Set(names)
    for name in entries.keys where !changed.contains(name) { remove(name) }
    arrivals.retain(only: changed)
  }

  /// Has an entry looked at again.
  mutating func lookAgain(at name: FileName) { changed.insert(name) }

  /// Records that a file that looked complete is open for writing.
  mutating func postpone(_ name: FileName, now: UInt64) {
    arrivals.postpone(name, now: now)
    changed.insert(name)
  }

  // MARK: - Looking at entries

  /// Returns the entries to look at now; each has to be told to `update`.
  mutating func takeChanged(now: UInt64) -> Set<FileName> {
    var names = changed
    changed = []
    for (name, time) in due where time <= now { names.insert(name) }
    for name in names { due[name] = nil }
    return names
  }

  /// Takes the attributes of an entry; nil if there is none of this name.
  mutating func update(_ name: FileName, _ status: FileStatus?, now: UInt64) {
    guard let status else { return remove(name) }
    if let entry = entries[name], entry.status == status, isCurrent(entry, name, now: now) {
      if unreadable.contains(name) { unread.append(name) }
      return
    }
    let kind = kind(of: name, status, now: now)
    // Its contents may differ, but it is not new.
    if case .arriving = kind, let entry = entries[name], case .arriving = entry.kind {
      entries[name] = Entry(status: status, kind: kind)
      return
    }
    remove(name, forgetsArrival: false)
    insert(name, Entry(status: status, kind: kind))
  }

  /// Whether an entry with the same attributes as before is still what it was. Lost events do not make a complete file
  /// incomplete: `Spool.claim` asks the kernel whether it is open for writing.
  private func isCurrent(_ entry: Entry, _ name: FileName, now: UInt64) -> Bool {
    switch entry.kind {
    case .ignored, .cancellation: true
    case .arriving: false
    case .unusable, .unread, .queued: !arrivals.isWritten(name, now: now)
    }
  }

  private mutating func kind(of name: FileName, _ status: FileStatus, now: UInt64) -> Kind {
    guard status.kind == .file else { return .ignored }
    // In force as soon as the file exists.
    if let cancellation = Cancellation(name) { return .cancellation(cancellation) }
    guard arrivals.isComplete(name, status, now: now) else {
      due[name] = arrivals.nextLook(at: name, now: now)
      return .arriving
    }
    return JobName.rejectionReason(for: name) == nil ? .unread : .unusable
  }

  private mutating func insert(_ name: FileName, _ entry: Entry) {
    isListingStale = true
    entries[name] = entry
    switch entry.kind {
    case .ignored, .cancellation, .unusable: others.insert(name)
    case .arriving: arriving += 1
    case .unread:
      arriving += 1
      unread.append(name)
    case .queued(let candidate): queue.insert(candidate)
    }
  }

  private mutating func remove(_ name: FileName, forgetsArrival: Bool = true) {
    if forgetsArrival {
      arrivals.forget(name)
      due[name] = nil
    }
    guard let entry = entries.removeValue(forKey: name) else { return }
    isListingStale = true
    unreadable.remove(name)
    switch entry.kind {
    case .ignored, .cancellation, .unusable: others.remove(name)
    case .arriving, .unread: arriving -= 1
    case .queued(let candidate): queue.remove(candidate)
    }
  }

  // MARK: - Reading the starts of files

  /// Returns the next file whose start has to be read for its priority; nil if there is none.
  mutating func nextToRead() -> FileName? {
    while let name = unread.next() {
      if case .unread = entries[name]?.kind { return name }
      if unreadable.contains(name) { return name }
    }
    return nil
  }

  /// Takes the priority of a file; nil if its start cannot be read now. Then the default holds until it can.
  mutating func read(_ name: FileName, _ priority: Priority?, now: UInt64) {
    guard let entry = entries[name], let text = name.text else { return }
    remove(name, forgetsArrival: false)
    let candidate = Spool.Candidate(
      name: text, priority: priority ?? Spool.defaultPriority, arrived: entry.status.changed,
      size: entry.status.size)
    insert(name, Entry(status: entry.status, kind: .queued(candidate)))
    guard priority == nil else { return }
    unreadable.insert(name)
    due[name] = now + Self.rereadingTime
  }

  // MARK: - The listing

  /// Returns what there is. Costs nothing if that is what there was.
  mutating func listing(_ limits: Spool.Limits) -> Spool.Listing {
    guard isListingStale || limits != last.limits else { return last.listing }
    isListingStale = false
    queue.merge()
    var listing = Spool.Listing()
    listing.number = last.listing.number
    for name in others.sorted() {
      switch entries[name]?.kind {
      case .ignored: listing.ignored.append(name)
      case .cancellation(let cancellation): listing.cancellations.append(cancellation)
      case .unusable: listing.unusable.append(name)
      case .arriving, .unread, .queued, nil: break
      }
    }
    listing.queue = Array(queue.candidates.prefix(limits.queued))
    let excluded = queue.candidates.count - listing.queue.count
    if excluded > 0 { listing.queue += cancelled(by: listing.cancellations, after: listing.queue.last) }
    listing.arriving = arriving + queue.candidates.count - listing.queue.count
    listing.measure(against: limits.bytes)
    if listing != last.listing { listing.number += 1 }
    last = (listing, limits)
    return listing
  }

  /// The files after `candidate` in the queue that are to be cancelled, so that they are not out of reach.
  private func cancelled(by cancellations: [Cancellation], after candidate: Spool.Candidate?)
    -> [Spool.Candidate]
  {
    Set(cancellations.map(\.job)).compactMap { job -> Spool.Candidate? in
      guard case .queued(let found) = entries[FileName(job)]?.kind else { return nil }
      return candidate.map { $0 < found } ?? true ? found : nil
    }.sorted()
  }
}
