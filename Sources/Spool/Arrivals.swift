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

  /// Applies events in order. nil means that some were lost, which invalidates every state.
  mutating func apply(_ events: [DirectoryWatch.Event]?) {
    guard let events else {
      states = [:]
      return
    }
    for event in events {
      switch event.change {
      case .created: states[event.name] = .created
      // open(2) with O_CREAT reports an open right after the creation; link(2) does not. A close without
      // write access means that the file was only read.
      case .opened where states[event.name] == .created: states[event.name] = .opened
      case .closed where states[event.name] == .opened: states[event.name] = .created
      case .modified: states[event.name] = .writing
      case .closedAfterWriting, .movedIn: states[event.name] = .complete
      case .gone: states[event.name] = nil
      case .opened, .closed: break
      }
    }
  }

  /// Returns whether the file is complete.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
  mutating func isComplete(_ name: FileName, _ status: FileStatus, now: UInt64) -> Bool {
    if let until = postponed[name], now < until { return false }
    switch states[name] {
    case .opened, .writing: return false
    // Many programs create an empty file and write to it later, so an empty file must settle too.
    case .complete where status.size > 0: return true
    case .complete, .created, nil: break
    }
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

  /// Forgets every file that is not in `names`.
  mutating func retain(only names: Set<FileName>) {
    states = states.filter { names.contains($0.key) }
    observations = observations.filter { names.contains($0.key) }
    postponed = postponed.filter { names.contains($0.key) }
  }
}
