// status.json.
import Kernel
import NIC
import Plan
import Scan
import Spool

extension BoxStatus {
  /// So many waiting jobs are named; the rest is only counted, so that the file stays small.
  static let shownJobs = 1000

  var json: [UInt8] {
    var object = JSONObject()
    object.add("time", timestamp: Clock.realtime)
    object.add("state", state.rawValue)
    object.add("problems", problems.sorted { $0.key < $1.key }.map(\.value))
    if let current { object.add("job", Self.object(current)) }
    addQueue(to: &object)
    object.add("started", timestamp: started)
    object.add("pid", UInt64(processID()))
    object.add("jobs_finished", totals.finished)
    object.add("jobs_rejected", totals.rejected)
    object.add("jobs_resumed", totals.resumed)
    object.add("jobs_cancelled", totals.cancelled)
    object.add("jobs_preempted", totals.preempted)
    object.add("drops", drops)
    object.add("interface", station.interface)
    object.add("driver", station.driver)
    object.add("nic", interface)
    object.add("transmit_mode", station.transmit)
    object.add("receive_mode", station.receive)
    if let reason = station.reason { object.add("mode_reason", reason) }
    object.add("rst_mode", station.reset)
    object.add("checksum_mode", station.checksum)
    object.add("scope_sha256", scopeSHA256)
    if let disk {
      object.add("disk_total_bytes", disk.total)
      object.add("disk_available_bytes", disk.available)
      object.add("disk_used_percent", UInt64(disk.usedPercent))
    }
    object.add("version", versions.number)
    object.add("revision", versions.revision)
    object.add("kernel", versions.kernel)
    object.add("swift", versions.swift)
    object.add("libbpf", versions.libbpf)
    object.add("libxdp", versions.libxdp)
    return object.lines
  }

  /// Jobs that wait, those that were begun among them, in the order in which they will be worked on.
  private func addQueue(to object: inout JSONObject) {
    var jobs: [(name: String, priority: UInt8, state: String)] =
      begun.map { ($0.name, $0.priority.value, $0.why.rawValue) }
      + listing.queue.prefix(Self.shownJobs).map { ($0.name, $0.priority.value, "waiting") }
    // Begun ones stand first where the priority is the same: sorted(by:) keeps the order of equals.
    jobs.sort { $0.priority > $1.priority }
    object.add("queue", jobs.map(\.name))
    object.add(
      "waiting",
      jobs.map { job in
        var entry = JSONObject()
        entry.add("name", job.name)
        entry.add("priority", UInt64(job.priority))
        entry.add("state", job.state)
        return entry
      })
    object.add("jobs_waiting", UInt64(begun.count + listing.queue.count))
    object.add("arriving", UInt64(listing.arriving))
    object.add("ignored", listing.ignored.prefix(Self.shownJobs).map(\.description))
  }

  /// What did not get through, since the process started.
  private var drops: JSONObject {
    let sums = totalsNow
    var object = JSONObject()
    object.add("probes_refused", sums.refused)
    object.add("events_lost", sums.lost)
    object.add("replies_invalid", sums.invalid)
    object.add("nic_rx_dropped", nic.counters.rxDropped)
    object.add("nic_rx_missed", nic.counters.rxMissed)
    object.add("nic_rx_errors", nic.counters.rxErrors)
    object.add("nic_tx_dropped", nic.counters.txDropped)
    object.add("nic_tx_errors", nic.counters.txErrors)
    return object
  }

  private var interface: JSONObject {
    var object = JSONObject()
    object.add("mac", nic.mac)
    object.add("addresses", nic.addresses)
    object.add("mtu", UInt64(nic.mtu))
    object.add("up", nic.isUp)
    object.add("carrier", nic.hasCarrier)
    object.add("rx_packets", nic.counters.rxPackets)
    object.add("tx_packets", nic.counters.txPackets)
    return object
  }

  private static func object(_ current: Current) -> JSONObject {
    var object = JSONObject()
    object.add("name", current.name)
    object.add("priority", UInt64(current.priority.value))
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
