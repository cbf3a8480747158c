// What the service counts, for GET /metrics.
import Support

/// Counters since the service started.
public struct ServiceMetrics: Hashable, Sendable {
  public private(set) var requests: [Int: UInt64] = [:]
  public var connections: UInt64 = 0
  public var connectionsRefused: UInt64 = 0
  public var attemptsFailed: UInt64 = 0
  public var bytesReceived: UInt64 = 0
  public var bytesSent: UInt64 = 0

  public init() {}

  public mutating func count(status: Int) { requests[status, default: 0] += 1 }

  /// Prometheus' text format, version 0.0.4.
  ///
  /// - Parameter started: seconds since 1970.
  public func text(version: String, started: Double, openConnections: Int) -> String {
    var text = ""
    func add(_ name: String, _ type: String, _ help: String, _ rows: [(labels: String, value: String)])
    {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
      for row in rows { text += "\(name)\(row.labels) \(row.value)\n" }
    }
    add(
      "synbox_manage_info", "gauge", "The version of the management service.",
      [("{version=\"\(Escaping.prometheusLabel(version))\"}", "1")])
    add(
      "synbox_manage_start_time_seconds", "gauge", "When it started, seconds since 1970.",
      [("", "\(started)")])
    add(
      "synbox_manage_requests_total", "counter", "Requests answered, by status code.",
      requests.sorted { $0.key < $1.key }.map { ("{status=\"\($0.key)\"}", "\($0.value)") })
    for (name, help, value) in [
      ("synbox_manage_connections_total", "Connections accepted.", connections),
      (
        "synbox_manage_connections_refused_total", "Connections closed because of a limit.",
        connectionsRefused
      ),
      (
        "synbox_manage_attempts_failed_total", "Requests with credentials that are not valid.",
        attemptsFailed
      ),
      ("synbox_manage_received_bytes_total", "Bytes of target files received.", bytesReceived),
      ("synbox_manage_sent_bytes_total", "Bytes of bodies sent.", bytesSent),
    ] {
      add(name, "counter", help, [("", "\(value)")])
    }
    add(
      "synbox_manage_connections", "gauge", "Open connections.", [("", "\(openConnections)")])
    return text
  }
}
