// fleet status, boxes.
import ArgumentParser
import Fleet
import Kernel

struct FleetStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show boxes and scans: problems first.")

  @OptionGroup var options: FleetOptions
  @Flag(help: "Show it again every second, until interrupted.")
  var watch = false

  func run() async throws {
    let connection = try await options.connection()
    repeat {
      let answer = try await connection.ask("status")
      let clear = watch && !options.json && Terminal.outputIsTerminal ? "\u{1b}[H\u{1b}[2J" : ""
      options.show(answer, clear + FleetStatusText(answer).text)
      if watch { try await Task.sleep(nanoseconds: 1_000_000_000) }
    } while watch
  }
}

struct FleetBoxesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boxes", abstract: "List the boxes that the collector knows, with their keys.")

  @OptionGroup var options: FleetOptions

  func run() async throws {
    let answer = try await options.connection().ask("boxes")
    var lines = ""
    if case .list(let boxes)? = answer["boxes"] {
      for case .object(let box) in boxes {
        guard case .text(let name)? = box["box"], case .text(let state)? = box["state"],
          case .text(let key)? = box["key"]
        else { continue }
        lines += "\(name)  \(state)  \(key)\n"
      }
    }
    options.show(answer, lines)
  }
}
