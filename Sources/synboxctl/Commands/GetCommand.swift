// get: fetch the results of a job.
import ArgumentParser
import BoxClient
import Kernel
import Manage
import NIOCore
import NIOHTTP1
import Support

struct GetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get",
    abstract:
      "Fetch the results of a job into DIR/NAME. Resumes what was cut off, and verifies every file.")

  @OptionGroup var options: BoxOptions
  @Argument(help: "Name of the job.") var name: String
  @Argument(help: "Directory to put NAME into.", completion: .directory) var directory = "."
  @Flag(help: "Mark the results as fetched once all are here, so that the box may remove them.")
  var mark = false

  func run() async throws {
    guard Answer.isSafe(fileName: name) else {
      throw UsageError("found \"\(Escaping.quotable(name))\", expected the name of a job")
    }
    let connection = try options.connection()
    let job = try await connection.job(name)
    guard job.state == "finished" else {
      throw Fault(
        "\(Escaping.visible(name)) has no results",
        detail: job.state == "rejected"
          ? "it was rejected: \(Escaping.visible(job.reason ?? ""))"
          : "it is \(Escaping.visible(job.state))")
    }
    guard let files = job.files, !files.isEmpty else {
      throw Fault("the box lists no files of \(Escaping.visible(name))")
    }
    for file in files where !Answer.isSafe(fileName: file.name) {
      throw Fault(
        "the box names a file \"\(Escaping.quotable(file.name, limit: 80))\", which cannot be created here"
      )
    }
    let target = "\(directory)/\(name)"
    try Files.makeDirectory(directory)
    try Files.makeDirectory(target)
    var account = Account(name: name, files: [], marked: mark)
    for file in files {
      let fetched = try await fetch(file.name, to: target, connection)
      account.files.append(fetched)
      guard !options.json else { continue }
      let resumed =
        fetched.resumedAt > 0 ? ", resumed at \(ProgressBar.bytes(fetched.resumedAt))" : ""
      Terminal.output(
        "\(Escaping.visible(fetched.path))  \(ProgressBar.bytes(fetched.bytes))\(resumed)\n")
    }
    if mark {
      try await connection.exchange(
        Request(method: .PUT, path: APIPath.fetched(name), fields: [("Content-Length", "0")])
      ) { _ = try await $0.bytes() }
    }
    if options.json {
      Terminal.output(String(decoding: JSONText.line(account), as: UTF8.self) + "\n")
    } else if mark {
      Terminal.output("\(Escaping.visible(name)) is marked as fetched\n")
    }
  }

  /// What was done, for `--json`.
  private struct Account: Encodable {
    let name: String
    var files: [FetchedFile]
    let marked: Bool
  }

  private func fetch(_ file: String, to target: String, _ connection: BoxConnection) async throws
    -> FetchedFile
  {
    let shows = Terminal.errorIsTerminal && !options.json
    defer { if shows { Terminal.error("\r\u{1b}[K") } }
    return try await FileFetcher(connection: connection, job: name, file: file, directory: target) {
      done, size in
      guard shows, let size else { return }
      Terminal.error(
        ProgressBar.line(
          Escaping.visible(file), size == 0 ? 1 : Double(done) / Double(size),
          "\(ProgressBar.bytes(done)) of \(ProgressBar.bytes(size))"))
    }.fetch()
  }
}
