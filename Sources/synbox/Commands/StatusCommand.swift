// `synbox status`: what the box does, from what it writes each second.
import ArgumentParser
import Kernel

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Print what the box does.",
    discussion: "Exit code 1 when there is no status, or when it is not kept up to date any more.")

  @Option(help: "The box's configuration, TOML; it names the data directory.")
  var config: String

  @Flag(help: "Print it again each second, until Ctrl-C.")
  var watch = false

  @Flag(help: "Print status.json as it is.")
  var json = false

  func run() throws {
    let path = "\(try Configuration.dataDirectory(path: config))/status.json"
    guard watch else { return try show(path) }
    let signals = try SignalReader([.interrupt, .terminate])
    while true {
      // From the top of the screen, where there is one.
      if Terminal.outputIsTerminal, !json { Terminal.output("\u{1b}[H\u{1b}[2J") }
      do throws(Fault) {
        try show(path)
      } catch {
        // The box may be starting again.
        Terminal.error("synbox: \(error)\n")
      }
      if poll(signals.number, -1, milliseconds: 1000).first, let signal = signals.next() {
        throw ExitCode(128 + signal.rawValue)
      }
    }
  }

  private func show(_ path: String) throws(Fault) {
    let file = try FoundStatus.read(path)
    Terminal.output(json ? String(decoding: file.bytes, as: UTF8.self) : file.report.text)
    try file.requireFresh()
  }
}

/// status.json as it was found.
private struct FoundStatus {
  /// A box writes it each second; so long may it take when the machine is busy.
  static let staleAfter: UInt64 = 5_000_000_000

  let path: String
  let bytes: [UInt8]
  let report: StatusReport
  /// Nanoseconds since it was written.
  let age: UInt64

  static func read(_ path: String) throws(Fault) -> FoundStatus {
    guard let about = Files.status(of: path) else {
      throw Fault(
        "there is no status \(path)",
        remedy: "No box has served this data directory yet: `synbox serve` does")
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let bytes = try Files.readRegular(name, in: Files.parent(of: path), limit: 1 << 24)
    guard let report = StatusReport(bytes) else {
      throw Fault("\(path) is no status of a box", remedy: "It was not written by `synbox serve`")
    }
    let now = Clock.realtime
    return FoundStatus(
      path: path, bytes: bytes, report: report, age: now - min(now, about.modified))
  }

  func requireFresh() throws(Fault) {
    guard !report.isLast, age > Self.staleAfter else { return }
    throw Fault(
      "\(path) was last written \(age / 1_000_000_000) seconds ago",
      remedy: "The box has ended without saying so, or hangs: see its log")
  }
}
