// The box's log: one line per event, UTC, key=value, to standard error or the kernel's log.
import Kernel
import Logging
import Scan
import Support

/// Where log lines go.
enum LogTarget: String, CaseIterable {
  case standardError = "stderr"
  /// /dev/kmsg, for boxes on which nothing collects standard error.
  case kernel
}

/// Writes lines such as `time=2026-11-22T16:20:00.000Z level=info msg="job finished" job=net.txt results=12`.
struct LineLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info

  private let kernel: KernelLog?

  /// Makes a logger. Must be called before privileges are dropped, because /dev/kmsg cannot be opened afterwards.
  static func logger(to target: LogTarget) throws(Fault) -> Logger {
    let kernel = target == .kernel ? try KernelLog() : nil
    return Logger(label: "synbox") { _ in LineLog(kernel: kernel) }
  }

  init(kernel: KernelLog?) { self.kernel = kernel }

  subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let line = line(of: event, at: Clock.realtime)
    if let kernel {
      kernel.write(line, severity: Self.severity(event.level))
    } else {
      Terminal.error(String(decoding: line, as: UTF8.self) + "\n")
    }
  }

  /// - Parameter time: CLOCK_REALTIME, nanoseconds.
  func line(of event: LogEvent, at time: UInt64) -> [UInt8] {
    var line: [UInt8] = Array("time=".utf8)
    line.append(timestamp: time)
    line.append(
      text: " level=\(event.level.rawValue) msg=\(Escaping.logValue(event.message.description))")
    let fields = metadata.merging(event.metadata ?? [:]) { $1 }
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
      line.append(text: " \(key)=\(Escaping.logValue(value.description))")
    }
    return line
  }

  private static func severity(_ level: Logger.Level) -> KernelLog.Severity {
    switch level {
    case .trace, .debug: .debug
    case .info: .informational
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    case .critical: .critical
    }
  }
}
