// The subcommands, and how an error becomes an exit code.
import ArgumentParser
import Init
import Kernel
import NIC
import Plan

struct Synbox: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synbox",
    abstract: "A stateless SYN scanner for networks you answer for.",
    subcommands: [
      ScanCommand.self, ServeCommand.self, StatusCommand.self, ListCommand.self, CheckCommand.self,
      NICCommand.self, RespondCommand.self, InitCommand.self, VersionCommand.self,
    ])
}

/// The first process has only one thing to do, and does not put together what all the others would understand.
func command(_ words: ArraySlice<String>) throws -> any ParsableCommand {
  guard processID() == 1 else { return try Synbox.parseAsRoot(Array(words)) }
  let own = InitArguments(words).arguments
  guard own.first == InitCommand.configuration.commandName else { return try Synbox.parseAsRoot(own) }
  return try InitCommand.parse(Array(own.dropFirst()))
}

/// Exit codes: 0 done, 1 failed while running, 2 wrong usage or bad input, 130 and 143 ended by a signal.
/// Everything up to the drop happens on this one thread: capabilities belong to threads.
func main() -> Int32 {
  do {
    let words = CommandLine.arguments.dropFirst()
    var command = try command(words)
    try command.run()
    return 0
  } catch let error as InputError {
    Terminal.error("synbox: \(error)\n")
    return 2
  } catch let error as ProfileError {
    Terminal.error("synbox: \(error)\n")
    return 2
  } catch let error as Fault {
    Terminal.error("synbox: \(error)\n")
    return 1
  } catch let error as ExitCode {
    return error.rawValue
  } catch {
    let code = Synbox.exitCode(for: error)
    let text = Synbox.fullMessage(for: error)
    // Help and version are no errors, and go to standard output.
    if code.isSuccess { Terminal.output(text + "\n") } else { Terminal.error(text + "\n") }
    return code.isSuccess ? 0 : 2
  }
}

endProcess(main())
