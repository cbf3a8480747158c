// jobs, cancel.
import ArgumentParser
import BoxClient
import Kernel
import NIOCore
import NIOHTTP1
import Support

struct JobsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List the jobs: those that run, those that wait, those that ended.")

  @OptionGroup var options: BoxOptions
  @Option(
    help: ArgumentHelp(
      "Only jobs in this state, such as queued, finished or rejected.", valueName: "state"))
  var state: String?
  @Option(help: ArgumentHelp("How many to list at most.", valueName: "number"))
  var limit = 100

  func run() async throws {
    guard 1...1000 ~= limit else {
      throw UsageError("--limit: found \(limit), expected a number from 1 to 1000")
    }
    let states = [
      "preparing", "scanning", "cooldown", "queued", "claimed", "interrupted", "preempted", "paused",
      "finished", "rejected",
    ]
    var path = "/v1/jobs?limit=\(limit)"
    if let state {
      guard states.contains(state) else {
        throw UsageError(
          "--state: found \"\(Escaping.quotable(state))\", expected one of \(states.joined(separator: ", "))"
        )
      }
      path += "&state=\(state)"
    }
    let body = try await options.connection().get(path)
    if options.json { return Terminal.output(String(decoding: body, as: UTF8.self) + "\n") }
    guard let jobs = Answer.read(RemoteJobs.self, body) else {
      throw Fault("the box sent a list of jobs that cannot be read")
    }
    Terminal.output(jobs.text)
  }
}

struct CancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel a job. One that has started keeps its results so far.")

  @OptionGroup var options: BoxOptions
  @Argument(help: "Name of the job.") var name: String

  func run() async throws {
    let body = try await options.connection().exchange(
      Request(method: .DELETE, path: APIPath.job(name))
    ) {
      try await $0.bytes()
    }
    Terminal.output(
      options.json
        ? String(decoding: body, as: UTF8.self) + "\n"
        : "\(Escaping.visible(name)) is being cancelled\n")
  }
}

extension BoxConnection {
  /// The body of the answer to a GET.
  func get(_ path: String) async throws -> [UInt8] {
    try await exchange(Request(method: .GET, path: path)) { try await $0.bytes() }
  }

  func job(_ name: String) async throws -> RemoteJob {
    guard let job = Answer.read(RemoteJob.self, try await get(APIPath.job(name))) else {
      throw Fault("the box described a job in a form that cannot be read")
    }
    return job
  }
}
