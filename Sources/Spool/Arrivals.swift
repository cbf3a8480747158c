// Which files of the spool are complete.
import Kernel

/// What is known of each file: from events where there were some, else from looking at it twice.
///
/// A file that came by rename, or was closed after writing, is complete. One that somebody is known to be
/// writing is not, however long he takes. Of the others (there before the box started, made by link(2),
/// events lost) size and time of the last write must have stood still for a second.
struct Arrivals {
  /// Nanoseconds.
  static let settling: UInt64 = 1_000_000_000

  private enum State { case created, writing, complete }
  private var states: [FileName: State] = [:]
  private var looks: [FileName: (status: FileStatus, since: UInt64)] = [:]

  /// Takes note of events; nil means some were lost, so that nothing is known any more.
  mutating func note(_ events: [DirectoryWatch.Event]?) {
    guard let events else {
      states = [:]
      return
    }
    for event in events {
      switch event.change {
      case .created: states[event.name] = .created
      // A file that is opened as it is made is opened to be written; a link is only made.
      case .opened where states[event.name] == .created: states[event.name] = .writing
      case .modified: states[event.name] = .writing
      case .closedAfterWriting, .movedIn: states[event.name] = .complete
      case .gone: states[event.name] = nil
      case .opened, .closed: break
      }
    }
  }

  /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
  mutating func isComplete(_ name: FileName, _ status: FileStatus, now: UInt64) -> Bool {
    switch states[name] {
    case .writing: return false
    // An empty file is often followed by a second write, so it must settle as well.
    case .complete where status.size > 0: return true
    case .complete, .created, nil: break
    }
    guard let look = looks[name], look.status == status else {
      looks[name] = (status, now)
      return false
    }
    return now >= look.since + Self.settling
  }

  /// Forgets all files but these.
  mutating func keep(_ names: Set<FileName>) {
    states = states.filter { names.contains($0.key) }
    looks = looks.filter { names.contains($0.key) }
  }
}
