// `synbox dhcp-client`: the service of PID 1 that asks for the address of the management NIC.
import ArgumentParser
import Kernel
import Supervision

struct DHCPClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dhcp-client", abstract: "Ask for the address of an interface, and report it.",
    shouldDisplay: false)

  @Option(help: "Interface.")
  var interface: String

  @Option(help: "Host name to tell the server.")
  var hostName: String

  @Option(help: "Directory for the lease.")
  var state: String

  @Option(help: "Directory for the address, which outlives a restart of the box.")
  var keep: String

  @Option(help: "Pipe to write heartbeats to.")
  var heartbeat: Int32

  @Option(help: "Pipe to write reports to.")
  var report: Int32

  func run() throws {
    try DHCPService.run(
      DHCPService.Options(
        interface: interface, hostName: hostName, state: state, keep: keep, heartbeat: heartbeat,
        report: report))
  }
}
