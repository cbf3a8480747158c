// `synbox status`: prints the status that the box writes every second.
import ArgumentParser
import BoxAPI
import Kernel

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Print the status of a box.",
    discussion: "Exits with status 1 if there is no status file, or if the box no longer updates it.")

  @Option(help: "Configuration (synbox.toml), for its data directory.")
  var config: String

  @Flag(help: "Print the status every second until interrupted.")
  var watch = false

  @Flag(help: "Print status.json unchanged.")
  var json = false

  func run() throws {
    let path = "\(try Configuration.dataDirectory(path: config))/status.json"
    guard watch else { return try show(path) }
    let signals = try SignalReader([.interrupt, .terminate])
    while true {
      // Cursor to the top left, clear the screen.
      if Terminal.outputIsTerminal, !json { Terminal.output("\u{1b}[H\u{1b}[2J") }
      do throws(Fault) {
        try show(path)
      } catch {
        // The box may be restarting.
        Terminal.error("synbox: \(error)\n")
      }
      if poll(signals.number, -1, milliseconds: 1000).first, let signal = signals.next() {
        throw ExitCode(128 + signal.rawValue)
      }
    }
  }

  private func show(_ path: String) throws(Fault) {
    let file = try StatusDocument.read(path)
    Terminal.output(json ? String(decoding: file.bytes, as: UTF8.self) : file.report.text)
    try file.requireFresh()
  }
}

/// The contents of status.json, with its age.
struct StatusDocument {
  /// A box writes its status every second; the rest is slack for a busy machine.
  static let staleAfter: UInt64 = 5_000_000_000

  let path: String
  let bytes: [UInt8]
  let report: BoxSnapshot
  /// Nanoseconds since the file was written.
  let age: UInt64

  static func read(_ path: String) throws(Fault) -> StatusDocument {
    guard let about = Files.status(of: path) else {
      throw Fault(
        "no status file \(path)",
        remedy: "No box has served this data directory yet; run `synbox serve`")
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let bytes: [UInt8]
    do throws(EntryError) {
      bytes = try Files.readRegular(name, in: Files.parent(of: path), limit: 1 << 24)
    } catch {
      throw error.fault
    }
    guard let report = BoxSnapshot(json: bytes) else {
      throw Fault("\(path) is not a status file", remedy: "`synbox serve` did not write it")
    }
    let now = Clock.realtime
    return StatusDocument(
      path: path, bytes: bytes, report: report, age: now - min(now, about.modified))
  }

  func requireFresh() throws(Fault) {
    guard !report.isFinal, age > Self.staleAfter else { return }
    throw Fault(
      "\(path) was last written \(age / 1_000_000_000) seconds ago",
      remedy: "The box was killed or hangs; see its log")
  }
}
