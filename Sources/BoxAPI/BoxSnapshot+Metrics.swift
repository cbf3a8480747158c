// metrics.prom: the snapshot in Prometheus's text exposition format, version 0.0.4.
import Support

extension BoxSnapshot {
  /// The contents of metrics.prom.
  public var metrics: [UInt8] {
    var text = MetricsText()
    text.family("synbox_build_info", "Version of the running program; always 1.")
    text.sample(1, ["version": versions.version, "revision": versions.revision])
    text.family("synbox_datapath_info", "How the box sends and receives; always 1.")
    text.sample(
      1,
      [
        "interface": station.interface, "driver": station.driver,
        "transmit": station.transmit.joined(separator: ","), "receive": station.receive,
        "rst": station.reset,
      ])
    text.family("synbox_start_time_seconds", "Start time of the process, in seconds since 1970.")
    text.sample(started.seconds ?? 0)
    text.family("synbox_status_time_seconds", "Time of this sample, in seconds since 1970.")
    text.sample(time.seconds ?? 0)
    text.family("synbox_state", "1 for the current state of the box, 0 for the others.")
    for known in BoxState.known { text.sample(known == state ? 1 : 0, ["state": known.rawValue]) }
    text.family("synbox_problems", "Number of problems that status.json lists.")
    text.sample(Double(problems.count))
    if let licence {
      text.family("synbox_licence_valid", "1 if the licence is valid, 0 otherwise.")
      text.sample(licence.state == LicenceStatus.State.valid.rawValue ? 1 : 0)
      text.family("synbox_licence_rate_pps", "Probes per second that the licence allows.")
      text.sample(Double(licence.rate))
    }
    addJobs(to: &text)
    add(.scan, to: &text)
    text.family("synbox_nic_carrier", "1 if the interface has a carrier.")
    text.sample(nic.carrier ? 1 : 0)
    add(.nic, to: &text)
    if let disk {
      text.family("synbox_disk_total_bytes", "Size of the data directory's file system.")
      text.sample(Double(disk.totalBytes))
      text.family(
        "synbox_disk_available_bytes", "Available space on the data directory's file system.")
      text.sample(Double(disk.availableBytes))
    }
    return text.bytes
  }

  private func addJobs(to text: inout MetricsText) {
    text.family("synbox_jobs_queued", "Jobs that wait for their turn.")
    text.sample(Double(jobsQueued))
    text.family("synbox_jobs_cooling", "Jobs that wait for their last replies.")
    text.sample(Double(cooling.count))
    text.family("synbox_files_arriving", "Spool files that may still be growing.")
    text.sample(Double(filesArriving))
    add(.box, to: &text)
    text.family("synbox_job_progress_ratio", "Fraction of the running job's probes already sent.")
    text.sample(job?.progress?.fraction ?? 0)
    text.family("synbox_job_remaining_seconds", "Estimated time until the running job ends.")
    text.sample(job?.progress?.remaining ?? 0)
    text.family(
      "synbox_send_rate_probes_per_second", "Probes sent per second since the previous sample.")
    text.sample(job?.progress?.rate ?? 0)
  }

  private func add(_ source: Counter.Source, to text: inout MetricsText) {
    for counter in Counter.allCases where counter.definition.source == source {
      let definition = counter.definition
      text.family(definition.metric, definition.help, .counter)
      text.sample(count: counters[counter], direction: definition.direction)
    }
  }
}

/// Builds the text: metric families, each with its help, type and samples.
private struct MetricsText {
  enum Kind: String { case counter, gauge }

  private var text = ""
  private var name = ""

  var bytes: [UInt8] { Array(text.utf8) }

  /// Begins a family, unless it is the one that the last sample belongs to.
  ///
  /// - Parameter help: must not contain backslashes or newlines, because they are not escaped.
  mutating func family(_ name: String, _ help: String, _ kind: Kind = .gauge) {
    guard name != self.name else { return }
    self.name = name
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(count: UInt64, direction: String?) {
    text += "\(name)\(direction.map { "{direction=\"\($0)\"}" } ?? "") \(count)\n"
  }

  mutating func sample(_ value: Double, _ labels: KeyValuePairs<String, String> = [:]) {
    let list = labels.map { "\($0.key)=\"\(Escaping.prometheusLabel($0.value))\"" }.joined(
      separator: ",")
    let number = value.rounded() == value && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    text += "\(name)\(list.isEmpty ? "" : "{\(list)}") \(number)\n"
  }
}
