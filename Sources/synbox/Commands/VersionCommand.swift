// `synbox version`.
import ArgumentParser
import Kernel

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version",
    abstract: "Print the versions of synbox and of everything it was built with.",
    discussion: "One component per line: NAME VERSION, and the URL of a Swift package.")

  static let number = BuildIdentity.number

  func run() {
    print("synbox \(Self.number) (\(BuildIdentity.revision))")
    print(BuildIdentity.components, terminator: "")
  }
}
