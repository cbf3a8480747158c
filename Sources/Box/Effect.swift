// What a box wants done. The runtime performs effects in order.

/// Something to do. Effects marked "answered" must be answered by exactly one event, sooner or later.
public enum Effect: Hashable, Sendable {
  /// Answered by `Event.spool`. At most one is outstanding, so the spool needs one thread.
  case spool(SpoolRequest)
  /// Reads a file in the spool and looks for mistakes, beside everything else. Answered by `Event.checked`. At most one
  /// is outstanding. The file may be claimed meanwhile.
  case check(SpoolFile)
  /// Makes the job ready to start: counts the start as a crash, reads its file, plans it under the scope in force, asks
  /// for the next hops. Answered by `prepared`, `unfit` or `unprepared`, unless `settle` comes first.
  case prepare(String)
  /// Starts the scan of a prepared job in a slot from 0. Answered by `ended`; before that by `sent`, if it gets so far.
  case start(String, slot: Int)
  /// Stops a scan as soon as possible. `ended` follows.
  case stop(String, StopReason)
  /// Ends the job's stay in active/, or saves it there. Answered by `settled` or `unsettled`. If it is being prepared,
  /// its preparation is abandoned and has no answer.
  case settle(String, Settlement)
  /// Answered by `Event.disk`. At most one is outstanding.
  case disk(DiskRequest)
  /// Tries to write a file of a job's usual size. Answered by `Event.storage`.
  case probeStorage
  /// Lets all scans send, or none. Scans go on receiving.
  case gate(Gate)
  /// Reads the configuration and its lists. Answered by `Event.reload`. At most one is outstanding.
  case reload
  /// Writes a snapshot to the status files. Answered by `Event.published`.
  case publish
  case log(LogEntry)
  /// Ends the process. The last effect of a box; what was emitted before it must be done first.
  case exit(Exit)
}

public enum SpoolRequest: Hashable, Sendable {
  /// Repairs active/, except for these jobs. `inProcess` if this process may have left jobs there, which then have not
  /// crashed it.
  case recover(except: [String], inProcess: Bool)
  case list
  /// Moves a file to active/.
  case claim(SpoolFile)
  /// Moves a file to rejected/, with the reason.
  case rejectFile(SpoolFile, String)
  /// Moves a file whose name no job can have to rejected/.
  case rejectUnusable(String)
  /// Moves a file to rejected/ because its operator cancelled it.
  case cancelFile(SpoolFile)
  /// Removes a request that was carried out.
  case remove(Cancellation)
  /// Removes or rejects a request for a job that the box does not have, unless a file of its name is arriving.
  case dismiss(Cancellation)
}

/// Why a scan has to stop.
public enum StopReason: Hashable, Sendable {
  /// Its operator cancelled it.
  case cancelled
  /// A job of higher priority waits.
  case preempted
  /// The disk is full, or a fault ended the scan.
  case paused
  /// The link or the gateway is gone, so packets may be lost: what was sent since they were last known to work must be
  /// sent again.
  case disconnected
  /// The process exits.
  case terminated
}

/// Where a job goes.
public enum Settlement: Hashable, Sendable {
  /// To results/.
  case finish
  /// To rejected/, with the reason.
  case reject(String)
  /// To results/, with what it has found so far.
  case cancel
  /// It stays in active/ and resumes later. Records that it has not crashed the box.
  case suspend(StopReason)
}

public enum DiskRequest: Hashable, Sendable {
  case measure
  /// Lists what the box may remove: results that are marked as fetched, then rejected files.
  case listFetched
  /// Removes one of those.
  case remove(String)
}

public enum Gate: Hashable, Sendable {
  case open
  /// One sentence for each reason.
  case closed([String])
}

public struct LogEntry: Hashable, Sendable {
  public enum Level: Hashable, Sendable { case info, notice, warning, error }

  public let level: Level
  public let message: String
  public let metadata: [String: String]

  public init(_ level: Level, _ message: String, _ metadata: [String: String] = [:]) {
    self.level = level
    self.message = message
    self.metadata = metadata
  }
}

/// Why a box ended.
public enum Exit: Hashable, Sendable {
  case signal(Signal)
  case fault(String)
}
