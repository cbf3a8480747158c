// `synbox-agent check`: reports the mistakes of a configuration and of what it names.
import ArgumentParser
import FleetHost
import Kernel
import Plan

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Validate a configuration and the box's identity.",
    discussion: "Exits with status 2 if one is invalid.")

  @Argument(help: "The configuration.")
  var file: String

  @Flag(help: "Do not read the identity, which an image does not hold.")
  var configurationOnly = false

  func run() throws {
    let settings = try ConfigurationFile.read(file)
    if configurationOnly { return }
    let bundle = try FleetBundle(settings.identity)
    _ = try bundle.boxName()
    _ = try bundle.boxSeed()
    _ = try bundle.fleetKey()
    _ = try bundle.submitKeys()
    _ = try bundle.denyKeys()
  }
}

enum ConfigurationFile {
  static func read(_ path: String) throws -> AgentSettings {
    try AgentSettings(try Files.read(path, limit: AgentSettings.maximumSize + 1), file: path)
  }
}
