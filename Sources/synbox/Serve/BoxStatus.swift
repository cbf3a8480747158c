// What can be seen of the box from outside: status.json and metrics.prom, rewritten each second.
import Datapath
import Kernel
import NIC
import Plan
import Scan
import Spool

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

  /// The job in work.
  struct Current {
    let name: String
    let resumed: Int
    var progress: Progress?
    /// Probes a second since the last look.
    var rate: Double = 0
  }

  /// Sums over all jobs of this process.
  struct Totals {
    var finished: UInt64 = 0
    var rejected: UInt64 = 0
    var resumed: UInt64 = 0
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
  /// Jobs of an earlier process that are still to be begun again.
  var interrupted: [String] = []
  var problems: [String] = []
  var totals = Totals()
  let started = Clock.realtime

  // The box as it was opened.
  let interface: String
  let driver: String
  let transmitModes: [String]
  let receiveMode: String
  let resetMode: String
  let checksumMode: String
  let modeReason: String?
  let scopeSHA256: String

  init(_ station: Station, scope: ScopeInForce) {
    interface = station.interface.name
    driver = station.interface.driver ?? ""
    transmitModes = station.transmitters.map { "\($0.mode.rawValue):\($0.queue)" }
    receiveMode = station.receiver.mode.rawValue
    resetMode = station.resetMode
    checksumMode = station.checksumMode
    modeReason = station.modeReason
    scopeSHA256 = scope.sha256
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
    problems = progress.pauses
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

  /// `status.json`.
  var json: [UInt8] {
    var object = JSONObject()
    object.add("time", timestamp: Clock.realtime)
    object.add("state", state.rawValue)
    object.add("problems", problems)
    if let current { object.add("job", Self.object(current)) }
    object.add("queue", interrupted + listing.waiting.map(\.name))
    object.add("arriving", UInt64(listing.arriving))
    object.add("ignored", listing.ignored.map(\.description))
    object.add("started", timestamp: started)
    object.add("jobs_finished", totals.finished)
    object.add("jobs_rejected", totals.rejected)
    object.add("jobs_resumed", totals.resumed)
    object.add("interface", interface)
    object.add("driver", driver)
    object.add("transmit_mode", transmitModes)
    object.add("receive_mode", receiveMode)
    if let modeReason { object.add("mode_reason", modeReason) }
    object.add("rst_mode", resetMode)
    object.add("checksum_mode", checksumMode)
    object.add("scope_sha256", scopeSHA256)
    object.add("version", VersionCommand.number)
    object.add("revision", BuildIdentity.revision)
    object.add("libbpf", String(BuildIdentity.libbpf.drop { $0 == "v" }))
    object.add("libxdp", BuildIdentity.libxdp)
    return object.lines
  }

  private static func object(_ current: Current) -> JSONObject {
    var object = JSONObject()
    object.add("name", current.name)
    object.add("resumed", UInt64(current.resumed))
    guard let progress = current.progress else { return object }
    object.add("elapsed_seconds", Double(progress.elapsed) / 1e9)
    if let left = progress.secondsLeft { object.add("seconds_left", left) }
    object.add("progress", progress.fraction)
    object.add("probes_total", progress.probesTotal)
    object.add("probes_completed", progress.probesCompleted)
    object.add("probes_refused", progress.probesRefused)
    object.add("rate_requested_pps", progress.rate.perSecond ?? 0)
    object.add("rate_pps", current.rate)
    object.add("results", progress.resultsBefore + progress.results)
    object.add("replies_valid", progress.repliesValid)
    object.add("replies_invalid", progress.repliesInvalid)
    object.add("events_lost", progress.eventsLost)
    object.add("duplicates", progress.duplicates)
    object.add("dedupe_evictions", progress.dedupeEvictions)
    return object
  }
}
