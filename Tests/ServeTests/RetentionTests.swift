// A small disk: fetched results are removed to free space, unfetched ones never are.
import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Retention of results` {
  static let configuration =
    "target-ports = 80\ncooldown-time = 0.5\ndisk-high-water = 70\nrate = \"20k\"\n"

  /// A data directory on a 16 MiB file system, unmounted when the test ends.
  private final class SmallDisk {
    let lab: ServeLab

    init() throws {
      lab = try ServeLab()
      let mounted = try run([
        "mount", "-t", "tmpfs", "-o", "size=16m", "none", lab.url("data").path,
      ])
      guard mounted.status == 0 else { throw LabError("cannot mount: \(mounted.errors)") }
      try FileManager.default.createDirectory(
        at: lab.url("data/results"), withIntermediateDirectories: false)
    }

    deinit { _ = try? run(["umount", "-l", lab.url("data").path]) }

    /// Creates results of an earlier job: their size, and how many minutes ago it ended.
    func results(_ name: String, megabytes: Int, minutes: Double, fetched: Bool) throws {
      let directory = lab.url("data/results/\(name)")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
      try Data(repeating: 0x61, count: megabytes << 20).write(
        to: directory.appending(path: "results.csv"))
      let summary = directory.appending(path: "summary.json")
      try Data("{}".utf8).write(to: summary)
      try FileManager.default.setAttributes(
        [.modificationDate: Date.now - minutes * 60], ofItemAtPath: summary.path)
      if fetched { try mark(name) }
      try Lab.giveToBox(directory.path)
    }

    /// Leaves no room for anything.
    func fill() throws {
      let filled = try run(["dd", "if=/dev/zero", "of=\(lab.url("data/ballast").path)", "bs=4k"])
      guard filled.errors.contains("No space left") else { throw LabError(filled.errors) }
    }

    func mark(_ name: String) throws {
      try Data().write(to: lab.url("data/results/\(name)/fetched"))
    }

    func kept() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: lab.url("data/results").path).sorted()
    }
  }

  /// Starts a box that regards no disk as too full, lets it scan, and fills the disk.
  private func fillDisk(fetched: Bool) throws -> (SmallDisk, Running) {
    let disk = try SmallDisk()
    let lab = disk.lab
    try disk.results("old", megabytes: 1, minutes: 30, fetched: fetched)
    try disk.results("unfetched", megabytes: 1, minutes: 40, fetched: false)
    let box = try lab.serve(
      lab.configure(Self.configuration.replacing("water = 70", with: "water = 100")))
    try lab.drop("run.txt", "@rate 400\n198.18.16.0/21\n")
    try lab.waitForResults("run.txt", bytes: 100)
    try disk.fill()
    return (disk, box)
  }

  private func requireResults(_ disk: SmallDisk, _ box: Running) throws {
    try disk.lab.wait("the results", seconds: 60) { disk.lab.exists("data/results/run.txt") }
    #expect(try disk.lab.results("run.txt").count == 1024)
    #expect(try disk.kept() == ["run.txt", "unfetched"])
    #expect(box.errorText.contains("msg=\"fetched results removed to free disk space\" job=old"))
    #expect(try disk.lab.json("data/results/run.txt/summary.json")["resumed"] as? Int == 0)
    #expect(try box.end(SIGTERM).status == 143)
  }

  @Test func `begins when a write fails for lack of space, whatever the mark`() throws {
    let (disk, box) = try fillDisk(fetched: true)
    try requireResults(disk, box)
  }

  @Test func `is asked for if a write fails for lack of space and nothing is fetched`() throws {
    let (disk, box) = try fillDisk(fetched: false)
    try disk.lab.wait("a pause", seconds: 20) {
      let problems = try disk.lab.json("data/status.json")["problems"] as? [String] ?? []
      return try disk.lab.state() == "paused" && problems.contains { $0.contains("takes no more data") }
    }
    try disk.mark("old")
    try requireResults(disk, box)
  }

  @Test func `pauses the box until there is space if no results are fetched`() throws {
    let disk = try SmallDisk()
    let lab = disk.lab
    let box = try lab.serve(lab.configure(Self.configuration))
    try lab.drop("run.txt", "@rate 400\n198.18.16.0/21\n")
    try lab.wait("the scan", seconds: 20) {
      try lab.json("data/status.json")["state"] as? String == "scanning"
    }
    try disk.results("first", megabytes: 8, minutes: 90, fetched: false)
    try disk.results("second", megabytes: 4, minutes: 30, fetched: false)
    try lab.wait("the pause", seconds: 20) {
      try lab.json("data/status.json")["state"] as? String == "paused"
    }
    try lab.drop("next.txt", "198.18.32.0/24\n")
    try lab.waitForStatuses(2)
    let status = try lab.json("data/status.json")
    let problem = try #require((status["problems"] as? [String])?.first)
    #expect(problem.contains("is more than 70 % full and no results are marked as fetched"))
    #expect(
      (status["queue"] as? [[String: Any]])?.map { $0["name"] as? String } == ["run.txt", "next.txt"])
    #expect(box.errorText.components(separatedBy: "level=error msg=\"scanning paused\"").count == 2)
    #expect(try disk.kept() == ["first", "second"])
    #expect(lab.exists("data/spool/next.txt") && lab.exists("data/active/run.txt/run.txt"))

    try disk.mark("first")
    try lab.wait("both ends", seconds: 30) {
      lab.exists("data/results/run.txt") && lab.exists("data/results/next.txt")
    }
    #expect(try disk.kept() == ["next.txt", "run.txt", "second"])
    let lines = try lab.text("data/results/run.txt/results.csv").split(separator: "\n").dropFirst()
    #expect(lines.count == 1024)
    #expect(Set(lines.map(String.init)) == evenAddresses(from: 16, blocks: 8, ports: [80]))
    #expect(try lab.json("data/status.json")["problems"] as? [String] == [])
    #expect(try box.end(SIGTERM).status == 143)
  }
}
