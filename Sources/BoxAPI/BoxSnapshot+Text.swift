// What `synbox status` prints.
import Support

extension BoxSnapshot {
  /// The status for people: one line per subject, each with its newline.
  public var text: String {
    var rows: [(String, String)] = [("state", "\(state.rawValue) at \(time.text)")]
    rows += problems.map { ("problem", $0) }
    if let job { rows.append(("job", Self.line(job))) }
    if !cooling.isEmpty { rows.append(("cooldown", "\(cooling.count) jobs")) }
    for job in cooling.prefix(Self.shownJobs) { rows.append(("", Self.coolingLine(job))) }
    let arriving = filesArriving > 0 ? ", \(filesArriving) files arriving" : ""
    rows.append(("queue", "\(jobsQueued) jobs\(arriving)"))
    for job in queue.prefix(Self.shownJobs) {
      let state = job.state.isEmpty ? "" : ", \(job.state)"
      rows.append(("", "\(job.name) (priority \(job.priority)\(state))"))
    }
    rows.append(
      (
        "ended",
        "\(counters[.jobsFinished]) finished, \(counters[.jobsRejected]) rejected, "
          + "\(counters[.jobsCancelled]) cancelled"
      ))
    if let licence { rows.append(("licence", Self.line(licence))) }
    rows.append(("drops", dropsLine))
    rows.append(("interface", interfaceLine))
    let receive = station.receive.isEmpty ? "unknown" : station.receive
    rows.append(
      (
        "modes",
        "transmit \(station.transmit.joined(separator: ",")), receive \(receive)"
          + (station.sourceUse.isEmpty ? "" : ", sources \(station.sourceUse)")
          + (station.networkNamespace.isEmpty ? "" : ", namespace \(station.networkNamespace)")
      ))
    if let disk {
      rows.append(
        ("disk", "\(disk.usedPercent) % used, \(disk.availableBytes / 1_000_000) MB available"))
    }
    let kernel = versions.kernel.isEmpty ? "unknown" : versions.kernel
    rows.append(("version", "synbox \(versions.version) (\(versions.revision)) on Linux \(kernel)"))
    return rows.map { name, value in
      name + String(repeating: " ", count: 11 - name.count) + Escaping.visible(value) + "\n"
    }.joined()
  }

  /// How many jobs of a list are shown.
  private static let shownJobs = 10

  private var interfaceLine: String {
    let link = nic.up ? (nic.carrier ? "carrier" : "no carrier") : "down"
    let addresses = nic.addresses.prefix(3).joined(separator: ", ")
    return "\(station.interface) (\(station.driver)), \(link), \(addresses)"
      + (nic.addresses.count > 3 ? ", …" : "")
  }

  private var dropsLine: String {
    "\(counters[.eventsLost]) events lost, \(counters[.probesRefused]) probes refused, "
      + "\(counters[.repliesInvalid]) replies invalid, NIC rx \(counters[.rxDropped]) dropped "
      + "\(counters[.rxMissed]) missed, tx \(counters[.txDropped]) dropped"
  }

  private static func line(_ licence: LicenceStatus) -> String {
    guard licence.state == LicenceStatus.State.valid.rawValue else { return licence.state }
    let list = licence.denySequence.map { ", deny list \($0)" } ?? ""
    let seconds = Int(bounded(licence.expiresIn ?? 0).rounded(.down))
    return "\(licence.rate) pps\(list), \(seconds) s remaining"
  }

  private static func title(_ job: JobStatus) -> String {
    "\(job.name) (priority \(job.priority)" + (job.resumed > 0 ? ", resumed \(job.resumed)" : "") + ")"
  }

  private static func line(_ job: JobStatus) -> String {
    guard let progress = job.progress else { return title(job) + ", preparing" }
    let tenths = Int((bounded(progress.fraction) * 1000).rounded(.down))
    var text = title(job)
    text += ", \(tenths / 10).\(tenths % 10) % of \(progress.probesTotal) probes"
    text += ", \(short(bounded(progress.rate))) pps, \(progress.counters[.results]) results"
    if let seconds = progress.remaining {
      text += ", \(Int(bounded(seconds).rounded(.up))) s remaining"
    }
    return text
  }

  private static func coolingLine(_ job: JobStatus) -> String {
    let results = job.progress?.counters[.results] ?? 0
    let seconds = Int(bounded(job.progress?.remaining ?? 0).rounded(.up))
    return "\(title(job)), \(results) results, \(seconds) s remaining"
  }
}

/// Clamps a number from a file to a range that converts to an integer.
private func bounded(_ number: Double) -> Double { min(max(number, 0), 1e15) }

/// Returns a number with a suffix: 950, 12.3k, 1.2M.
private func short(_ value: Double) -> String {
  func tenths(_ value: Double) -> String {
    let scaled = Int((value * 10).rounded())
    return "\(scaled / 10).\(scaled % 10)"
  }
  if value >= 1e6 { return tenths(value / 1e6) + "M" }
  if value >= 1e3 { return tenths(value / 1e3) + "k" }
  return String(Int(value.rounded()))
}
