// The state of the box, written once a second to status.json and metrics.prom.
import Datapath
import Engine
import Kernel
import NIC
import Plan
import Scan
import Spool
import Wire

/// The state of the box, with its totals since the process started.
struct BoxStatus {
  enum State: String, CaseIterable {
    case idle, preparing, scanning, cooldown
    /// The box sends nothing until a fault clears, and then resumes by itself. `problems` names the fault.
    case paused
    /// The process ended because of a fault of the box, not of a job. `problems` names the fault.
    case failed
    case stopped
  }

  /// What a problem is about. There is at most one problem of each kind, shown in this order.
  enum ProblemKind: Int, Comparable {
    case fault, pause, scope, disk, slowDisk, spool, link, watchdog, image, configuration

    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// The job that is being scanned.
  struct RunningJob {
    let name: String
    let resumed: Int
    var priority = Spool.defaultPriority
    var progress: ScanSnapshot?
    /// Probes per second since the previous update.
    var rate: Double = 0
  }

  /// A job that waits for its turn.
  struct QueuedJob {
    enum State: String {
      /// Its file is still in the spool.
      case queued
      /// Its file has been claimed, and it runs next.
      case claimed
      /// The process that ran it ended.
      case interrupted
      /// A job of higher priority took its place.
      case preempted
      /// A fault suspended it.
      case paused
    }

    let name: String
    let priority: Priority
    let state: State
  }

  /// Sums over all jobs of this process.
  struct Totals {
    var finished: UInt64 = 0
    var rejected: UInt64 = 0
    var resumed: UInt64 = 0
    var cancelled: UInt64 = 0
    var preempted: UInt64 = 0
    var probes: UInt64 = 0
    var refused: UInt64 = 0
    var valid: UInt64 = 0
    var invalid: UInt64 = 0
    var results: UInt64 = 0
    var lost: UInt64 = 0
    var duplicates: UInt64 = 0
    var evictions: UInt64 = 0

    mutating func add(_ progress: ScanSnapshot) {
      probes += progress.probesCompleted
      refused += progress.probesRefused
      valid += progress.repliesValid
      invalid += progress.repliesInvalid
      results += progress.results
      lost += progress.eventsLost
      duplicates += progress.duplicates
      evictions += progress.dedupeEvictions
    }
  }

  var state = State.idle
  var runningJob: RunningJob?
  var listing = Spool.Listing()
  /// The queued jobs that are in active/, in the order in which they will run.
  var claimedJobs: [QueuedJob] = []
  var problems: [ProblemKind: String] = [:]
  var totals = Totals()
  var scopeSHA256: String
  /// nil if the file system could not be queried.
  var disk: DiskSpace?
  var nic: NICStatus
  let started = Clock.realtime
  let station: StationModes
  let versions: Versions

  init(_ station: Station, scope: ScopeInForce, versions: Versions) {
    self.versions = versions
    self.station = StationModes(station)
    nic = NICStatus(station.interface)
    scopeSHA256 = scope.sha256
  }

  /// Creates the status of a box whose scanner is not running.
  init(withoutScannerOn interface: String) {
    versions = Versions()
    station = StationModes(unopened: interface)
    nic = NICStatus()
    scopeSHA256 = ""
  }

  /// Updates the running job and the state.
  mutating func update(with progress: ScanSnapshot) {
    if let last = runningJob?.progress, progress.elapsed > last.elapsed {
      let probes = progress.probesCompleted - min(progress.probesCompleted, last.probesCompleted)
      runningJob?.rate = Double(probes) * 1e9 / Double(progress.elapsed - last.elapsed)
    } else if progress.elapsed > 0 {
      runningJob?.rate = Double(progress.probesCompleted) * 1e9 / Double(progress.elapsed)
    }
    runningJob?.progress = progress
    state = progress.cooldownEnds == nil ? .scanning : .cooldown
    if !progress.pauses.isEmpty { state = .paused }
    problems[.slowDisk] = progress.slowDisk
    problems[.pause] = progress.pauses.isEmpty ? nil : progress.pauses.joined(separator: "; ")
  }

  /// Queries the file system and the interface.
  ///
  /// - Parameter data: the data directory.
  mutating func refresh(_ data: String) {
    disk = try? DiskSpace(of: data)
    do throws(Fault) {
      let link = try LinkStatus(of: station.interface)
      nic.update(with: link)
      let problem = link.isUp ? link.hasCarrier ? nil : "has no carrier" : "is down"
      problems[.link] = problem.map { "\(station.interface) \($0)" }
    } catch {
      problems[.link] = "\(error)"
    }
  }

  /// The totals, including the running job's so far.
  var currentTotals: Totals {
    var sums = totals
    if let progress = runningJob?.progress { sums.add(progress) }
    return sums
  }

  /// Replaces both files, even on a full disk. They are not flushed to the device, because nothing in them has
  /// to survive a power cut.
  func write(to data: DataDirectory) throws(Fault) {
    try Files.exchange(data.status, with: json)
    try Files.exchange(data.metrics, with: metrics)
  }
}

/// The state of the interface at the last refresh.
struct NICStatus {
  let mac: String
  let addresses: [String]
  private(set) var mtu: UInt32
  private(set) var isUp: Bool
  private(set) var hasCarrier: Bool
  /// Packets since the first refresh.
  private(set) var counters = InterfaceCounters()
  private var first: InterfaceCounters?

  /// Creates the status of an interface that has not been found yet.
  init() {
    (mac, addresses, mtu, isUp, hasCarrier) = ("", [], 0, false, false)
  }

  init(_ interface: InterfaceState) {
    mac = interface.mac.description
    addresses = interface.addresses.map(\.description)
    mtu = interface.mtu
    isUp = interface.isUp
    hasCarrier = interface.hasCarrier
  }

  mutating func update(with link: LinkStatus) {
    mtu = link.mtu
    isUp = link.isUp
    hasCarrier = link.hasCarrier
    counters = link.counters.since(first ?? link.counters)
    first = first ?? link.counters
  }
}

/// How the box sends and receives, decided when the station was opened.
struct StationModes {
  let interface: String
  let driver: String
  let transmit: [String]
  let receive: String
  let reset: String
  let checksum: String
  let reason: String?

  /// Creates the modes of a box that has not opened its station.
  init(unopened interface: String) {
    self.interface = interface
    (driver, transmit, receive, reset, checksum, reason) = ("", [], "", "", "", nil)
  }

  init(_ station: Station) {
    interface = station.interface.name
    driver = station.interface.driver ?? ""
    transmit = station.transmitters.map { "\($0.mode.rawValue):\($0.queue)" }
    receive = station.receiver.mode.rawValue
    reset = station.resetMode
    checksum = station.checksumMode
    reason = station.modeReason
  }
}

/// The versions of the program, its libraries and the kernel. Must be created before privileges are dropped,
/// because it reads /proc.
struct Versions {
  let number = VersionCommand.number
  let revision = BuildIdentity.revision
  let swift = BuildIdentity.version(of: "Swift")
  let libbpf = BuildIdentity.version(of: "libbpf")
  let libxdp = BuildIdentity.version(of: "libxdp")
  /// The kernel release, as in `uname -r`.
  let kernel: String

  init() {
    let release = try? SmallFile.read("/proc/sys/kernel/osrelease", limit: 1024)
    kernel = String(decoding: (release ?? []).prefix { $0 != 10 }, as: UTF8.self)
  }
}
