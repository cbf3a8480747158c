// The log: one line per event to standard error, in the form of the scanner's, and the audit trail among it.
import Kernel
import Scan
import Support

/// Writes lines such as `time=2026-11-22T16:20:00.000Z level=notice msg="submitted" job=net.txt by=alice`.
public enum Log {
  public enum Level: String { case info, notice, warning, error }

  /// - Parameter fields: values may come from anybody.
  public static func write(
    _ level: Level, _ message: String, _ fields: KeyValuePairs<String, String> = [:]
  ) {
    var line: [UInt8] = Array("time=".utf8)
    line.append(timestamp: Clock.realtime)
    line.append(text: " level=\(level.rawValue) msg=\(Escaping.logValue(message))")
    for (key, value) in fields { line.append(text: " \(key)=\(Escaping.logValue(value))") }
    Terminal.error(String(decoding: line, as: UTF8.self) + "\n")
  }
}
