// metrics.prom: the status in Prometheus' text format, version 0.0.4.
import Kernel
import NIC
import Spool
import Support

extension BoxStatus {
  var metrics: [UInt8] {
    var text = MetricsText()
    text.family("synbox_build_info", .gauge, "The version that runs; always 1.")
    text.sample(1, ["version": versions.number, "revision": versions.revision])
    text.family("synbox_station_info", .gauge, "How the box sends and receives; always 1.")
    text.sample(
      1,
      [
        "interface": station.interface, "driver": station.driver,
        "transmit": station.transmit.joined(separator: ","), "receive": station.receive,
        "rst": station.reset,
      ])
    text.family("synbox_start_time_seconds", .gauge, "When the process started, seconds since 1970.")
    text.sample(Double(started / 1_000_000) / 1e3)
    text.family("synbox_status_time_seconds", .gauge, "When this was written, seconds since 1970.")
    text.sample(Double(Clock.realtime / 1_000_000) / 1e3)
    text.family("synbox_state", .gauge, "1 for the state the box is in, 0 for the others.")
    for state in State.allCases {
      text.sample(state == self.state ? 1 : 0, ["state": state.rawValue])
    }
    text.family("synbox_problems", .gauge, "Problems named in status.json.")
    text.sample(Double(problems.count))
    addJobs(to: &text)
    addTraffic(to: &text)
    addSurroundings(to: &text)
    return text.bytes
  }

  private func addJobs(to text: inout MetricsText) {
    text.family("synbox_jobs_waiting", .gauge, "Jobs that wait for their turn.")
    text.sample(Double(listing.queue.count + begun.count))
    text.family("synbox_files_arriving", .gauge, "Files in the spool that may still be written.")
    text.sample(Double(listing.arriving))
    text.family("synbox_jobs_finished_total", .counter, "Jobs that came to their own end.")
    text.sample(totals.finished)
    text.family("synbox_jobs_rejected_total", .counter, "Jobs that were moved to rejected/.")
    text.sample(totals.rejected)
    text.family("synbox_jobs_resumed_total", .counter, "Begun jobs that were gone on with.")
    text.sample(totals.resumed)
    text.family("synbox_jobs_cancelled_total", .counter, "Jobs that an operator cancelled.")
    text.sample(totals.cancelled)
    text.family("synbox_jobs_preempted_total", .counter, "Times a job gave way to a higher priority.")
    text.sample(totals.preempted)
    text.family(
      "synbox_job_progress_ratio", .gauge, "The part of the current job's probes that has been sent.")
    text.sample(current?.progress?.fraction ?? 0)
    text.family("synbox_job_remaining_seconds", .gauge, "Time to the job's end, by its pace.")
    text.sample(current?.progress?.secondsLeft ?? 0)
    text.family(
      "synbox_send_rate_probes_per_second", .gauge, "Probes sent a second, since the last look.")
    text.sample(current?.rate ?? 0)
  }

  private func addTraffic(to text: inout MetricsText) {
    let sums = totalsNow
    text.family("synbox_probes_total", .counter, "Probes that the NIC confirmed.")
    text.sample(sums.probes)
    text.family("synbox_probes_refused_total", .counter, "Probes that were refused and sent again.")
    text.sample(sums.refused)
    text.family("synbox_replies_valid_total", .counter, "Replies whose cookie held.")
    text.sample(sums.valid)
    text.family(
      "synbox_replies_invalid_total", .counter, "Replies whose cookie or checksum did not hold.")
    text.sample(sums.invalid)
    text.family("synbox_results_total", .counter, "Results written.")
    text.sample(sums.results)
    text.family("synbox_events_lost_total", .counter, "Replies for which the event ring had no room.")
    text.sample(sums.lost)
    text.family("synbox_duplicates_total", .counter, "Replies that were repeats.")
    text.sample(sums.duplicates)
    text.family(
      "synbox_dedupe_evictions_total", .counter, "Answers that dedupe had to forget for want of memory."
    )
    text.sample(sums.evictions)
  }

  private func addSurroundings(to text: inout MetricsText) {
    text.family("synbox_nic_carrier", .gauge, "1 when the interface has a carrier.")
    text.sample(nic.hasCarrier ? 1 : 0)
    let counters = nic.counters
    text.family("synbox_nic_packets_total", .counter, "Packets of all kinds at the interface.")
    text.sample(Double(counters.rxPackets), ["direction": "receive"])
    text.sample(Double(counters.txPackets), ["direction": "transmit"])
    text.family("synbox_nic_errors_total", .counter, "Packets that the interface found faulty.")
    text.sample(Double(counters.rxErrors), ["direction": "receive"])
    text.sample(Double(counters.txErrors), ["direction": "transmit"])
    text.family(
      "synbox_nic_dropped_total", .counter, "Packets that the kernel had no room or no use for.")
    text.sample(Double(counters.rxDropped), ["direction": "receive"])
    text.sample(Double(counters.txDropped), ["direction": "transmit"])
    text.family(
      "synbox_nic_missed_total", .counter, "Packets that the NIC had no receive descriptor for.")
    text.sample(counters.rxMissed)
    guard let disk else { return }
    text.family("synbox_disk_total_bytes", .gauge, "Size of the file system of the data directory.")
    text.sample(Double(disk.total))
    text.family("synbox_disk_available_bytes", .gauge, "Room on it that may still be written.")
    text.sample(Double(disk.available))
  }
}

/// Builds the text: families with help and type, each with its samples.
private struct MetricsText {
  enum Kind: String { case counter, gauge }

  private var text = ""
  private var name = ""

  var bytes: [UInt8] { Array(text.utf8) }

  /// - Parameter help: without backslashes and newlines, which would need escaping.
  mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    self.name = name
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(_ value: UInt64) { text += "\(name) \(value)\n" }

  mutating func sample(_ value: Double, _ labels: KeyValuePairs<String, String> = [:]) {
    let list = labels.map { "\($0.key)=\"\(Escaping.prometheusLabel($0.value))\"" }.joined(separator: ",")
    let number = value.rounded() == value && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    text += "\(name)\(list.isEmpty ? "" : "{\(list)}") \(number)\n"
  }
}
