// The state of a box at one moment, as one value. status.json, metrics.prom and `synbox status` are made from it.

/// What a box does. Names that this version does not know are kept.
public struct BoxState: RawRepresentable, Hashable, Sendable, Codable {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  public static let idle = Self(rawValue: "idle")
  public static let preparing = Self(rawValue: "preparing")
  public static let scanning = Self(rawValue: "scanning")
  /// No job sends, and at least one waits for its last replies.
  public static let cooldown = Self(rawValue: "cooldown")
  /// The box sends nothing until a fault clears, and then resumes by itself. `problems` names the fault.
  public static let paused = Self(rawValue: "paused")
  /// The process ended because of a fault of the box, not of a job. `problems` names the fault.
  public static let failed = Self(rawValue: "failed")
  public static let stopped = Self(rawValue: "stopped")

  public static let known: [Self] = [
    .idle, .preparing, .scanning, .cooldown, .paused, .failed, .stopped,
  ]
}

/// What a problem is about. There is at most one problem of each kind, shown in this order.
public enum ProblemKind: Int, Comparable, CaseIterable, Sendable {
  case fault, pause, scope, licence, disk, slowDisk, spool, link, namespace, management, watchdog,
    kernel, image,
    configuration

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  /// Returns the sentences in the order of their kinds.
  public static func sentences(_ problems: [Self: String]) -> [String] {
    problems.sorted { $0.key < $1.key }.map(\.value)
  }
}

/// The state of a box. A document that lacks members, or has others, is read all the same.
public struct BoxSnapshot: Hashable, Sendable {
  /// The version of the format. It changes only if a member changes its meaning.
  public static let currentFormat: UInt64 = 2

  public var format = currentFormat
  /// When this was the state.
  public var time: Timestamp
  public var state: BoxState
  public var problems: [String]
  /// The job that sends or, if none does, the one that is being prepared.
  public var job: JobStatus?
  /// The jobs that wait for their last replies, in the order in which they finished sending.
  public var cooling: [JobStatus] = []
  /// The jobs that wait, in the order in which they will run; the first 1,000.
  public var queue: [QueuedJob] = []
  public var jobsQueued: UInt64 = 0
  public var filesArriving: UInt64 = 0
  /// Entries of the spool that become no job, each with the reason; the first 1,000.
  public var filesIgnored: [String] = []
  /// When the process started.
  public var started = Timestamp(text: "")
  public var pid: UInt64 = 0
  /// Sums since the process started, over all jobs.
  public var counters = Counters()
  public var station = StationModes()
  public var nic = NICState()
  public var scopeSHA256 = ""
  /// nil for a box that needs no licence.
  public var licence: LicenceStatus?
  /// nil if the file system could not be queried.
  public var disk: DiskUse?
  public var versions = Versions()

  /// The greatest number of queued jobs, and of ignored files, that a snapshot names.
  public static let maximumNames = 1000

  public init(time: Timestamp, state: BoxState = .idle, problems: [String] = []) {
    self.time = time
    self.state = state
    self.problems = problems
  }

  /// Whether the process has ended, so that the status stays as it is.
  public var isFinal: Bool { state == .stopped || state == .failed }
}

/// A job that is being prepared, sends, or waits for its last replies.
public struct JobStatus: Hashable, Sendable {
  public var name: String
  public var priority: UInt64
  /// How often it was resumed.
  public var resumed: UInt64
  /// nil before its scan has begun.
  public var progress: JobProgress?

  public init(name: String, priority: UInt64, resumed: UInt64, progress: JobProgress? = nil) {
    self.name = name
    self.priority = priority
    self.resumed = resumed
    self.progress = progress
  }
}

/// The progress of a job.
public struct JobProgress: Hashable, Sendable {
  /// Seconds since this process started or resumed it.
  public var elapsed = 0.0
  /// Seconds to its end at the pace so far; nil before the first probe.
  public var remaining: Double?
  /// From 0 to 1.
  public var fraction = 0.0
  public var probesTotal: UInt64 = 0
  /// Probes per second; 0 is no limit.
  public var rateRequested: UInt64 = 0
  /// Probes per second since the last update.
  public var rate = 0.0
  /// This process's, except for the results, which are all of the job's.
  public var counters = Counters()

  public init() {}

