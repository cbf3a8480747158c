// status, watch.
import ArgumentParser
import BoxAPI
import BoxClient
import Kernel
import NIOCore
import NIOHTTP1
import Support

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show the state of the box, in the words of synbox status.")

  @OptionGroup var options: BoxOptions
  @Flag(help: "Show it again whenever it changes, until interrupted.")
  var watch = false

  func run() async throws {
    let connection = try options.connection()
    guard watch else { return try show(try await connection.get("/v1/status"), clear: false) }
    try await connection.follow { event in
      if event.name == "status" { try show(Array(event.data.utf8), clear: true) }
    }
  }

  private func show(_ json: [UInt8], clear: Bool) throws {
    if options.json {
      return Terminal.output(String(decoding: json, as: UTF8.self) + (json.last == 10 ? "" : "\n"))
    }
    guard let snapshot = BoxSnapshot(json: json) else {
      throw Fault("the box sent a status that cannot be read")
    }
    Terminal.output((clear && Terminal.outputIsTerminal ? "\u{1b}[H\u{1b}[2J" : "") + snapshot.text)
  }
}

struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Print what changes: jobs, the state, problems. Runs until interrupted.")

  @OptionGroup var options: BoxOptions

  func run() async throws {
    var last = ""
    try await options.connection().follow { event in
      if options.json {
        let data = event.data.split(whereSeparator: \.isNewline).joined(separator: " ")
        return Terminal.output(
          "{\"event\": \(String(decoding: Escaping.json(event.name), as: UTF8.self)), \"data\": \(data)}\n"
        )
      }
      for line in lines(event, &last) { Terminal.output(Escaping.visible(line) + "\n") }
    }
  }

  /// What an event means for people: nothing if only numbers changed.
  private func lines(_ event: ServerEvent, _ last: inout String) -> [String] {
    let data = Array(event.data.utf8)
    switch event.name {
    case "job":
      guard let job = Answer.read(RemoteJob.self, data) else { return [] }
      return [[job.name, job.state, job.account].filter { !$0.isEmpty }.joined(separator: "  ")]
    case "status":
      guard let status = BoxSnapshot(json: data) else { return [] }
      let state = ([status.state.rawValue] + status.problems).joined(separator: "\n")
      defer { last = state }
      guard state != last else { return [] }
      return ["state  \(status.state.rawValue) at \(status.time.text)"]
        + status.problems.map { "problem  \($0)" }
    default: return []
    }
  }
}

extension BoxConnection {
  /// Calls `take` for each event of the box. Connects again when the connection is cut; returns only by an error.
  func follow(_ take: (ServerEvent) throws -> Void) async throws {
    var isFirst = true
    while true {
      do {
        try await exchange(
          Request(method: .GET, path: "/v1/events", fields: [("Accept", "text/event-stream")])
        ) { answer in
          var parser = EventParser()
          while let piece = try await answer.next() {
            isFirst = false
            for event in try parser.take(piece.readableBytesView) { try take(event) }
          }
        }
      } catch let error as ConnectionCut where !isFirst {
        Terminal.error("synboxctl: \(error); connecting again\n")
      } catch let error as Fault where !isFirst && error.what.hasPrefix("cannot reach") {
        Terminal.error("synboxctl: \(error.what); trying again\n")
      }
      try await Task.sleep(for: .seconds(2))
    }
  }
}
