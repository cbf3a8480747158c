// The files that a confined process can access, tested on real ones.
import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Landlock` {
  /// Creates `data`, which may be written to, `shelf`, which may be read, and `outside`, for which there is no rule.
  private func withFiles(_ body: (URL) throws -> Void) throws {
    let manager = FileManager.default
    let root = manager.temporaryDirectory.appendingPathComponent("confinement-\(UUID().uuidString)")
    for name in ["data/a", "data/b", "shelf"] {
      try manager.createDirectory(
        at: root.appendingPathComponent(name), withIntermediateDirectories: true)
    }
    defer { try? manager.removeItem(at: root) }
    for name in ["shelf/file", "outside"] {
      try Data("x".utf8).write(to: root.appendingPathComponent(name))
    }
    try body(root)
  }

  @Test func `allows creating, moving and removing files in the policy's directories`() throws {
    try withFiles { root in
      let run = try probe("files", in: root)
      #expect(try #require(run["report"]).contains("Landlock ABI"), "\(run.output)")
      for call in ["create-inside", "rename-inside", "unlink-inside", "read-shelf"] {
        #expect(run[call] == "OK", "\(call)")
      }
      #expect(run["list-tasks"] == "1", "the proof can be repeated")
    }
  }

  @Test(arguments: [
    "write-shelf", "create-on-shelf", "read-outside", "unlink-outside", "read-passwd", "read-shadow",
    "read-other-process",
  ])
  func `denies all other accesses, to uid 0 too`(call: String) throws {
    try withFiles { root in
      let run = try probe("files", in: root)
      #expect(run[call] == "EACCES")
    }
  }

  @Test func `denies TCP connections and signals to other processes without the filter`() throws {
    let run = try probe("landlock-alone")
    // Nobody listens, and the user may signal the parent, so only Landlock can deny them.
    #expect(run["connect-before"] == "ECONNREFUSED" && run["signal-before"] == "OK", "\(run.output)")
    let report = try #require(run["report"])
    let confinesTCP = report.contains("TCP bind and connect")
    #expect(run["connect"] == (confinesTCP ? "EACCES" : "ECONNREFUSED"), "\(run.output)")
    #expect(run["signal"] == (report.contains("signals") ? "EPERM" : "OK"), "\(run.output)")
  }
}
