// `synbox check`: what is wrong with target files, all of it, without scanning.
import ArgumentParser
import Kernel
import NIC
import Plan
import Spool

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Validate target files and configuration files.")

  @Argument(help: "Target files; - for standard input; *.toml is a configuration.")
  var files: [String]

  @Option(help: "How to read targets: auto, text or binary.")
  var inputFormat: TargetFile.Format = .auto

  func run() throws {
    var failed = false
    for name in files {
      if name.hasSuffix(".toml") {
        do {
          _ = try Configuration(path: name).readScope()
        } catch let error where error is ProfileError || error is InputError {
          Terminal.error("\(error)\n")
          failed = true
        }
        continue
      }
      let octets = try Files.read(name)
      let content: TargetContent
      do throws(InputError) {
        content = try TargetContent(octets, name: name, format: inputFormat)
      } catch {
        Terminal.error("\(error)\n")
        failed = true
        continue
      }
      for error in TargetFile.check(content.octets, name: name, format: content.format) {
        Terminal.error("\(error)\n")
        failed = true
      }
    }
    if failed { throw ExitCode(2) }
  }
}
