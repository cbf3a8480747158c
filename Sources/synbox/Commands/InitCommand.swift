// `synbox init`: PID 1 of the image.
import ArgumentParser
import Kernel
import Supervision

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Run as PID 1 of the image: set up the box, then supervise `synbox serve`.")

  @Flag(help: "Set up the box and mount the data partition read-only, but do not scan.")
  var rescue = false

  @Option(help: ArgumentHelp("Stop the scanner once, after this many seconds.", visibility: .hidden))
  var testStopScanner: Int?

  @Option(help: ArgumentHelp("Hang after this many seconds.", visibility: .hidden))
  var testStopInit: Int?

  @Flag(
    help: ArgumentHelp(
      "Run services that list the interfaces of their network namespaces.", visibility: .hidden))
  var testInterfaces = false

  func run() throws {
    guard processID() == 1 else {
      throw Fault(
        "synbox init runs only as PID 1 of a box",
        remedy: "On a running host, use `synbox serve --config synbox.toml`")
    }
    try PIDOne.run(
      PIDOne.Options(
        isRescue: rescue,
        hooks: PIDOne.TestHooks(
          stopScanner: testStopScanner, stopInit: testStopInit, listsInterfaces: testInterfaces),
        dataDirectory: { configuration in try Configuration.dataDirectory(path: configuration) }))
  }
}
