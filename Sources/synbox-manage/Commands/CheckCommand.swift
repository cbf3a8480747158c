// `synbox-manage check`: reports the mistakes of a configuration and of what it names.
import ArgumentParser
import Kernel
import Manage
import Plan

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Validate a configuration and its token file.",
    discussion: "Exits with status 2 if one is invalid.")

  @Argument(help: "The configuration.")
  var file: String

  func run() throws {
    let settings = try ConfigurationFile.read(file)
    _ = try TokenStore(settings.tokens)
    if let certificate = settings.certificate, let key = settings.key {
      _ = try ServerIdentity(certificate: certificate, key: key)
    }
    if let path = settings.clientCA { _ = try ServerIdentity.certificates(path) }
  }
}

enum ConfigurationFile {
  static func read(_ path: String) throws -> ManageSettings {
    try ManageSettings(try Files.read(path, limit: ManageSettings.maximumSize + 1), file: path)
  }
}
