// The summary of a scan: the counters of every stage, which add up.

import Plan
import Support
import Wire

/// The contents of `summary.json` and of the file that `--metadata-file` names.
///
/// The JSON members are documented in docs/reference/summary.md; their order is that of `json`.
public struct Summary: Sendable {
  /// Why a scan ended.
  public enum EndReason: String, CaseIterable, Sendable {
    /// It probed all targets and waited for the cooldown.
    case done
    /// It reached `--max-results`.
    case maxResults = "max-results"
    /// It reached `--max-runtime`.
    case maxRuntime = "max-runtime"
    /// SIGINT.
    case interrupted
    /// Another signal.
    case terminated
    /// Its operator cancelled the job.
    case cancelled
    /// A job of higher priority took its place. The job resumes later, so its final summary has another reason.
    case preempted
    /// A fault suspended it. The job resumes later, so its final summary has another reason.
    case paused
  }

  /// How half-open connections are closed.
  public enum RSTMode: String, CaseIterable, Sendable {
    /// No RST is sent (`--no-rst`).
    case none
    /// The first sender sends an RST through its transmitter.
    case transmitter
    /// In receive mode `packet`, the kernel's TCP sends the RSTs from local addresses itself, and the transmitter sends
    /// the others.
    case kernelOrTransmitter = "kernel or transmitter"
  }

  /// Who uses the source addresses: what comes to a dedicated one and is no valid reply is dropped.
  public enum SourceUse: String, CaseIterable, Sendable {
    case dedicated
    case shared
    case both = "dedicated and shared"
  }

  /// Which TCP checksums are accepted.
  public enum ChecksumMode: String, CaseIterable, Sendable {
    /// Complete ones only.
    case full
    /// Also those of a local TCP that left the checksum to the NIC (the kernel's `CHECKSUM_PARTIAL`).
    case fullOrPartial = "full or partial"
  }

  public var version = ""
  /// Nanoseconds since 1970 UTC.
  public var started: UInt64 = 0
  /// Nanoseconds since 1970 UTC.
  public var ended: UInt64 = 0
  public var interface = ""
  public var driver = ""
  /// The transmitter's mode and its NIC queue, one for each sender: `packet:0`, `xdp-copy:3`.
  public var transmitModes: [String] = []
  /// `xdp-native`, `xdp-generic` or `packet`.
  public var receiveMode = ""
  /// Why `auto` chose these modes; nil if it chose the first of each.
  public var modeReason: String?
  /// An `RSTMode`; empty if no process has opened the NIC.
  public var resetMode = ""
  /// A `ChecksumMode`; empty if no process has opened the NIC.
  public var checksumMode = ""
  /// A `SourceUse`; empty if no process has opened the NIC.
  public var sourceUse = ""
  public var seed: UInt64 = 0
  public var shard = 0
  public var shards = 1

  /// Which targets have numbers.
  public var numbering = Numbering.scope
  /// Targets in the plan, all shards together.
  public var targetsTotal: UInt64 = 0
  /// Targets that the scope or the rule for special-purpose space excluded from the plan.
  public var targetsOutOfScope: UInt64 = 0
  /// Targets on a directly connected network that were not probed because ARP found no Ethernet address.
  public var targetsUnresolved: UInt64 = 0
  /// Targets of this shard that have numbers although the box's scope excludes them: at the start of the scan, and of the
  /// resumption at which they were most.
  public var targetsDenied: UInt64 = 0
  /// Probes not sent because their addresses are denied. A resumed scan counts again those it
  /// passes again, as it does probes.
  public var probesDenied: UInt64 = 0
  /// Probes submitted to the transmitters: completed and refused ones.
  public var probesGenerated: UInt64 = 0
  public var probesCompleted: UInt64 = 0
  public var probesRefused: UInt64 = 0
  /// Probes per second; 0 is no limit.
  public var rateRequested: UInt64 = 0
  /// The target file's rate if the box's own limit is lower: probes per second, 0 for no limit. nil if the rate was
  /// not capped.
  public var rateCappedFrom: UInt64?
  public var sendingSeconds: Double = 0
  /// For how long senders gave way to replies, because the event ring was half full; the sum of all senders.
  public var overloadSeconds: Double = 0
  /// The batches of all senders together: the probes that any 10 ms may hold beyond their share of the rate. 0
  /// without a limit.
  public var burstProbes: UInt64 = 0

