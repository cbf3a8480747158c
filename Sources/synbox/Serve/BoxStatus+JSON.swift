// status.json, field by field.
import Engine
import Kernel
import NIC
import Plan
import Scan
import Spool

extension BoxStatus {
  /// The most queued jobs, and the most ignored files, that status.json names. Any further ones are only
  /// counted, which keeps the file small.
  static let maximumNames = 1000

  var json: [UInt8] {
    var object = JSONObject()
    object.add("format", FileFormat.current)
    object.add("time", timestamp: Clock.realtime)
    object.add("state", state.rawValue)
    object.add("problems", problems.sorted { $0.key < $1.key }.map(\.value))
    if let runningJob { object.add("job", Self.object(runningJob)) }
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

  /// Adds the queued jobs, in the order in which they will run.
  private func addQueue(to object: inout JSONObject) {
    var queue =
      claimedJobs
      + listing.queue.prefix(Self.maximumNames).map {
        QueuedJob(name: $0.name, priority: $0.priority, state: .queued)
      }
    // Claimed jobs precede files of the same priority, because the sort is stable.
    queue.sort { $0.priority > $1.priority }
    object.add(
      "queue",
      queue.map { job in
        var entry = JSONObject()
        entry.add("name", job.name)
        entry.add("priority", UInt64(job.priority.value))
        entry.add("state", job.state.rawValue)
        return entry
      })
    object.add("jobs_queued", UInt64(claimedJobs.count + listing.queue.count))
    object.add("files_arriving", UInt64(listing.arriving))
    object.add("files_ignored", listing.ignored.prefix(Self.maximumNames).map(\.description))
  }

  /// Packets that were lost or not accepted since the process started.
  private var drops: JSONObject {
    let totals = currentTotals
    var object = JSONObject()
    object.add("probes_refused", totals.refused)
    object.add("events_lost", totals.lost)
    object.add("replies_invalid", totals.invalid)
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

  private static func object(_ job: RunningJob) -> JSONObject {
    var object = JSONObject()
    object.add("name", job.name)
    object.add("priority", UInt64(job.priority.value))
    object.add("resumed", UInt64(job.resumed))
    guard let progress = job.progress else { return object }
    object.add("elapsed_seconds", Double(progress.elapsed) / 1e9)
    if let seconds = progress.secondsRemaining { object.add("seconds_remaining", seconds) }
    object.add("progress", progress.fraction)
    object.add("probes_total", progress.probesTotal)
    object.add("probes_completed", progress.probesCompleted)
    object.add("probes_refused", progress.probesRefused)
    object.add("rate_requested_pps", progress.rate.perSecond ?? 0)
    object.add("rate_pps", job.rate)
    object.add("results", progress.resultsBefore + progress.results)
    object.add("replies_valid", progress.repliesValid)
    object.add("replies_invalid", progress.repliesInvalid)
    object.add("events_lost", progress.eventsLost)
    object.add("duplicates", progress.duplicates)
    object.add("dedupe_evictions", progress.dedupeEvictions)
    return object
  }
}
