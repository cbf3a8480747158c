// Tracks which files in the spool are complete.
import Kernel

/// The write state of each file in the spool, from inotify events, or from two observations where there were none.
///
/// A file that was renamed into the spool, or closed after writing, is complete. A file that is known to be open for
/// writing is not, however long the upload takes. Any other file (present before the box started, created by link(2),
/// or whose events were lost) is complete once its size and modification time have not changed for a second.
/// `Spool.claim` asks the kernel again whether the file is open for writing.
struct Arrivals {
  /// Nanoseconds.
  static let settlingTime: UInt64 = 1_000_000_000

  private enum State {
    case created
    /// Opened by its creator; whether for reading or for writing is unknown.
    case opened
    case writing
    case complete
  }
  private var states: [FileName: State] = [:]
  private var observations: [FileName: (status: FileStatus, since: UInt64)] = [:]
  /// Files that turned out to be incomplete, with the time before which they are not examined again.
  private var postponed: [FileName: UInt64] = [:]

  /// Treats the files as complete because nothing can be writing to them. Later events override this.
  mutating func markComplete(_ names: [FileName]) {
    for name in names { states[name] = .complete }
  }

  /// Forgets what events have told, because some were lost.
  mutating func loseEvents() { states = [:] }

  mutating func apply(_ event: DirectoryWatch.Event) {
    switch event.change {
    case .created: states[event.name] = .created
    // open(2) with O_CREAT reports an open right after the creation; link(2) does not. A close without
    // write access means that the file was only read.
    case .opened where states[event.name] == .created: states[event.name] = .opened
    case .closed where states[event.name] == .opened: states[event.name] = .created
    case .modified: states[event.name] = .writing
    case .closedAfterWriting, .movedIn: states[event.name] = .complete
    case .gone: states[event.name] = nil
    case .opened, .closed, .attributes: break
    }
  }

  /// Returns whether the file is known to be open for writing, or is not examined yet because it was.
  func isWritten(_ name: FileName, now: UInt64) -> Bool {
    if let until = postponed[name], now < until { return true }
    return states[name] == .opened || states[name] == .writing
  }

  /// Returns when a file that is not complete has to be looked at again; nil if an event will tell.
  func nextLook(at name: FileName, now: UInt64) -> UInt64? {
    if let until = postponed[name], now < until { return until }
    if states[name] == .opened || states[name] == .writing { return nil }
    return observations[name].map { $0.since + Self.settlingTime }
  }

  /// Returns whether the file is complete.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
  mutating func isComplete(_ name: FileName, _ status: FileStatus, now: UInt64) -> Bool {
    if isWritten(name, now: now) { return false }
    // Many programs create an empty file and write to it later, so an empty file must settle too.
    if states[name] == .complete, status.size > 0 { return true }
    guard let observation = observations[name], observation.status == status else {
      observations[name] = (status, now)
      return false
    }
    return now >= observation.since + Self.settlingTime
  }

  /// Records that a file that looked complete is open for writing. It is not examined for a second, and must then
  /// stay unchanged for another.
  mutating func postpone(_ name: FileName, now: UInt64) {
    postponed[name] = now + Self.settlingTime
    states[name] = nil
    observations[name] = nil
  }

  mutating func forget(_ name: FileName) {
    states[name] = nil
    observations[name] = nil
    postponed[name] = nil
  }

  /// Forgets every file that is not in `names`.
  mutating func retain(only names: Set<FileName>) {
    states = states.filter { names.contains($0.key) }
    observations = observations.filter { names.contains($0.key) }
    postponed = postponed.filter { names.contains($0.key) }
  }
}
