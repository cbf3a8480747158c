// The box's log: one line an event on standard error, UTC, key=value.
import Kernel
import Logging
import Scan

/// Lines such as `time=2026-11-22T16:20:00.000Z level=info msg="job finished" job=net.txt results=12`.
struct LineLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info

  static func logger() -> Logger { Logger(label: "synbox") { _ in LineLog() } }

  subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var line: [UInt8] = Array("time=".utf8)
    line.append(timestamp: Clock.realtime)
    line.append(text: " level=\(event.level.rawValue) msg=\(Self.quoted(event.message.description))")
    let members = metadata.merging(event.metadata ?? [:]) { $1 }
    for (key, value) in members.sorted(by: { $0.key < $1.key }) {
      line.append(text: " \(key)=\(Self.quoted(value.description))")
    }
    Terminal.error(String(decoding: line, as: UTF8.self) + "\n")
  }

  /// A value stays on its line and within its quotes, whoever chose it.
  private static func quoted(_ text: String) -> String {
    let plain = text.unicodeScalars.allSatisfy {
      FileName.isVisible($0) && $0 != " " && $0 != "\"" && $0 != "=" && $0 != "\\"
    }
    guard !plain || text.isEmpty else { return text }
    let escaped = text.unicodeScalars.map { scalar in
      if scalar == "\"" || scalar == "\\" { return "\\\(scalar)" }
      return FileName.isVisible(scalar) ? String(scalar) : "\(FileName(String(scalar)))"
    }
    return "\"\(escaped.joined())\""
  }
}
