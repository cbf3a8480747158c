// A service for the tests of PID 1's supervision. Its arguments are what it does, in order.
import CConfinementProbe
import Kernel

/// - `facts`: prints what the kernel says of it, its environment and limits.
/// - `network`: prints the identity of its network namespace.
/// - `open:PATH`, `write:PATH`: prints whether it may.
/// - `beat:SECONDS`: sends a heartbeat every tenth of a second for that long.
/// - `greet:SECONDS`: the same, and writes a line to whoever connects to descriptor 3.
/// - `report:TEXT`: reports its bytes.
/// - `report-spam:TEXT`: reports them without end.
/// - `close-reports`: closes the pipe for them.
/// - `spam`: writes lines without end.
/// - `line:TEXT`: writes a line.
/// - `ignore-end`: survives SIGTERM.
/// - `end:CODE`: ends.
/// - `wait`: does nothing more.
@Sendable func service(_ actions: [String]) throws(Fault) {
  for action in actions {
    let parts = action.split(separator: ":", maxSplits: 1).map(String.init)
    let value = parts.count > 1 ? parts[1] : ""
    switch parts[0] {
    case "facts": try printFacts()
    case "network":
      let own = processID()
      say("network", NetworkNamespace.identity(ofTask: own, in: own) ?? 0)
    case "open": say("open \(value)", unsafe symbol(probe_open(value, 0)))
    case "write": say("write \(value)", unsafe symbol(probe_open(value, 1)))
    case "beat": beat(tenths: 10 * (Int(value) ?? 0), greeting: false)
    case "greet": beat(tenths: 10 * (Int(value) ?? 0), greeting: true)
    case "report": InheritedPipe.reports?.descriptor.write(Array(value.utf8), within: 1000)
    case "report-spam":
      while true { InheritedPipe.reports?.descriptor.write(Array(value.utf8), within: 1000) }
    case "close-reports": closeDescriptor(named: "REPORT_FD")
    case "spam": while true { Terminal.output(String(repeating: "spam ", count: 20) + "\n") }
    case "line": Terminal.output(value + "\n")
    case "ignore-end": _ = try SignalReader([.terminate])
    case "end": endProcess(Int32(value) ?? 1)
    default: while true { pause(milliseconds: 1000) }
    }
  }
}

private func printFacts() throws(Fault) {
  report(try TaskStatus.all())
  for limit in ResourceLimit.allCases { say("limit \(limit.rawValue)", limit.current ?? 0) }
  for name in ["LISTEN_FDS", "LISTEN_FDNAMES", "HEARTBEAT_FD"] {
    say(name, unsafe probe_environment(name).map { unsafe String(cString: $0) } ?? "unset")
  }
  let process = unsafe probe_environment("LISTEN_PID").map { unsafe String(cString: $0) }
  say("LISTEN_PID", process == "\(processID())" ? "own" : process ?? "unset")
  say("packet-socket", symbol(PrivilegeTrial.packetSocket.attempt()))
}

private func beat(tenths: Int, greeting: Bool) {
  for _ in 0..<tenths {
    InheritedPipe.heartbeats?.descriptor.write([0x2e], within: 0)
    if greeting { _ = probe_greet(3) }
    pause(milliseconds: 100)
  }
}

private func number(named name: String) -> Int32? {
  unsafe probe_environment(name).flatMap { unsafe Int32(String(cString: $0)) }
}

private func closeDescriptor(named name: String) {
  if let owned = number(named: name) { _ = Descriptor(owning: owned) }
}

/// Open until the process ends.
private final class InheritedPipe: Sendable {
  let descriptor: Descriptor

  static let heartbeats = named("HEARTBEAT_FD")
  static let reports = named("REPORT_FD")

  private static func named(_ name: String) -> InheritedPipe? {
    number(named: name).map(InheritedPipe.init)
  }

  private init(_ number: Int32) { descriptor = Descriptor(owning: number) }
}
