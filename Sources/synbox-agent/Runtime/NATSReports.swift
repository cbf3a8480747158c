// What the client of the broker reports.
import Fleet
import NATS
import ServiceHost

/// Tells the agent about connections, and the log about everything.
final class NATSReports {
  weak var agent: Agent?

  func take(_ event: NATSClient.Event) {
    switch event {
    case .connected(let server):
      Log.write(.notice, "connected", ["broker": "\(server)"])
      agent?.handle(.connected)
    case .disconnected(let server, let reason):
      Log.write(.warning, "disconnected", ["broker": "\(server)", "reason": reason])
      agent?.handle(.disconnected(reason))
    case .unreachable(let server, let reason):
      Log.write(.warning, "broker unreachable", ["broker": "\(server)", "reason": reason])
      agent?.handle(.disconnected(reason))
    case .problem(let text): Log.write(.warning, text)
    }
  }
}
