// `synbox start-service`: the start helper, which PID 1 runs for services that do not confine themselves.
import ArgumentParser
import Confinement
import Kernel

struct StartServiceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start-service", abstract: "Confine this process and become a service.",
    shouldDisplay: false)

  @Argument(parsing: .captureForPassthrough)
  var words: [String] = []

  func run() throws {
    try StartHelper(parsing: words).run()
  }
}
