// `synbox serve` as PID 1 sees it: a process, a pipe with its heartbeats, and one with what it says.
import Init
import Kernel
import Wire

/// What a scanner is told at its start.
struct ScannerStart {
  let configuration: String
  /// Of the default route, once the link is up.
  let gateway: IPv4Address?
  /// The first of a boot: it begins before the NIC and the data are there.
  let isAhead: Bool

  var arguments: [String] {
    ["serve", "--config", configuration, "--heartbeat", "3", "--bring-up"]
      + (gateway.map { ["--default-route", $0.description] } ?? [])
      + (isAhead ? ["--boot-progress", "4"] : [])
  }
}

/// The scanner's process. What it writes is foreign: bounded, and made visible before it is shown.
final class ScannerProcess {
  let process: Int32
  private let heartbeats: Descriptor
  private let words: Descriptor
  /// Where one that was started ahead learns how far the boot is; nil once it needs to learn no more.
  private var progress: Descriptor?
  private var line: [UInt8] = []
  /// Whether there was a heartbeat.
  private(set) var isUp = false
  /// What it said on the console until its first heartbeat; afterwards only the last.
  private(set) var lastWords: [String] = []

  /// Bytes; the rest of a longer line is dropped.
  private static let longestLine = 2000

  /// Starts it.
  init(binary: String = "/bin/synbox", _ start: ScannerStart) throws(Fault) {
    let beats = try PipeEnds()
    let words = try PipeEnds()
    let progress = try PipeEnds()
    process = try ChildProcess.start(
      binary, ["synbox"] + start.arguments,
      output: words.writer.number,
      inherited: [beats.writer.number] + (start.isAhead ? [progress.reader.number] : []))
    heartbeats = beats.takeReader()
    self.words = words.takeReader()
    if start.isAhead { self.progress = progress.takeWriter() }
  }

  /// Whether it lacks the NIC or the data still.
  var isAhead: Bool { progress != nil }

  func tellOfInterface() { progress?.write([0x69], within: 0) }

  func tellOfData() { progress = nil }

  /// To wait on.
  var descriptors: [Int32] { [heartbeats.number, words.number] }

  /// What came on the pipe since the last call.
  func signs() -> [Heartbeat.Sign] {
    var buffer = [UInt8](repeating: 0, count: 64)
    guard let count = try? heartbeats.read(into: &buffer) else { return [] }
    return buffer.prefix(count).compactMap(Heartbeat.Sign.init(rawValue:))
  }

  /// Lines that belong on the console: what it says of itself, warnings and errors.
  func lines() -> [String] {
    var buffer = [UInt8](repeating: 0, count: 4096)
    var shown: [String] = []
    // Bounded, so that one that says much does not keep us.
    for _ in 0..<16 {
      guard let count = try? words.read(into: &buffer), count > 0 else { break }
      for byte in buffer.prefix(count) {
        if byte == UInt8(ascii: "\n") {
          if let text = Self.shown(String(decoding: line, as: UTF8.self)) {
            shown.append(text)
            lastWords = isUp || lastWords.count >= 10 ? [text] : lastWords + [text]
          }
          line = []
        } else if line.count < Self.longestLine {
          line.append(byte)
        }
      }
    }
    return shown
  }

  /// What remains of a line for the console; nil: nothing.
  static func shown(_ line: String) -> String? {
    let marks = ["level=warning ", "level=error ", "level=critical "]
    guard line.hasPrefix("time=") else {
      return line.hasPrefix("synbox: ") ? String(line.dropFirst(8)) : line.isEmpty ? nil : line
    }
    for mark in marks {
      if let found = line.firstRange(of: mark) {
        return "\(mark.dropFirst(6).dropLast()): \(line[found.upperBound...])"
      }
    }
    return nil
  }

  /// Its first heartbeat: what it has said until now is no reason for an end any more.
  func comeUp() -> [String] {
    isUp = true
    defer { lastWords = [] }
    return lastWords
  }

  func stop(_ signal: Signal) { try? send(signal, to: process) }
}
