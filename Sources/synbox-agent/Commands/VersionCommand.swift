// `synbox-agent version`.
import ArgumentParser
import Kernel

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version",
    abstract: "Print the version of synbox-agent and of everything it was built with.",
    discussion: "One component per line: NAME VERSION, and the URL of a Swift package.")

  /// What `synbox-agent --version` prints.
  static let line = "synbox-agent \(BuildIdentity.number) (\(BuildIdentity.revision))"

  func run() { Terminal.output("\(Self.line)\n\(BuildIdentity.serviceComponents)\n") }
}
