// The root command, and the mapping from errors to exit codes.
import ArgumentParser
import Kernel
import Plan

struct SynboxManage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synbox-manage",
    abstract: "The management service of a box: takes target files and gives back results over HTTPS.",
    discussion: "Exit status: 0 success, 1 failure, 2 invalid usage or input, 128+N ended by signal N.",
    version: VersionCommand.line,
    subcommands: [ServeCommand.self, CheckCommand.self, VersionCommand.self])
}

/// Runs the command and returns the exit status. Everything up to the drop runs on this thread, because capabilities
/// belong to threads.
func main() -> Int32 {
  do {
    var command = try SynboxManage.parseAsRoot()
    try command.run()
    return 0
  } catch let error as InputError {
    Terminal.error("synbox-manage: \(error)\n")
    return 2
  } catch let error as Fault {
    Terminal.error("synbox-manage: \(error)\n")
    return 1
  } catch let error as ExitCode {
    return error.rawValue
  } catch {
    let code = SynboxManage.exitCode(for: error)
    let text = SynboxManage.fullMessage(for: error)
    if code.isSuccess { Terminal.output(text + "\n") } else { Terminal.error(text + "\n") }
    return code.isSuccess ? 0 : 2
  }
}

endProcess(main())
