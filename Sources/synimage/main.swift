// `synimage`: builds the box's disk image, on a workstation. Nothing of it goes into the box.
import ArgumentParser
import Foundation
import Kernel
import NIC

struct Synimage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synimage", abstract: "Builds synbox's disk image, and looks into one.",
    subcommands: [
      BuildCommand.self, LockCommand.self, ContentsCommand.self, CompareCommand.self, PutCommand.self,
      GetCommand.self,
    ])
}

/// Exit codes as synbox has them: 0 done, 1 failed while running, 2 wrong usage or bad input.
func main() -> Int32 {
  // What is made must not depend on who makes it.
  umask(0o022)
  do {
    var command = try Synimage.parseAsRoot()
    try command.run()
    return 0
  } catch let error where error is ProfileError || error is Refusal || error is Rejected {
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
