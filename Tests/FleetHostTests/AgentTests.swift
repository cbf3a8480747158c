// The data directory as the agent uses it, and its settings.
import Confinement
import Fleet
import FleetHost
import Foundation
import Kernel
import LabSupport
import Plan
import Settings
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The agent's view of a data directory` {
  let path: String
  let shard = ShardID(scan: Digest(of: [1]), number: 3)
  var name: String { shard.jobName }

  init() throws {
    path = try Lab.temporaryDirectory()
    _ = try AgentSetup.prepare(path, for: nil)
  }

  private func finish(
    _ job: String, _ ending: String = "done", rows: String = "saddr,sport\n192.0.2.1,80\n"
  ) throws {
    let directory = "\(path)/results/\(job)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let summary = """
      {"ended_because": "\(ending)", "targets_total": 100, "shard": 3, "shards": 8, "targets_denied": 2, "deny_sequence": 5,
      "probes_completed": 11, "duration_seconds": 1.5, "scope_sha256": "abc"}
      """
    try Data(summary.utf8).write(to: URL(fileURLWithPath: "\(directory)/summary.json"))
    try Data(rows.utf8).write(to: URL(fileURLWithPath: "\(directory)/results.csv"))
  }

  @Test func `follows a job from the spool to its receipt`() throws {
    let folder = try AgentFolder(path)
    let blob = Array("192.0.2.0/24".utf8)
    try folder.blobs.write(Digest(of: blob), blob)
    try folder.submit(name, head: Array("@ports 80\n".utf8), blobs: [Digest(of: blob)])
    #expect(
      try String(contentsOfFile: "\(path)/spool/\(name)", encoding: .utf8)
        == "@ports 80\n192.0.2.0/24\n")
    #expect(try folder.jobs(nil).map(\.stage) == [.queued])
    try FileManager.default.removeItem(atPath: "\(path)/spool/\(name)")
    try finish(name)
    let job = try #require(try folder.jobs(nil).first)
    guard case .finished(let outcome) = job.stage else { throw LabError("\(job)") }
    // Of 100 targets, 3, 11, … 99.
    #expect(outcome.targets == 13 && outcome.targetsDenied == 2 && outcome.denySequence == 5)
    #expect(outcome.incomplete == nil && outcome.summary["probes_completed"] == 11)
    #expect(!job.hasReceipt && !job.hasManifest)
    let facts = try ResultsReader(try folder.openResults(of: name)).cut()
    #expect(facts.rows == 1 && facts.chunks.count == 1)
    try folder.writeManifest(of: name, [1, 2, 3])
    try folder.markFetched(name)
    #expect(try folder.jobs(nil).isEmpty, "what was fetched is not read at each look")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/fleet/manifests") == [])
  }

  @Test func `gives a shard that comes again another name`() throws {
    let folder = try AgentFolder(path)
    try finish(name, "cancelled")
    guard case .finished(let outcome) = try folder.jobs(nil).first?.stage else {
      throw LabError("no job")
    }
    #expect(outcome.incomplete == "cancelled")
    try folder.markFetched(name)
    #expect(try folder.jobs(nil).isEmpty, "what was discarded is as good as gone")
    try folder.submit(name, head: [], blobs: [])
    #expect(FileManager.default.fileExists(atPath: "\(path)/spool/\(name).2"))
    #expect(try folder.jobs(nil).map(\.name) == [name])
    try folder.cancel(name)
    #expect(FileManager.default.fileExists(atPath: "\(path)/spool/\(name).2.cancel"))
    #expect(try folder.jobs(nil).map(\.stage) == [.queued])
    try finish("\(name).2")
    guard case .finished(let second) = try folder.jobs(nil).first?.stage else {
      throw LabError("no job")
    }
    #expect(second.incomplete == nil)
  }

  @Test func `leaves other jobs alone`() throws {
    for other in ["net.txt", "fleet-x-1", "fleet-0123456789abcdef-1.1", "fleet-0123456789abcdef-1.02"] {
      try Data().write(to: URL(fileURLWithPath: "\(path)/spool/\(other)"))
    }
    #expect(try AgentFolder(path).jobs(nil).isEmpty)
  }

  @Test func `keeps its state and its disk's name`() throws {
    let folder = try AgentFolder(path)
    let (id, state) = (try folder.diskID(), BoxMachine.State(generation: 4, denySequence: 2))
    #expect(try folder.state() == BoxMachine.State())
    try folder.save(state)
    let again = try AgentFolder(path)
    #expect(try again.diskID() == id)
    #expect(try again.state() == state)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Settings of the agent` {
  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/reference/fleet.md")

  @Test func `are paths relative to the file, and numbers in range`() throws {
    let text = "data = \"d\"\nidentity = \"/etc/fleet\"\nshards = 4\nuser = \"5:6\"\n"
    let settings = try AgentSettings(Array(text.utf8), file: "/etc/synbox/agent.toml")
    #expect(
      settings.data == "/etc/synbox/d" && settings.identity == "/etc/fleet" && settings.shards == 4)
    #expect(settings.user?.uid == 5 && settings.user?.gid == 6)
  }

  @Test(arguments: [
    "", "data = \"d\"\n", "data = \"d\"\nidentity = \"i\"\nshards = 0\n",
    "data = \"d\"\nidentity = \"i\"\nuser = \"0\"\n",
    "data = \"d\"\nidentity = \"i\"\nother = 1\n",
  ])
  func `are refused with their place`(_ text: String) {
    #expect(throws: InputError.self) { try AgentSettings(Array(text.utf8), file: "agent.toml") }
  }

  /// `make reference` writes the page instead.
  @Test func `stand on the reference page as they are`() throws {
    let page = try String(contentsOf: Self.page, encoding: .utf8)
    let table = AgentSettings.table
    let expected = try #require(GeneratedPage.replacing("agent.toml", in: page, with: table))
    if ProcessInfo.processInfo.environment["SYNBOX_WRITE_REFERENCE"] != nil {
      try Data(expected.utf8).write(to: Self.page)
    } else {
      #expect(page == expected, "`make reference` writes the page again")
    }
  }
}