  /// Packets that the receive program saw, by fate.
  public var fates = FateCounts()
  /// Valid replies, invalid ones, and SYN-ACKs that found the event ring full.
  public var repliesReceived: UInt64 = 0
  public var repliesInvalid: UInt64 = 0
  public var repliesOpen: UInt64 = 0
  public var repliesClosed: UInt64 = 0
  public var repliesICMP: UInt64 = 0
  public var resetsSent: UInt64 = 0
  /// RSTs not sent because their pair, or all pairs together, had drawn enough.
  public var resetsWithheld: UInt64 = 0
  /// Valid replies to an address and port from which no probe to their target leaves.
  public var repliesUnprobedSource: UInt64 = 0
  /// Valid replies of targets outside plan, shard or scope.
  public var repliesUnprobedTarget: UInt64 = 0
  /// Valid replies that found the event ring full.
  public var eventsLost: UInt64 = 0
  /// Valid replies of the kinds that `--report` selects: results written, duplicates and results discarded.
  public var repliesReported: UInt64 = 0
  public var duplicates: UInt64 = 0
  /// Pairs that the dedupe table forgot because it was full. Each may have one more result.
  public var dedupeEvictions: UInt64 = 0
  /// The dedupe table's bound in bytes; 0 with `--no-dedupe`.
  public var dedupeMemoryBytes: UInt64 = 0
  public var resultsWritten: UInt64 = 0
  /// Results not written because they came after `--max-results` was reached.
  public var resultsDiscarded: UInt64 = 0

  public var cpuUserSeconds: Double = 0
  public var cpuSystemSeconds: Double = 0
  public var peakResidentBytes: UInt64 = 0
  /// How often the job was resumed.
  public var resumed = 0
  /// The hash of the scope under which the targets were planned.
  public var scopeSHA256 = ""
  /// How often the scope changed during the scan.
  public var scopeChanges: UInt64 = 0
  /// The hash of the scope at the end.
  public var scopeSHA256AtEnd = ""
  /// The number of the licence's deny list at the end; nil without a licence.
  public var denySequence: UInt64?
  public var endedBecause = EndReason.done

  public init() {}

  /// Creates a summary with the counters of `totals`.
  public init(_ totals: ScanTotals) {
    started = totals.started
    targetsUnresolved = totals[.targetsUnresolved]
    targetsDenied = totals[.targetsDenied]
    probesDenied = totals[.denied]
    scopeChanges = totals[.scopeChanges]
    probesCompleted = totals[.probesCompleted]
    probesRefused = totals[.probesRefused]
    probesGenerated = probesCompleted + probesRefused
    sendingSeconds = Double(totals[.sending]) / 1e9
    overloadSeconds = Double(totals[.overload]) / 1e9
    fates = totals.fates
    repliesOpen = fates.open
    repliesClosed = fates.closed
    repliesICMP = fates.icmp
    repliesInvalid = fates.invalid
    eventsLost = fates.eventsLost
    repliesReceived = fates.valid + fates.invalid + fates[.openRingFull]
    resetsSent = totals[.resetsSent]
    resetsWithheld = totals[.resetsWithheld]
    repliesUnprobedSource = totals[.unprobedSources]
    repliesUnprobedTarget = totals[.unprobedTargets]
    repliesReported = totals[.reported]
    duplicates = totals[.duplicates]
    dedupeEvictions = totals[.evictions]
    resultsWritten = totals[.written]
    resultsDiscarded = totals[.discarded]
    cpuUserSeconds = Double(totals[.processorUser]) / 1e6
    cpuSystemSeconds = Double(totals[.processorSystem]) / 1e6
    peakResidentBytes = totals[.peakResident]
  }

