// `synbox write-status`: the service of PID 1 that writes the status while no scanner runs.
import ArgumentParser
import Kernel
import Supervision

struct WriteStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write-status", abstract: "Write the status of a box whose scanner does not run.",
    shouldDisplay: false)

  @Option(help: "Status to copy.")
  var source: String

  @Option(help: "Configuration (synbox.toml).")
  var config: String

  @Option(help: "Pipe to write heartbeats to.")
  var heartbeat: Int32

  func run() throws {
    let data = try Configuration.dataDirectory(path: config)
    let user = try BoxUser.credentialsToAssume(Configuration.user(path: config))
    try StatusWriter.run(source: source, data: data, user: user, heartbeat: heartbeat)
  }
}
