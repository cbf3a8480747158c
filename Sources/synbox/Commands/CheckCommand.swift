// `synbox check`: what is wrong with target files, all of it, without scanning.
import ArgumentParser
import Init
import Kernel
import NIC
import Plan
import Spool

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Validate target files and configuration files.")

  @Argument(help: "Target files; - for standard input; *.toml is a configuration.")
  var files: [String] = []

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp(
      "The settings of `synbox init`; the configuration's interface must be theirs.",
      valueName: "box.toml"))
  var settings: String?

  @Option(help: "How to read targets: auto, text or binary.")
  var inputFormat: TargetFile.Format = .auto

  mutating func validate() throws {
    if files.isEmpty, settings == nil { throw ValidationError("no file to check: name one") }
  }

  func run() throws {
    var failed = false
    var box: BoxSettings?
    if let settings { failed = try !isGood { box = try BoxSettings(path: settings) } }
    for name in files {
      if name.hasSuffix(".toml") {
        let good = try isGood {
          let configuration = try Configuration(path: name)
          _ = try configuration.readScope()
          try box?.requireSameInterface(as: configuration)
        }
        failed = failed || !good
      } else {
        failed = try !isGoodTargetFile(name) || failed
      }
    }
    if failed { throw ExitCode(2) }
  }

  /// Says what is wrong in a file. What is wrong with the machine is thrown.
  private func isGood(_ body: () throws -> Void) throws -> Bool {
    do {
      try body()
      return true
    } catch let error where error is ProfileError || error is InputError {
      Terminal.error("\(error)\n")
      return false
    }
  }

  private func isGoodTargetFile(_ name: String) throws -> Bool {
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
  /// The scanner must use the NIC that PID 1 brings up, and keep its data where PID 1 mounts them.
  func requireSameInterface(as configuration: Configuration) throws {
    func wrong(_ key: String, _ found: String, _ expected: String) throws -> ProfileError {
      let document = try TOMLDocument(
        try Files.read(configuration.path), file: configuration.path,
        maximumSize: Configuration.maximumSize)
      return document.error(at: [key], found: TOMLDocument.shown(found), expected: expected)
    }
    guard configuration.station.interface == interface.name else {
      throw try wrong(
        "interface", configuration.station.interface,
        "\"\(interface.name)\", the name that the settings of synbox init give the scan NIC")
    }
    guard Boot.isOnDataPartition(configuration.data) else {
      throw try wrong("data", configuration.data, "\(Boot.dataMount), or a directory below")
    }
  }
}
