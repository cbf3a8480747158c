// What happens to a box. The runtime turns every answer, report and signal into one of these.
import BoxAPI
import Plan

/// Something that happened. Events that are answers say which effect they answer.
public enum Event: Hashable, Sendable {
  /// Time has passed. Send one every 100 ms, and as the first event.
  case tick
  case signal(Signal)
  /// inotify reports a change in the spool.
  case spoolChanged
  /// The answer to the outstanding `Effect.spool`.
  case spool(SpoolAnswer)
  /// The answer to `Effect.check`.
  case checked(SpoolFile, CheckAnswer)
  /// Something happened to the job of this name.
  case job(String, JobEvent)
  /// The answer to the outstanding `Effect.disk`.
  case disk(DiskAnswer)
  /// Whether files can be written: the answer to `Effect.probeStorage`, or a report of a scan's writer.
  case storage(StorageReport)
  /// Whether results and journal reach the disk without delay.
  case writer(WriterReport)
  /// The state of the link, about once a second.
  case link(LinkReport)
  /// Whether the gateway replies, whenever it was asked.
  case gateway(GatewayReport)
  /// The outcome of a look at the scope lists, about once a second.
  case scope(ScopeReport)
  /// The licence has become valid, or has ceased to be.
  case licence(LicenceReport)
  /// The answer to `Effect.reload`.
  case reload(ReloadAnswer)
  /// The answer to `Effect.publish`.
  case published(PublishAnswer)
  /// A failure that the box cannot clear: it saves its jobs and exits.
  case fault(String)
}

public enum Signal: Hashable, Sendable {
  case interrupt, terminate
  /// Reads the configuration again.
  case hangUp
}

/// Why something could not be done.
public struct Failure: Error, Hashable, Sendable {
  public enum Kind: Hashable, Sendable, CaseIterable {
    /// The disk fails. The box pauses until it can write again.
    case storage
    /// The disk takes no more data. The same, and the box makes room.
    case full
    /// The link is down or was. The box pauses until it is up.
    case link
    /// The gateway does not reply. The box tries again after a second.
    case gateway
    /// This one file or job is at fault, for example because it cannot be read. It is refused; the box continues.
    case entry
    /// The box is at fault. It exits.
    case box
  }

  public let kind: Kind
  /// What failed, where, and why.
  public let message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}

// MARK: - The spool

/// A complete file in the spool with a usable name. A file whose content changes is another one.
public struct SpoolFile: Hashable, Sendable {
  public let name: String
  public let priority: Priority
  /// The time of its last change, nanoseconds since 1970.
  public let arrived: UInt64

  public init(name: String, priority: Priority, arrived: UInt64) {
    self.name = name
    self.priority = priority
    self.arrived = arrived
  }
}

/// A request to cancel a job: the file NAME.cancel.
public struct Cancellation: Hashable, Sendable {
  /// The name of the request's file.
  public let file: String
  /// The name of the job: of its directory in active/, or of its target file in the spool.
  public let job: String

  public init(file: String, job: String) {
    self.file = file
    self.job = job
  }
}

/// The contents of the spool at one moment.
public struct SpoolListing: Hashable, Sendable {
  /// The next to run first: by priority, then by age.
  public var queue: [SpoolFile] = []
  /// Complete files whose names no job can have.
  public var unusable: [String] = []
  /// Entries that are no regular files.
  public var ignored: [String] = []
  /// The number of files that may still be being written.
  public var arriving = 0
  public var cancellations: [Cancellation] = []
  /// Files of the queue for which there is no room, with the reason.
  public var refused: [SpoolFile: String] = [:]

  public init() {}
}

/// A job in active/.
public struct JobInfo: Hashable, Sendable {
  /// The name of its directory.
  public let name: String
  public let priority: Priority
  /// The time of its claim (RFC 3339), which orders jobs of one priority.
  public let created: String
  /// How often it was started.
  public let starts: Int

  public init(name: String, priority: Priority, created: String, starts: Int) {
    self.name = name
    self.priority = priority
    self.created = created
    self.starts = starts
  }
}

/// What a recovery of active/ found.
public struct Recovery: Hashable, Sendable {
  /// Jobs to resume.
  public var jobs: [JobInfo] = []
  /// What was repaired, for the log, by the job's name.
  public var repairs: [String: String] = [:]
  /// Jobs that had ended and only had to be moved: their names in results/.
  public var finished: [String] = []
  /// Jobs rejected because they ended the box too often: their names in rejected/.
  public var quarantined: [String] = []
  /// Anything else, for the log.
  public var notes: [String] = []

