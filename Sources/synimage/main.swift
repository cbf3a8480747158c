// `synimage`: builds the disk image on a workstation. It is not part of the image.
import ArgumentParser
import Foundation
import Kernel
import Plan

struct Synimage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synimage", abstract: "Build and inspect synbox disk images.",
    subcommands: [
      BuildCommand.self, LockCommand.self, ContentsCommand.self, CompareCommand.self, PutCommand.self,
      GetCommand.self, IdentityCommand.self,
    ])
}

/// The exit codes are those of synbox: 0 success, 1 failure, 2 wrong usage or invalid input.
func main() -> Int32 {
  // Output must not depend on the umask of the caller.
  umask(0o022)
  // Not the configuration's `version`: subcommands would inherit it, and `build` has an option of that name.
  if Array(CommandLine.arguments.dropFirst()) == ["--version"] {
    Terminal.output("synimage \(BuildIdentity.number) (\(BuildIdentity.revision))\n")
    Terminal.output("Swift \(BuildIdentity.version(of: "Swift"))\n")
    return 0
  }
  do {
    var command = try Synimage.parseAsRoot()
    try command.run()
    return 0
  } catch let error where error is InputError || error is SiteCheckError {
    Terminal.error("synimage: \(error)\n")
    return 2
  } catch let error as Fault {
    Terminal.error("synimage: \(error)\n")
    return 1
  } catch let error as ExitCode {
    return error.rawValue
  } catch {
    let code = Synimage.exitCode(for: error)
    let text = Synimage.fullMessage(for: error)
    if code.isSuccess { Terminal.output(text + "\n") } else { Terminal.error(text + "\n") }
    return code.isSuccess ? 0 : 2
  }
}

endProcess(main())
