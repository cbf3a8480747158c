// The root command, and the mapping from errors to exit codes.
import ArgumentParser
import Init
import Kernel
import Plan

struct Synbox: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synbox",
    abstract: "A stateless TCP SYN scanner for networks that you are responsible for.",
    discussion: """
      Exit status: 0 success, 1 failure, 2 invalid usage or input, 128+N ended by signal N.

      `synbox --generate-completion-script bash` prints a completion script; zsh and fish work as well.
      """,
    version: VersionCommand.text,
    subcommands: [
      ScanCommand.self, ServeCommand.self, StatusCommand.self, ListCommand.self, CheckCommand.self,
      NICCommand.self, RespondCommand.self, InitCommand.self, StartServiceCommand.self,
      WriteStatusCommand.self, DHCPClientCommand.self, VersionCommand.self,
    ])
}

/// Parses the command line. PID 1 parses only `init`, because the parsers of all other commands would delay the boot.
func command(_ arguments: ArraySlice<String>) throws -> any ParsableCommand {
  guard processID() == 1 else { return try Synbox.parseAsRoot(Array(arguments)) }
  let initArguments = InitArguments(arguments).arguments
  guard initArguments.first == InitCommand.configuration.commandName else {
    return try Synbox.parseAsRoot(initArguments)
  }
  return try InitCommand.parse(Array(initArguments.dropFirst()))
}

/// Runs the command and returns the exit status: 0 success, 1 failure, 2 invalid usage or input, 128+N ended by
/// signal N.
///
/// Everything up to the drop runs on this thread, because capabilities belong to threads.
func main() -> Int32 {
  do {
    var command = try command(CommandLine.arguments.dropFirst())
    try command.run()
    return 0
  } catch let error as InputError {
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
    // Help, version and completion scripts are not errors, and go to standard output.
    if code.isSuccess { Terminal.output(text + "\n") } else { Terminal.error(text + "\n") }
    return code.isSuccess ? 0 : 2
  }
}

shareHeap()
endProcess(main())
