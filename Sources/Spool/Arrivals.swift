// Which files of the spool are complete.
import Kernel

/// What is known of each file: from events where there were some, else from looking at it twice.
///
/// A file that came by rename, or was closed after writing, is complete. One that somebody is known to be
/// writing is not, however long he takes. Of the others (there before the box started, made by link(2),
/// events lost) size and time of the last write must have stood still for a second. Whether somebody has it
/// open for writing after all the kernel is asked when it is claimed.
struct Arrivals {
  /// Nanoseconds.
  static let settling: UInt64 = 1_000_000_000

  private enum State {
    case created
    /// By whom, for reading or for writing, is not known.
    case opened
    case writing
    case complete
  }
  private var states: [FileName: State] = [:]
  private var looks: [FileName: (status: FileStatus, since: UInt64)] = [:]
  /// Files that turned out not to be complete; until when they are not looked at.
  private var held: [FileName: UInt64] = [:]

  /// Takes files for complete: nobody can be writing them. What events say of them later holds.
  mutating func vouch(for names: [FileName]) {
    for name in names { states[name] = .complete }
  }

  /// Takes note of events; nil means some were lost, so that nothing is known any more.
  mutating func note(_ events: [DirectoryWatch.Event]?) {
    guard let events else {
      states = [:]
      return
    }
    for event in events {
      switch event.change {
      case .created: states[event.name] = .created
      // A file that is opened as it is made is opened to be written; a link is only made. Who closes it
      // without having been able to write had only looked into it.
      case .opened where states[event.name] == .created: states[event.name] = .opened
      case .closed where states[event.name] == .opened: states[event.name] = .created
      case .modified: states[event.name] = .writing
      case .closedAfterWriting, .movedIn: states[event.name] = .complete
      case .gone: states[event.name] = nil
      case .opened, .closed: break
      }
    }
  }

  /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
  mutating func isComplete(_ name: FileName, _ status: FileStatus, now: UInt64) -> Bool {
    if let until = held[name], now < until { return false }
    switch states[name] {
    case .opened, .writing: return false
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

  /// Somebody has the file open for writing though it looked complete: it is not looked at for a second, and
  /// must then stand still for another.
  mutating func hold(_ name: FileName, now: UInt64) {
    held[name] = now + Self.settling
    states[name] = nil
    looks[name] = nil
  }

  /// Forgets all files but these.
  mutating func keep(_ names: Set<FileName>) {
    states = states.filter { names.contains($0.key) }
    looks = looks.filter { names.contains($0.key) }
    held = held.filter { names.contains($0.key) }
  }
}
