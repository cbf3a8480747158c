// `synbox version` and `synbox --version`.
import ArgumentParser
import Kernel

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version",
    abstract: "Print the version of synbox and of everything it was built with.",
    discussion: "One component per line: NAME VERSION, and the URL of a Swift package.")

  static let number = BuildIdentity.number

  /// What `synbox version` and `synbox --version` print, without the final newline.
  static var text: String {
    var lines = "synbox \(number) (\(BuildIdentity.revision))\n\(BuildIdentity.components)"
    while lines.last == "\n" { lines.removeLast() }
    return lines
  }

  func run() { print(Self.text) }
}
