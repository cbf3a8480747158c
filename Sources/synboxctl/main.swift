// `synboxctl`: what an operator uses to talk to a box. The mapping from errors to exit codes.
import ArgumentParser
import BoxClient
import Fleet
import Kernel
import Plan

struct Synboxctl: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synboxctl", abstract: "Submit target files to a box, and fetch its results.",
    discussion: """
      Which box, and as whom, comes from the options, then from $SYNBOX_BOX and $SYNBOX_TOKEN_FILE, then from \
      ~/.config/synbox/config.toml, whose keys are the long options.

      Exit status: 0 success, 1 failure, 2 invalid usage or input, 130 and 143 ended by a signal.
      """,
    version: "synboxctl \(BuildIdentity.number) (\(BuildIdentity.revision))",
    subcommands: [
      PutCommand.self, GetCommand.self, JobsCommand.self, StatusCommand.self, CancelCommand.self,
      WatchCommand.self, TokenCommand.self, FleetCommand.self,
    ])
}

func run() async -> Int32 {
  func failed(_ error: any Error, _ code: Int32) -> Int32 {
    Terminal.error("synboxctl: \(error)\n")
    return code
  }
  do {
    var command = try Synboxctl.parseAsRoot()
    if var asynchronous = command as? any AsyncParsableCommand {
      try await asynchronous.run()
    } else {
      try command.run()
    }
    return 0
  } catch let error where error is InputError || error is UsageError {
    return failed(error, 2)
  } catch let error as ProblemDetails {
    return failed(error, error.exitCode)
  } catch let error
    where error is Fault || error is FleetError || error is ConnectionCut || error is AnswerError
    || error is EventParser.TooLarge
  {
    return failed(error, 1)
  } catch let error as ExitCode {
    return error.rawValue
  } catch {
    let code = Synboxctl.exitCode(for: error)
    let text = Synboxctl.fullMessage(for: error)
    if code.isSuccess { Terminal.output(text + "\n") } else { Terminal.error(text + "\n") }
    return code.isSuccess ? 0 : 2
  }
}

/// Runs the command on other threads and waits for signals on this one. What was fetched so far is kept, and resumed next
/// time.
func main() throws(Fault) -> Never {
  // Before any other thread starts, so that none of them takes the signals.
  let signals = try SignalReader([.interrupt, .terminate])
  Task.detached { endProcess(await run()) }
  while true {
    _ = poll(signals.number, signals.number, milliseconds: 60_000)
    if let signal = signals.next() {
      if Terminal.errorIsTerminal { Terminal.error("\n") }
      endProcessAtOnce(128 + signal.rawValue)
    }
  }
}

do throws(Fault) { try main() } catch {
  Terminal.error("synboxctl: \(error)\n")
  endProcess(1)
}
