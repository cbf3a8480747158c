// The root command, and the mapping from errors to exit codes.
import ArgumentParser
import Fleet
import Kernel
import Plan

struct SynboxAgent: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synbox-agent",
    abstract: "The agent of a box in a fleet: fetches shards, hands in results, keeps the licence.",
    discussion: "Exit status: 0 success, 1 failure, 2 invalid usage or input, 128+N ended by signal N.",
    version: VersionCommand.line,
    subcommands: [RunCommand.self, CheckCommand.self, VersionCommand.self])
}

/// Runs the command and returns the exit status. Everything up to the drop runs on this thread, because capabilities
/// belong to threads.
func main() -> Int32 {
  do {
    var command = try SynboxAgent.parseAsRoot()
    try command.run()
    return 0
  } catch let error as InputError {
    Terminal.error("synbox-agent: \(error)\n")
    return 2
  } catch let error where error is Fault || error is FleetError {
    Terminal.error("synbox-agent: \(error)\n")
    return 1
  } catch let error as ExitCode {
    return error.rawValue
  } catch {
    let code = SynboxAgent.exitCode(for: error)
    let text = SynboxAgent.fullMessage(for: error)
    if code.isSuccess { Terminal.output(text + "\n") } else { Terminal.error(text + "\n") }
    return code.isSuccess ? 0 : 2
  }
}

endProcess(main())
