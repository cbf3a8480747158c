// status.json in a readable form.
import Support

#if canImport(FoundationEssentials)
  import FoundationEssentials
#endif

/// The part of status.json that `synbox status` shows. Only the state is required, and other fields are ignored, so that
/// it can show the status of an older or newer box.
struct StatusReport: Decodable {
  struct Job: Decodable {
    var name: String?
    var priority: Int?
    var resumed: Int?
    var progress: Double?
    var secondsRemaining: Double?
    var probesTotal: UInt64?
    var probesCompleted: UInt64?
    var ratePps: Double?
    var results: UInt64?
  }

  struct QueuedJob: Decodable {
    var name: String?
    var priority: Int?
    var state: String?
  }

  struct Drops: Decodable {
    var probesRefused: UInt64?
    var eventsLost: UInt64?
    var repliesInvalid: UInt64?
    var nicRxDropped: UInt64?
    var nicRxMissed: UInt64?
    var nicTxDropped: UInt64?
  }

  struct NIC: Decodable {
    var addresses: [String]?
    var up: Bool?
    var carrier: Bool?
  }

  var time: String?
  var state: String
  var problems: [String]?
  var job: Job?
  var queue: [QueuedJob]?
  var jobsQueued: UInt64?
  var filesArriving: UInt64?
  var jobsFinished: UInt64?
  var jobsRejected: UInt64?
  var jobsCancelled: UInt64?
  var drops: Drops?
  var interface: String?
  var driver: String?
  var nic: NIC?
  var transmitMode: [String]?
  var receiveMode: String?
  var diskUsedPercent: UInt64?
  var diskAvailableBytes: UInt64?
  var version: String?
  var revision: String?
  var kernel: String?

  /// Returns nil if the bytes are no status.
  init?(_ bytes: [UInt8]) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let report = try? decoder.decode(Self.self, from: Data(bytes)) else { return nil }
    self = report
  }

  /// Whether the process has ended, so that the status stays as it is.
  var isFinal: Bool { state == "stopped" || state == "failed" }

  /// One line per subject, each with its newline.
  var text: String {
    var rows: [(String, String)] = [("state", "\(state) at \(time ?? "unknown")")]
    rows += (problems ?? []).map { ("problem", $0) }
    if let job { rows.append(("job", Self.line(job))) }
    rows.append(
      (
        "queue",
        "\(jobsQueued ?? 0) jobs"
          + ((filesArriving ?? 0) > 0 ? ", \(filesArriving ?? 0) files arriving" : "")
      ))
    for job in (queue ?? []).prefix(10) {
      let priority = job.priority.map { "priority \($0)" }
      let details = [priority, job.state].compactMap(\.self).joined(separator: ", ")
      rows.append(("", "\(job.name ?? "unknown") (\(details))"))
    }
    rows.append(
      (
        "ended",
        "\(jobsFinished ?? 0) finished, \(jobsRejected ?? 0) rejected, \(jobsCancelled ?? 0) cancelled"
      ))
    rows.append(("drops", drops.map(Self.line) ?? "unknown"))
    rows.append(("interface", interfaceLine))
    rows.append(
      (
        "modes",
        "transmit \((transmitMode ?? []).joined(separator: ",")), receive \(receiveMode ?? "unknown")"
      ))
    if let diskUsedPercent, let diskAvailableBytes {
      rows.append(("disk", "\(diskUsedPercent) % used, \(diskAvailableBytes / 1_000_000) MB available"))
    }
    rows.append(
      ("version", "synbox \(version ?? "") (\(revision ?? "")) on Linux \(kernel ?? "unknown")"))
    return rows.map { name, value in
      name + String(repeating: " ", count: 11 - name.count) + Escaping.visible(value) + "\n"
    }.joined()
  }

  private var interfaceLine: String {
    let link = nic?.up == true ? (nic?.carrier == true ? "carrier" : "no carrier") : "down"
    let addresses = (nic?.addresses ?? []).prefix(3).joined(separator: ", ")
    return "\(interface ?? "") (\(driver ?? "")), \(link), \(addresses)"
      + ((nic?.addresses?.count ?? 0) > 3 ? ", …" : "")
  }

  private static func line(_ job: Job) -> String {
    var text = "\(job.name ?? "unknown") (priority \(job.priority ?? 0)"
    if let resumed = job.resumed, resumed > 0 { text += ", resumed \(resumed)" }
    text += ")"
    guard let progress = job.progress else { return text + ", preparing" }
    let tenths = Int((bounded(progress) * 1000).rounded(.down))
    text += ", \(tenths / 10).\(tenths % 10) % of \(job.probesTotal ?? 0) probes"
    text += ", \(short(bounded(job.ratePps ?? 0))) pps, \(job.results ?? 0) results"
    if let seconds = job.secondsRemaining {
      text += ", \(Int(bounded(seconds).rounded(.up))) s remaining"
    }
    return text
  }

  private static func line(_ drops: Drops) -> String {
    "\(drops.eventsLost ?? 0) events lost, \(drops.probesRefused ?? 0) probes refused, "
      + "\(drops.repliesInvalid ?? 0) replies invalid, NIC rx \(drops.nicRxDropped ?? 0) dropped "
      + "\(drops.nicRxMissed ?? 0) missed, tx \(drops.nicTxDropped ?? 0) dropped"
  }
}

/// Clamps a number from a file to a range that converts to an integer.
private func bounded(_ number: Double) -> Double { min(max(number, 0), 1e15) }