  /// Open, closed and ICMP replies together.
  public var repliesValid: UInt64 { repliesOpen + repliesClosed + repliesICMP }
  /// Completed probes per second of sending.
  public var rateAchieved: Double {
    sendingSeconds > 0 ? Double(probesCompleted) / sendingSeconds : 0
  }

  /// The summary as one JSON object, one member per line.
  public var json: [UInt8] {
    var object = JSONObject()
    object.add("format", FileFormat.current)
    object.add("version", version)
    object.add("started", timestamp: started)
    object.add("ended", timestamp: ended)
    object.add("duration_seconds", Double(ended - min(started, ended)) / 1e9)
    object.add("interface", interface)
    object.add("driver", driver)
    object.add("transmit_mode", transmitModes)
    object.add("receive_mode", receiveMode)
    if let modeReason { object.add("mode_reason", modeReason) }
    object.add("rst_mode", resetMode)
    object.add("checksum_mode", checksumMode)
    object.add("source_use", sourceUse)
    object.add("seed", seed)
    object.add("shard", UInt64(shard))
    object.add("shards", UInt64(shards))
    object.add("numbering", numbering.rawValue)
    object.add("targets_total", targetsTotal)
    object.add("targets_out_of_scope", targetsOutOfScope)
    object.add("targets_unresolved", targetsUnresolved)
    object.add("targets_denied", targetsDenied)
    object.add("probes_denied", probesDenied)
    object.add("probes_generated", probesGenerated)
    object.add("probes_completed", probesCompleted)
    object.add("probes_refused", probesRefused)
    object.add("rate_requested_pps", rateRequested)
    if let rateCappedFrom { object.add("rate_capped_from_pps", rateCappedFrom) }
    object.add("rate_achieved_pps", rateAchieved)
    object.add("burst_probes", burstProbes)
    object.add("sending_seconds", sendingSeconds)
    object.add("overload_seconds", overloadSeconds)
    object.add("packets_seen", fates.seen)
    var byFate = JSONObject()
    for fate in Fate.allCases { byFate.add(fate.name, fates[fate]) }
    object.add("fates", byFate)
    object.add("packets_withheld", fates.withheld)
    object.add("replies_received", repliesReceived)
    object.add("replies_invalid", repliesInvalid)
    object.add("replies_valid", repliesValid)
    object.add("replies_open", repliesOpen)
    object.add("replies_closed", repliesClosed)
    object.add("replies_icmp", repliesICMP)
    object.add("rst_sent", resetsSent)
    object.add("rst_withheld", resetsWithheld)
    object.add("events_lost", eventsLost)
    object.add("replies_unprobed_source", repliesUnprobedSource)
    object.add("replies_unprobed_target", repliesUnprobedTarget)
    object.add("replies_reported", repliesReported)
    object.add("duplicates", duplicates)
    object.add("dedupe_evictions", dedupeEvictions)
    object.add("dedupe_memory_bytes", dedupeMemoryBytes)
    object.add("results_written", resultsWritten)
    object.add("results_discarded", resultsDiscarded)
    object.add("cpu_user_seconds", cpuUserSeconds)
    object.add("cpu_system_seconds", cpuSystemSeconds)
    object.add("peak_rss_bytes", peakResidentBytes)
    object.add("resumed", UInt64(resumed))
    object.add("scope_sha256", scopeSHA256)
    object.add("scope_changes", scopeChanges)
    object.add("scope_sha256_at_end", scopeSHA256AtEnd)
    object.add("deny_sequence", denySequence)
    object.add("ended_because", endedBecause.rawValue)
    return object.lines
  }
}
