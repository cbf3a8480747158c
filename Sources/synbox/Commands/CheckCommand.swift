// `synbox check`: reports every error in target files and configuration files.
import ArgumentParser
import Engine
import Init
import Kernel
import Plan
import Settings
import Spool

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Validate target files and configuration files.",
    discussion: "Exits with status 2 if a file is invalid.")

  @Argument(help: "Target files, - for standard input, or configuration files (*.toml).")
  var files: [String] = []

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp(
      "Also check PID 1's configuration, and that synbox.toml agrees with it.",
      valueName: "box.toml"))
  var boxConfiguration: String?

  @Option(help: "Format of target files.")
  var inputFormat: TargetFile.Format = .auto

  mutating func validate() throws {
    if files.isEmpty, boxConfiguration == nil { throw ValidationError("no file to check: give one") }
  }

  func run() throws {
    var failed = false
    var box: BoxSettings?
    if let boxConfiguration {
      failed = try !isValid { box = try BoxSettings(path: boxConfiguration) }
    }
    for name in files {
      if name.hasSuffix(".toml") {
        let isValid = try isValid {
          let configuration = try Configuration(path: name)
          _ = try configuration.readScope()
          try box?.requireSameInterface(as: configuration)
        }
        failed = failed || !isValid
      } else {
        failed = try !isValidTargetFile(name) || failed
      }
    }
    if failed { throw ExitCode(2) }
  }

  /// Prints a file's errors; returns whether there are none. Throws the machine's faults.
  private func isValid(_ body: () throws -> Void) throws -> Bool {
    do {
      try body()
      return true
    } catch let error as InputError {
      Terminal.error("\(error)\n")
      return false
    }
  }

  private func isValidTargetFile(_ name: String) throws -> Bool {
    let bytes = try Files.read(name)
    let content: TargetContent
    do throws(InputError) {
      content = try TargetContent(bytes, name: name, format: inputFormat)
    } catch {
      Terminal.error("\(error)\n")
      return false
    }
    let errors = TargetFile.check(content.bytes, name: name, format: content.format)
    for error in errors { Terminal.error("\(error)\n") }
    return errors.isEmpty
  }
}

extension BoxSettings {
  /// Throws unless the scanner uses the NIC that PID 1 brings up, and has its data directory on the data partition
  /// that PID 1 mounts.
  func requireSameInterface(as configuration: Configuration) throws(InputError) {
    func error(_ key: String, _ found: String, _ expected: String) -> InputError {
      configuration.error(at: [key], found: TOMLValue.quoted(found), expected: expected)
    }
    guard configuration.station.interface == interface.name else {
      throw error(
        "interface", configuration.station.interface,
        "\"\(interface.name)\", the scan NIC's name in box.toml")
    }
    guard DataPartition.holds(configuration.data) else {
      throw error("data", configuration.data, "\(DataPartition.mountPoint) or a directory below it")
    }
  }
}