  public init() {}
}

public enum SpoolAnswer: Hashable, Sendable {
  /// To `.recover`.
  case recovered(Recovery)
  /// To `.list`.
  case listed(SpoolListing)
  /// To `.claim`.
  case claimed(JobInfo)
  /// To `.rejectFile` and `.rejectUnusable`: the name in rejected/.
  case rejected(as: String)
  /// To `.cancelFile`: the name in rejected/.
  case cancelled(as: String)
  /// To `.claim`, `.rejectFile`, `.rejectUnusable` and `.cancelFile`: the file is gone or open for writing.
  case absent
  /// To `.remove`.
  case removed
  /// To `.dismiss`.
  case dismissed(Dismissal)
  /// To any request.
  case failed(Failure)
}

/// What became of a request to cancel a job that the box does not have.
public enum Dismissal: Hashable, Sendable {
  /// The spool has an incomplete file of this name, so the request stays.
  case deferred
  /// The job has ended, and the request was removed.
  case ended
  /// There is no such job: the request's name in rejected/.
  case rejected(as: String)
}

public enum CheckAnswer: Hashable, Sendable {
  case valid
  /// One line for each mistake: where, what was found, what was expected.
  case invalid(String)
  case failed(Failure)
}

// MARK: - Jobs

public enum JobEvent: Hashable, Sendable {
  /// To `Effect.prepare`: the job can start.
  case prepared
  /// To `Effect.prepare`: the target file is at fault. One line for each mistake.
  case unfit(String)
  /// To `Effect.prepare`: the job could not be prepared.
  case unprepared(Failure)
  /// About once a second from `Effect.start` to `ended`.
  case progress(ScanProgress)
  /// The scan has sent its last probe, and its cooldown begins.
  case sent
  /// The scan has ended and released its slot. The progress is nil if it sent nothing.
  case ended(ScanEnd, last: ScanProgress?)
  /// To `Effect.settle`: done, with the job's name in its new place.
  case settled(as: String)
  /// To `Effect.settle`.
  case unsettled(Failure)
}

/// How a scan ended.
public enum ScanEnd: Hashable, Sendable {
  /// By itself: its cooldown is over, or it reached a limit.
  case complete
  /// By `Effect.stop`. What another process needs to resume it is saved.
  case stopped
  /// Its last checkpoint stands.
  case failed(Failure)
}

// MARK: - The machine

public enum DiskAnswer: Hashable, Sendable {
  /// To `.measure`: how full the file system is, from 0 to 100 %.
  case used(percent: Int)
  /// To `.listFetched`: the oldest first.
  case fetched([String])
  /// To `.remove`.
  case removed
  /// To any request.
  case failed(Failure)
}

public enum StorageReport: Hashable, Sendable {
  case works
  case failed(String)
  /// The disk takes no more data, whatever free space it reports.
  case full(String)
}

public enum WriterReport: Hashable, Sendable {
  /// Nothing waits for the disk.
  case writes
  /// Results have been waiting since this time (CLOCK_MONOTONIC, nanoseconds).
  case stalled(since: UInt64)
}

public enum LinkReport: Hashable, Sendable {
  case up
  /// For example `eth0 has no carrier`.
  case down(String)
}

public enum GatewayReport: Hashable, Sendable {
  case replies
  case silent(String)
}

/// Before the runtime sends `valid`, it must have denied the newly denied addresses to all scans.
public enum ScopeReport: Hashable, Sendable {
  /// The files are as they were at the last look.
  case unchanged
  /// The files changed, and are valid.
  case valid(sha256: String, newlyDenied: UInt64)
  /// A list is missing or wrong.
  case invalid(String)
}

/// The senders obey the licence by themselves: the box only shows it.
public enum LicenceReport: Hashable, Sendable {
  /// It allows probes.
  case valid
  /// It is valid, but its rate is 0.
  case withoutRate(String)
  /// There is none, it has expired, or it is wrong: the reason, and what to do.
  case invalid(String)

  /// Why nothing is sent; nil if something may be.
  public var reason: String? {
    switch self {
    case .valid: nil
    case .withoutRate(let reason), .invalid(let reason): reason
    }
  }
}

public enum ReloadAnswer: Hashable, Sendable {
  /// The new configuration is in force for jobs that start from now on.
  case applied(diskHighWater: Int, scopeSHA256: String, newlyDenied: UInt64)
  /// The old configuration stays in force.
  case rejected(String)
}

public enum PublishAnswer: Hashable, Sendable {
  case written
  case failed(String)
}
