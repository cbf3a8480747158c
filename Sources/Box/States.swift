// The states of the box's parts. Each carries the data that it needs, and no other.
import BoxAPI
import Plan

package enum Phase: Hashable, Sendable {
  case serving
  /// Jobs are being saved. The deadline is CLOCK_MONOTONIC, nanoseconds, as are all times here.
  case stopping(Exit, deadline: UInt64)
  case ended(Exit)
}

package enum RecoveryState: Hashable, Sendable {
  /// active/ may hold jobs that the box does not know.
  case needed(inProcess: Bool)
  case done
}

package enum ReloadState: Hashable, Sendable {
  case idle, running
  /// Another request came while one runs.
  case runningAgain
}

/// A job in active/ that waits for its turn.
package struct WaitingJob: Hashable, Sendable {
  package enum State: String, Sendable {
    /// Its file has been claimed, and it has not begun.
    case claimed
    /// The process that ran it ended.
    case interrupted
    /// A job of higher priority took its place.
    case preempted
    /// A fault suspended it.
    case paused
  }

  package let info: JobInfo
  package var state: State
  /// How often it was started, by this process too.
  package var starts: Int

  package var name: String { info.name }
  var priority: Priority { info.priority }

  init(_ info: JobInfo, _ state: State) {
    self.info = info
    self.state = state
    starts = info.starts
  }

  /// By priority, then by age.
  func precedes(_ other: Self) -> Bool {
    if priority != other.priority { return priority > other.priority }
    return (info.created, name) < (other.info.created, other.name)
  }
}

/// The job before all others.
package enum Front: Hashable, Sendable {
  case free
  case preparing(WaitingJob)
  /// Prepared, and waiting until it may send.
  case ready(WaitingJob)
  case sending(Scan)

  package var job: WaitingJob? {
    switch self {
    case .free: nil
    case .preparing(let job), .ready(let job): job
    case .sending(let scan): scan.job
    }
  }
}

/// A scan in its slot.
package struct Scan: Hashable, Sendable {
  package let job: WaitingJob
  package let slot: Int
  var progress: ScanProgress?
  /// Probes per second since the previous progress.
  var rate = 0.0
  /// Why it was told to stop; nil if it was not.
  package var stop: StopReason?

  package init(_ job: WaitingJob, slot: Int) {
    self.job = job
    self.slot = slot
  }

  mutating func update(_ new: ScanProgress) {
    rate = new.rate(since: progress)
    progress = new
  }
}

/// A job on its way out of active/, or being saved there.
package struct Settling: Hashable, Sendable {
  package enum Attempt: Hashable, Sendable {
    case running
    /// Until the disk works again.
    case waiting
  }

  package let job: WaitingJob
  package let step: Settlement
  package var attempt: Attempt

  package var name: String { job.name }
}

/// A request of an operator to cancel a job.
package struct CancelRequest: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    case pending
    /// Until the next listing, because the file is still being written.
    case deferred
    /// Its file can be removed.
    case carriedOut
  }

  package let cancellation: Cancellation
  package var state: State
}

/// What is known about the spool.
package struct SpoolState: Sendable {
  enum Look: Hashable, Sendable {
    case never
    case succeeded(at: UInt64)
    case failed(at: UInt64, String)
  }

  /// Something of its own that keeps failing. It is left alone.
  enum Refused: Hashable, Sendable {
    case file(SpoolFile)
    case name(String)
    case request(Cancellation)
    case job(String)
    case results(String)
  }

  var look = Look.never
  /// Whether something changed since the last listing was requested.
  var isChanged = false
  /// Complete files without known mistakes, the next to run first.
  package internal(set) var files: [SpoolFile] = []
  /// The file that is being checked.
  var checking: SpoolFile?
  /// The files that still have to be checked, the next one last.
  var unchecked: [SpoolFile] = []
  var checked: Set<SpoolFile> = []
  /// Files with mistakes, and why they are rejected.
  package internal(set) var unfit: [(file: SpoolFile, reason: String)] = []
  var unusable: [String] = []
  var ignored: [String] = []
  var arriving = 0
  var refused: [Refused: String] = [:]

  init() {}

  /// Forgets a file that has left the spool.
  mutating func remove(_ file: SpoolFile) {
    if let index = files.firstIndex(of: file) { files.remove(at: index) }
    unfit.removeAll { $0.file == file }
  }
}

/// What was shown in the status files.
struct Shown: Hashable, Sendable {
  let state: BoxState
  let problems: [String]
}

enum Publication: Sendable {
  case idle(last: (shown: Shown, began: UInt64)?)
  case inFlight(Shown, began: UInt64)
}

package enum ScopeState: Hashable, Sendable {
  case stable(String)
  /// Valid, but just changed. A list that is being rewritten in place may look complete when it is cut off at a line end,
  /// so jobs start only once it was found unchanged.
  case settling(String)
  case invalid(String, reason: String)

  /// The hash of the last valid scope.
  var sha256: String {
    switch self {
    case .stable(let hash), .settling(let hash), .invalid(let hash, _): hash
    }
  }
}

enum StorageState: Hashable, Sendable {
  case works
  case failed(String, probeAt: UInt64)
  case probing(String)

  var failure: String? {
    switch self {
    case .works: nil
    case .failed(let message, _), .probing(let message): message
    }
  }
}

enum WriterState: Hashable, Sendable {
  case writes
  case stalled(since: UInt64)
}

enum LinkState: Hashable, Sendable {
  case up
  /// As the link itself reports.
  case down(String)
  /// As a job found out. The next report decides.
  case failed(String)
}

enum GatewayState: Hashable, Sendable {
  case replies
  /// Only another try can tell whether it replies again.
  case silent(String, retryAt: UInt64)
}

/// The space on the disk, and the look at it that is under way.
struct DiskState: Sendable {
  enum Space: Hashable, Sendable {
    case unknown, available
    case full(String)
  }

  /// Fetched results that may be removed, and how many were in this look.
  struct Removals: Hashable, Sendable {
    var names: ArraySlice<String>
    var count = 0
  }

  enum Look: Hashable, Sendable {
    case waiting(until: UInt64)
    /// nil before fetched results were listed.
    case measuring(Removals?)
    case listing
    case removing(String, Removals)
  }

  /// Whether writes fail for lack of space, whatever share of the disk is in use.
  enum Shortage: Hashable, Sendable {
    case none
    /// Fetched results are removed, one after the other, until a write succeeds.
    case some
    /// There is nothing that may be removed.
    case unmet(String)
  }

  var highWater: Int
  /// Whether the last measurement was above it.
  var isAboveMark = false
  var space = Space.unknown
  var shortage = Shortage.none
  var look = Look.waiting(until: 0)

  init(highWater: Int) { self.highWater = highWater }

  /// Notes whether a write failed for lack of space, or ended that. Looks at once for something to remove.
  mutating func refuses(_ isShort: Bool, _ now: UInt64) {
    guard isShort else {
      shortage = .none
      return
    }
    if shortage == .none { shortage = .some }
    if shortage == .some, case .waiting = look { look = .waiting(until: now) }
  }

  /// Changes the mark, and looks again at once.
  mutating func set(highWater mark: Int, _ now: UInt64) {
    highWater = mark
    if case .waiting = look { look = .waiting(until: now) }
  }
}