  /// - Parameter rate: probes per second since the last update.
  public init(_ scan: ScanProgress, rate: Double) {
    elapsed = Double(scan.elapsed) / 1e9
    remaining = scan.secondsRemaining
    fraction = scan.fraction
    probesTotal = scan.probesTotal
    rateRequested = scan.rateRequested
    self.rate = rate
    counters = scan.counters
    counters[.results] += scan.resultsBefore
  }
}

/// A job that waits for its turn.
public struct QueuedJob: Hashable, Sendable, Codable {
  public var name: String
  public var priority: UInt64
  /// `queued`, `claimed`, `interrupted`, `preempted` or `paused`.
  public var state: String

  public init(name: String, priority: UInt64, state: String) {
    self.name = name
    self.priority = priority
    self.state = state
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decodeIfPresent(String.self, forKey: .name) ?? "unknown"
    priority = try container.decodeIfPresent(UInt64.self, forKey: .priority) ?? 0
    state = try container.decodeIfPresent(String.self, forKey: .state) ?? ""
  }
}

/// How the box sends and receives, decided when its station was opened.
public struct StationModes: Hashable, Sendable, Codable {
  @OrDefault public var interface = ""
  @OrDefault public var driver = ""
  /// What each sending thread uses.
  @OrDefault public var transmit: [String] = []
  @OrDefault public var receive = ""
  /// Why `auto` chose these modes; nil if it had no choice.
  public var reason: String?
  @OrDefault public var reset = ""
  @OrDefault public var checksum = ""
  @OrDefault public var sourceUse = ""
  /// Whether the interface is alone in its network namespace, beside `lo`: `own` or `shared`.
  @OrDefault public var networkNamespace = ""

  public init() {}

  enum CodingKeys: String, CodingKey {
    case interface, driver
    case transmit = "transmit_mode"
    case receive = "receive_mode"
    case reason = "mode_reason"
    case reset = "rst_mode"
    case checksum = "checksum_mode"
    case sourceUse = "source_use"
    case networkNamespace = "network_namespace"
  }
}

/// The interface at the last check.
public struct NICState: Hashable, Sendable, Codable {
  @OrDefault public var mac = ""
  /// With prefix lengths.
  @OrDefault public var addresses: [String] = []
  /// Bytes.
  @OrDefault public var mtu: UInt64 = 0
  @OrDefault public var up = false
  @OrDefault public var carrier = false

  public init() {}
}

/// The licence of a fleet's box.
public struct LicenceStatus: Hashable, Sendable, Codable {
  public enum State: String, Sendable {
    case valid, expired, missing, invalid
  }

  /// One of `State`, or what another version has.
  @OrDefault public var state = ""
  /// Why nothing may be sent, and what to do; nil if something may.
  public var reason: String?
  /// Probes per second that may be sent now, of all jobs together.
  @OrDefault public var rate: UInt64
  /// The number of the deny list in force; nil before the first licence.
  public var denySequence: UInt64?
  /// Until it expires; nil unless it is valid.
  public var expiresIn: Double?

  public init(_ state: State, reason: String? = nil) {
    self.state = state.rawValue
    self.reason = reason
    rate = 0
  }

  enum CodingKeys: String, CodingKey {
    case state, reason, rate
    case denySequence = "deny_sequence"
    case expiresIn = "expires_in_seconds"
  }
}

/// The space of the data directory's file system.
public struct DiskUse: Hashable, Sendable, Codable {
  @OrDefault public var totalBytes: UInt64
  @OrDefault public var availableBytes: UInt64
  @OrDefault public var usedPercent: UInt64

  public init(totalBytes: UInt64, availableBytes: UInt64, usedPercent: UInt64) {
    self.totalBytes = totalBytes
    self.availableBytes = availableBytes
    self.usedPercent = usedPercent
  }

  enum CodingKeys: String, CodingKey {
    case totalBytes = "disk_total_bytes"
    case availableBytes = "disk_available_bytes"
    case usedPercent = "disk_used_percent"
  }
}

/// The versions of the program, its libraries and the kernel.
public struct Versions: Hashable, Sendable, Codable {
  /// Of synbox.
  @OrDefault public var version = ""
  @OrDefault public var revision = ""
  @OrDefault public var kernel = ""
  @OrDefault public var swift = ""
  @OrDefault public var libbpf = ""
  @OrDefault public var libxdp = ""

  public init() {}
}
