// `synbox serve` as PID 1 runs it: a process, a pipe for its heartbeats, and one for its output.
import Init
import Kernel
import Wire

/// How PID 1 starts the scanner.
struct ScannerLaunch {
  let configuration: String
  /// The gateway of the default route, which the scanner adds once the link is up.
  let gateway: IPv4Address?
  /// Whether the scanner starts before the NIC and the data partition are ready, as the first one of a boot does.
  let isEarly: Bool

  var arguments: [String] {
    // Nothing limits locked memory in an image, so failing to lock it is a fault of the image.
    ["serve", "--config", configuration, "--heartbeat", "3", "--bring-up", "--require-locked-memory"]
      + (gateway.map { ["--default-route", $0.description] } ?? [])
      + (isEarly ? ["--boot-progress", "4"] : [])
  }
}

/// The scanner's process. Its output is untrusted: lines are bounded, and escaped before they are shown.
final class ScannerProcess {
  let process: Int32
  private let heartbeats: Descriptor
  private let output: Descriptor
  /// Tells a scanner that started early how far the boot has come; nil once it has everything it needs.
  private var progress: Descriptor?
  private var line: [UInt8] = []
  /// Whether it has sent a heartbeat.
  private(set) var isUp = false
  /// Its lines for the console: the first ten until its first heartbeat, only the latest afterwards.
  private(set) var recentLines: [String] = []

  /// In bytes. The rest of a longer line is dropped.
  private static let maximumLineLength = 2000

  /// Starts the process.
  init(binary: String = "/bin/synbox", _ launch: ScannerLaunch) throws(Fault) {
    let heartbeats = try PipeEnds()
    let output = try PipeEnds()
    let progress = try PipeEnds()
    process = try ChildProcess.start(
      binary, ["synbox"] + launch.arguments,
      output: output.writer.number,
      inherited: [heartbeats.writer.number] + (launch.isEarly ? [progress.reader.number] : []))
    self.heartbeats = heartbeats.takeReader()
    self.output = output.takeReader()
    if launch.isEarly { self.progress = progress.takeWriter() }
  }

  /// Whether it still waits for the NIC or the data partition.
  var isEarly: Bool { progress != nil }

  func announceInterface() { progress?.write([0x69], within: 0) }

  func announceData() { progress = nil }

  /// The descriptors that become readable when the scanner sends something.
  var descriptors: [Int32] { [heartbeats.number, output.number] }

  /// Returns the heartbeats received since the last call.
  func readBeats() -> [Heartbeat.Beat] {
    var buffer = [UInt8](repeating: 0, count: 64)
    guard let count = try? heartbeats.read(into: &buffer) else { return [] }
    return buffer.prefix(count).compactMap(Heartbeat.Beat.init(rawValue:))
  }

  /// Returns the new lines that belong on the console: its own plain lines, warnings and errors.
  func readLines() -> [String] {
    var buffer = [UInt8](repeating: 0, count: 4096)
    var lines: [String] = []
    // Bounded, so that a scanner that writes without pause cannot keep PID 1 from its other duties.
    for _ in 0..<16 {
      guard let count = try? output.read(into: &buffer), count > 0 else { break }
      for byte in buffer.prefix(count) {
        if byte == UInt8(ascii: "\n") {
          if let text = Self.consoleText(of: String(decoding: line, as: UTF8.self)) {
            lines.append(text)
            recentLines = isUp || recentLines.count >= 10 ? [text] : recentLines + [text]
          }
          line = []
        } else if line.count < Self.maximumLineLength {
          line.append(byte)
        }
      }
    }
    return lines
  }

  /// Returns the part of a line that belongs on the console, or nil for none.
  static func consoleText(of line: String) -> String? {
    let levels = ["level=warning ", "level=error ", "level=critical "]
    guard line.hasPrefix("time=") else {
      return line.hasPrefix("synbox: ") ? String(line.dropFirst(8)) : line.isEmpty ? nil : line
    }
    for level in levels {
      if let found = line.firstRange(of: level) {
        return "\(level.dropFirst(6).dropLast()): \(line[found.upperBound...])"
      }
    }
    return nil
  }

  /// Notes the first heartbeat. Returns the lines so far, which no longer explain a later end.
  func markUp() -> [String] {
    isUp = true
    defer { recentLines = [] }
    return recentLines
  }

  func stop(_ signal: Signal) { try? send(signal, to: process) }
}
