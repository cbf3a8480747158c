// What can be seen of the box from outside: status.json and metrics.prom, rewritten each second.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Spool
import Wire

/// The box at this moment, and what it has done since it started.
struct BoxStatus {
  enum State: String, CaseIterable {
    case idle, preparing, scanning, cooldown
    /// Nothing is sent for now; `problems` says why. It goes on by itself.
    case paused
    /// It ended because of a fault that is not a job's; `problems` says which.
    case problem
    case stopped
  }

  /// What a problem concerns; there is one of each at most. In the order in which they are shown.
  enum Concern: Int, Comparable {
    case fault, pause, scope, disk, spool, link, watchdog, image, configuration

    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// The job in work.
  struct Current {
    let name: String
    let resumed: Int
    var priority = Spool.defaultPriority
    var progress: Progress?
    /// Probes a second since the last look.
    var rate: Double = 0
  }

  /// A job in active/ that waits to go on.
  struct Begun {
    enum Why: String {
      /// The process that worked on it ended.
      case interrupted
      /// A job of higher priority came.
      case preempted
      /// Its file was taken, and it is the next one.
      case claimed
      /// The box had to pause.
      case paused
    }

    let name: String
    let priority: Priority
    let why: Why
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

    mutating func add(_ progress: Progress) {
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
  var current: Current?
  var listing = Spool.Listing()
  /// In the order in which they go on.
  var begun: [Begun] = []
  var problems: [Concern: String] = [:]
  var totals = Totals()
  var scopeSHA256: String
  /// nil where it could not be asked for.
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

  /// Of a box whose scanner does not run.
  init(withoutScannerOn interface: String) {
    versions = Versions()
    station = StationModes(unopened: interface)
    nic = NICStatus()
    scopeSHA256 = ""
  }

  /// Takes in the progress of the current job.
  mutating func take(_ progress: Progress) {
    if let last = current?.progress, progress.elapsed > last.elapsed {
      let probes = progress.probesCompleted - min(progress.probesCompleted, last.probesCompleted)
      current?.rate = Double(probes) * 1e9 / Double(progress.elapsed - last.elapsed)
    } else if progress.elapsed > 0 {
      current?.rate = Double(progress.probesCompleted) * 1e9 / Double(progress.elapsed)
    }
    current?.progress = progress
    state = progress.cooldownEnds == nil ? .scanning : .cooldown
    if !progress.pauses.isEmpty { state = .paused }
    problems[.pause] = progress.pauses.isEmpty ? nil : progress.pauses.joined(separator: "; ")
  }

  /// Looks at what surrounds the box: its interface, its disk.
  mutating func observe(_ data: String) {
    disk = try? DiskSpace(of: data)
    do throws(Fault) {
      let link = try LinkStatus(of: station.interface)
      nic.take(link)
      let what = link.isUp ? link.hasCarrier ? nil : "has no carrier" : "is down"
      problems[.link] = what.map { "\(station.interface) \($0)" }
    } catch {
      problems[.link] = "\(error)"
    }
  }

  /// Sums with the current job's so far.
  var totalsNow: Totals {
    var sums = totals
    if let progress = current?.progress { sums.add(progress) }
    return sums
  }

  /// Replaces both files, also on a full disk. Not flushed to the device: they say nothing that must survive
  /// a power cut.
  func write(to data: DataDirectory) throws(Fault) {
    try Files.exchange(data.status, with: json)
    try Files.exchange(data.metrics, with: metrics)
  }
}

/// The interface as it was found at the last look.
struct NICStatus {
  let mac: String
  let addresses: [String]
  private(set) var mtu: UInt32
  private(set) var isUp: Bool
  private(set) var hasCarrier: Bool
  /// Since the first look.
  private(set) var counters = InterfaceCounters()
  private var first: InterfaceCounters?

  /// Before one was looked at.
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

  mutating func take(_ link: LinkStatus) {
    mtu = link.mtu
    isUp = link.isUp
    hasCarrier = link.hasCarrier
    counters = link.counters.since(first ?? link.counters)
    first = first ?? link.counters
  }
}

/// How the box sends and receives, settled when it was opened.
struct StationModes {
  let interface: String
  let driver: String
  let transmit: [String]
  let receive: String
  let reset: String
  let checksum: String
  let reason: String?

  /// Of a box that has opened none.
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

/// What runs. Make it before the drop, while everything may be read.
struct Versions {
  let number = VersionCommand.number
  let revision = BuildIdentity.revision
  let swift = BuildIdentity.version(of: "Swift")
  let libbpf = BuildIdentity.version(of: "libbpf")
  let libxdp = BuildIdentity.version(of: "libxdp")
  /// The kernel's release.
  let kernel: String

  init() {
    let release = try? SmallFile.read("/proc/sys/kernel/osrelease", limit: 1024)
    kernel = String(decoding: (release ?? []).prefix { $0 != 10 }, as: UTF8.self)
  }
}
