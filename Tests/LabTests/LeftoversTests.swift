import Foundation
import LabSupport
import LabTraits
import Testing

@Suite(.serialized, .lab, .timeLimit(.minutes(10))) struct `Leftovers of a killed test run` {
  @Test func `are removed by the next run: programs, mounts, loop devices, namespaces and directories`()
    throws
  {
    let own = try Lab()
    let ended = try Running(["true"])
    _ = try ended.wait()
    let name = "synbox-\(ended.pid)-1"
    let directory = URL(filePath: try Lab.temporaryDirectory()).deletingLastPathComponent()
      .appending(path: name).path
    try FileManager.default.createDirectory(
      atPath: "\(directory)/mount", withIntermediateDirectories: true)
    try mustRun(["mount", "-t", "tmpfs", "none", "\(directory)/mount"])
    try mustRun(["truncate", "-s", "1M", "\(directory)/image"])
    try mustRun(["losetup", "--find", "\(directory)/image"])
    try mustRun(["ip", "netns", "add", "\(name)-box"])
    let program = try Running(["env", "SYNBOX_TEST_RUN=\(ended.pid)-1", "sleep", "600"])
    try program.wait(for: "its start") { program in
      (try? String(contentsOfFile: "/proc/\(program.pid)/comm", encoding: .utf8)) == "sleep\n"
    }

    Leftovers.removeAll()

    #expect(try program.wait(seconds: 20).signal == SIGKILL)
    #expect(!FileManager.default.fileExists(atPath: directory))
    #expect(try !String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).contains(name))
    #expect(try !run(["losetup", "--list"]).output.contains(name))
    let namespaces = try run(["ip", "netns", "list"]).output
    #expect(!namespaces.contains(name))
    #expect(namespaces.contains(own.box), "what belongs to a living run stays")
  }
}
