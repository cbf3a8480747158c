// metrics.prom: the status in Prometheus's text exposition format, version 0.0.4.
import Engine
import Kernel
import NIC
import Spool
import Support

extension BoxStatus {
  var metrics: [UInt8] {
    var text = MetricsText()
    text.family("synbox_build_info", .gauge, "Version of the running program; always 1.")
    text.sample(1, ["version": versions.number, "revision": versions.revision])
    text.family("synbox_datapath_info", .gauge, "How the box sends and receives; always 1.")
    text.sample(
      1,
      [
        "interface": station.interface, "driver": station.driver,
        "transmit": station.transmit.joined(separator: ","), "receive": station.receive,
        "rst": station.reset,
      ])
    text.family(
      "synbox_start_time_seconds", .gauge, "Start time of the process, in seconds since 1970.")
    text.sample(Double(started / 1_000_000) / 1e3)
    text.family("synbox_status_time_seconds", .gauge, "Time of this sample, in seconds since 1970.")
    text.sample(Double(Clock.realtime / 1_000_000) / 1e3)
    text.family("synbox_state", .gauge, "1 for the current state of the box, 0 for the others.")
    for state in State.allCases {
      text.sample(state == self.state ? 1 : 0, ["state": state.rawValue])
    }
    text.family("synbox_problems", .gauge, "Number of problems that status.json lists.")
    text.sample(Double(problems.count))
    addJobs(to: &text)
    addTraffic(to: &text)
    addSystem(to: &text)
    return text.bytes
  }

  private func addJobs(to text: inout MetricsText) {
    text.family("synbox_jobs_queued", .gauge, "Jobs that wait for their turn.")
    text.sample(Double(listing.queue.count + claimedJobs.count))
    text.family("synbox_files_arriving", .gauge, "Spool files that may still be growing.")
    text.sample(Double(listing.arriving))
    text.family("synbox_jobs_finished_total", .counter, "Jobs that ended by themselves.")
    text.sample(totals.finished)
    text.family("synbox_jobs_rejected_total", .counter, "Jobs moved to rejected/.")
    text.sample(totals.rejected)
    text.family("synbox_jobs_resumed_total", .counter, "Times a suspended or interrupted job resumed.")
    text.sample(totals.resumed)
    text.family("synbox_jobs_cancelled_total", .counter, "Jobs cancelled by an operator.")
    text.sample(totals.cancelled)
    text.family(
      "synbox_jobs_preempted_total", .counter, "Times a job was suspended for one of higher priority.")
    text.sample(totals.preempted)
    text.family(
      "synbox_job_progress_ratio", .gauge, "Fraction of the running job's probes already sent.")
    text.sample(runningJob?.progress?.fraction ?? 0)
    text.family("synbox_job_remaining_seconds", .gauge, "Estimated time until the running job ends.")
    text.sample(runningJob?.progress?.secondsRemaining ?? 0)
    text.family(
      "synbox_send_rate_probes_per_second", .gauge, "Probes sent per second since the previous sample.")
    text.sample(runningJob?.rate ?? 0)
  }

  private func addTraffic(to text: inout MetricsText) {
    let sums = currentTotals
    text.family("synbox_probes_total", .counter, "Probes completed by the transmitter.")
    text.sample(sums.probes)
    text.family(
      "synbox_probes_refused_total", .counter, "Times the driver refused a probe; each is retried.")
    text.sample(sums.refused)
    text.family("synbox_replies_valid_total", .counter, "Replies with a valid cookie and checksums.")
    text.sample(sums.valid)
    text.family(
      "synbox_replies_invalid_total", .counter, "Replies with an invalid cookie or checksum.")
    text.sample(sums.invalid)
    text.family("synbox_results_total", .counter, "Results written.")
    text.sample(sums.results)
    text.family("synbox_events_lost_total", .counter, "Replies lost because the event ring was full.")
    text.sample(sums.lost)
    text.family(
      "synbox_duplicates_total", .counter,
      "Valid replies that added nothing to what was reported for their pair.")
    text.sample(sums.duplicates)
    text.family(
      "synbox_dedupe_evictions_total", .counter, "Pairs evicted from the full dedupe table."
    )
    text.sample(sums.evictions)
  }

  private func addSystem(to text: inout MetricsText) {
    text.family("synbox_nic_carrier", .gauge, "1 if the interface has a carrier.")
    text.sample(nic.hasCarrier ? 1 : 0)
    let counters = nic.counters
    text.family("synbox_nic_packets_total", .counter, "Packets counted by the interface.")
    text.sample(Double(counters.rxPackets), ["direction": "receive"])
    text.sample(Double(counters.txPackets), ["direction": "transmit"])
    text.family(
      "synbox_nic_errors_total", .counter, "Packets with errors, as counted by the interface.")
    text.sample(Double(counters.rxErrors), ["direction": "receive"])
    text.sample(Double(counters.txErrors), ["direction": "transmit"])
    text.family(
      "synbox_nic_dropped_total", .counter, "Packets dropped by the kernel.")
    text.sample(Double(counters.rxDropped), ["direction": "receive"])
    text.sample(Double(counters.txDropped), ["direction": "transmit"])
    text.family(
      "synbox_nic_missed_total", .counter,
      "Packets the NIC missed because no receive descriptor was free.")
    text.sample(counters.rxMissed)
    guard let disk else { return }
    text.family("synbox_disk_total_bytes", .gauge, "Size of the data directory's file system.")
    text.sample(Double(disk.total))
    text.family(
      "synbox_disk_available_bytes", .gauge, "Available space on the data directory's file system.")
    text.sample(Double(disk.available))
  }
}

/// Builds the text: metric families, each with its help, type and samples.
private struct MetricsText {
  enum Kind: String { case counter, gauge }

  private var text = ""
  private var name = ""

  var bytes: [UInt8] { Array(text.utf8) }

  /// - Parameter help: must not contain backslashes or newlines, because they are not escaped.
  mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    self.name = name
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(_ value: UInt64) { text += "\(name) \(value)\n" }

  mutating func sample(_ value: Double, _ labels: KeyValuePairs<String, String> = [:]) {
    let list = labels.map { "\($0.key)=\"\(Escaping.prometheusLabel($0.value))\"" }.joined(
      separator: ",")
    let number = value.rounded() == value && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    text += "\(name)\(list.isEmpty ? "" : "{\(list)}") \(number)\n"
  }
}
