// What the box shows of itself that its machine does not know: the process, the station, the NIC and the disk.
import BoxAPI
import Kernel
import NIC
import Scan

/// The facts of a status, refreshed about once a second.
public struct BoxFacts {
  public private(set) var snapshot: BoxSnapshot
  private let interface: String
  /// CLOCK_MONOTONIC, nanoseconds.
  private var nextRefresh: UInt64 = 0
  /// The NIC's counters at the first refresh, which later ones are counted from.
  private var firstCounters: InterfaceCounters?
  /// What is wrong with the link; nil if nothing is.
  public private(set) var linkProblem: String?

  /// The facts of a box whose station is open.
  public init(_ station: StationModes, _ nic: NICState, _ versions: Versions) {
    interface = station.interface
    snapshot = BoxSnapshot(time: Timestamp(nanoseconds: Clock.realtime))
    snapshot.started = snapshot.time
    snapshot.pid = UInt64(processID())
    snapshot.station = station
    snapshot.nic = nic
    snapshot.versions = versions
  }

  /// The facts of a box whose scanner does not run.
  public init(withoutScannerOn interface: String) {
    var station = StationModes()
    station.interface = interface
    self.init(station, NICState(), .current())
  }

  /// Queries the file system and the interface, unless that was done within the last tenth of a second.
  ///
  /// - Parameter data: the data directory.
  public mutating func refresh(_ data: String) {
    let now = Clock.monotonic
    guard now >= nextRefresh else { return }
    nextRefresh = now + 100_000_000
    refreshLink()
    snapshot.disk = DiskUse(of: data)
  }

  /// Queries the interface alone.
  public mutating func refreshLink() {
    snapshot.time = Timestamp(nanoseconds: Clock.realtime)
    do throws(Fault) {
      let link = try LinkStatus(of: interface)
      update(link)
      let problem = link.isUp ? link.hasCarrier ? nil : "has no carrier" : "is down"
      linkProblem = problem.map { "\(interface) \($0)" }
    } catch {
      linkProblem = "\(error)"
    }
  }

  private mutating func update(_ link: LinkStatus) {
    snapshot.nic.mtu = UInt64(link.mtu)
    snapshot.nic.up = link.isUp
    snapshot.nic.carrier = link.hasCarrier
    let counters = link.counters.since(firstCounters ?? link.counters)
    firstCounters = firstCounters ?? link.counters
    snapshot.counters[.rxPackets] = counters.rxPackets
    snapshot.counters[.txPackets] = counters.txPackets
    snapshot.counters[.rxErrors] = counters.rxErrors
    snapshot.counters[.txErrors] = counters.txErrors
    snapshot.counters[.rxDropped] = counters.rxDropped
    snapshot.counters[.txDropped] = counters.txDropped
    snapshot.counters[.rxMissed] = counters.rxMissed
  }
}

extension DiskUse {
  /// Queries the file system of a path; nil if that fails.
  public init?(of path: String) {
    guard let space = try? DiskSpace(of: path) else { return nil }
    self.init(
      totalBytes: space.total, availableBytes: space.available, usedPercent: UInt64(space.usedPercent))
  }
}

extension BoxSnapshot {
  /// Replaces both status files, even on a full disk. They are not flushed to the device, because nothing in them has
  /// to survive a power cut.
  public func write(status: String, metrics: String) throws(Fault) {
    try Files.exchange(status, with: json)
    try Files.exchange(metrics, with: self.metrics)
  }
}

extension Versions {
  /// The versions of this program. Must be called before privileges are dropped, because it reads /proc.
  public static func current() -> Versions {
    var versions = Versions()
    versions.version = BuildIdentity.number
    versions.revision = BuildIdentity.revision
    versions.swift = BuildIdentity.version(of: "Swift")
    versions.libbpf = BuildIdentity.version(of: "libbpf")
    versions.libxdp = BuildIdentity.version(of: "libxdp")
    let release = try? SmallFile.read("/proc/sys/kernel/osrelease", limit: 1024)
    versions.kernel = String(decoding: (release ?? []).prefix { $0 != 10 }, as: UTF8.self)
    return versions
  }
}
