// Who may look into a running job, who may write where the box writes, and who may keep a box from starting.
import Foundation
import Kernel
import LabSupport
import Plan
import Scan
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A running job` {
  private func mode(_ url: URL) -> UInt32? { Files.status(of: url.path)?.mode }

  @Test func `is closed to all others until it ends`() throws {
    let box = try Box()
    #expect(try #require(mode(box.url("active"))) & 0o777 == 0o700)
    try box.drop("net.txt")
    let job = try #require(try box.claim())
    #expect(mode(box.url("active/net.txt/job.json")) == 0o600)
    let before = try #require(mode(box.url("active/net.txt")))
    #expect(before & 0o755 == 0o755)
    _ = try box.spool.reject(job, reason: "x")
    #expect(mode(box.url("rejected/net.txt")) == before)
  }

  /// Version 0.1.0, and its recipe for groups, left it open. The setgid bit hands the group on to results.
  @Test func `is closed at the next start if it was left open`() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "open-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: root.appending(path: "active"), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: root) }
    try mustRun(["chmod", "2775", root.appending(path: "active").path])
    let data = try DataDirectory(root.path)
    #expect(mode(root.appending(path: "active")) == 0o2700)
    #expect(data.notes.isEmpty)
  }

  /// Before its directory was closed to them, others could have put links where the box writes next.
  @Test(arguments: ["symlink", "hard link", "fifo"])
  func `is written to new files, whatever has their names`(_ kind: String) throws {
    let box = try Box()
    try box.drop("net.txt")
    let job = try #require(try box.claim())
    try Data("precious".utf8).write(to: box.url("outside"))
    for name in ["job.json.new", "results.partial", "answers", "checkpoint.new", "reason.txt.new"] {
      let path = "\(job.directory)/\(name)"
      try mustRun(
        kind == "fifo"
          ? ["mkfifo", path]
          : ["ln"] + (kind == "symlink" ? ["-s"] : []) + [box.url("outside").path, path])
    }
    try job.save()
    let files = try job.openFiles(for: JobIdentity(order: "o", output: "p"))
    try files.results.append(Array("198.18.0.1,80\n".utf8))
    try job.save(
      Checkpoint(
        identity: JobIdentity(order: "o", output: "p"), index: 1, results: files.results.mark,
        journal: files.journal.mark, totals: ScanTotals(started: 1)))
    #expect(try box.text("active/net.txt/results.partial") == "198.18.0.1,80\n")
    for name in ["job.json", "results.partial", "answers", "checkpoint"] {
      let path = box.url("active/net.txt/\(name)").path
      #expect(Files.kind(of: path) == .file, "\(name)")
      #expect(try FileManager.default.attributesOfItem(atPath: path)[.referenceCount] as? Int == 1)
    }
    _ = try box.spool.reject(job, reason: "x")
    #expect(try box.text("outside") == "precious")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A lock of the data directory` {
  /// Holds the lock of a directory as another user.
  private func hold(_ path: String, as user: Int) throws -> Running {
    let held = try Running([
      "setpriv", "--reuid=\(user)", "--clear-groups", "flock", "--no-fork", "-x", path, "sleep",
      "60",
    ])
    let deadline = Date.now + 10
    while Files.holder(ofLock: path) == nil {
      guard Date.now < deadline else { throw LabError("no lock: \(held.errorText)") }
      usleep(10_000)
    }
    return held
  }

  private func directory() throws -> URL {
    guard geteuid() == 0 else { throw LabError("this test needs root: it runs as another user") }
    let root = FileManager.default.temporaryDirectory.appending(path: "lock-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    return root
  }

  @Test func `that any user may take keeps no box from starting`() throws {
    let root = try directory()
    defer { try? FileManager.default.removeItem(at: root) }
    let other = try hold(root.path, as: 12_345)
    let data = try DataDirectory(root.path)
    let note = data.notes.first ?? ""
    #expect(note.contains("of user 12345 holds a lock on \(root.path)"), "\(note)")
    other.signal(SIGKILL)
    _ = try other.wait()
  }

  /// Version 0.1.0 locks the directory.
  @Test func `that an earlier version holds keeps this one out, and the other way round`() throws {
    let root = try directory()
    defer { try? FileManager.default.removeItem(at: root) }
    let earlier = try hold(root.path, as: 0)
    let fault = #expect(throws: Fault.self) { try DataDirectory(root.path) }
    #expect(fault?.description.contains("another process uses the data directory") == true)
    earlier.signal(SIGKILL)
    _ = try earlier.wait()
    let data = try DataDirectory(root.path)
    #expect(data.notes.isEmpty)
    let second = try Files.lockDirectory(root.path)
    let isFree = second != nil
    #expect(!isFree)
    withExtendedLifetime(data) {}
  }

  @Test func `is a file that only the box can open`() throws {
    let root = try directory()
    defer { try? FileManager.default.removeItem(at: root) }
    let data = try DataDirectory(root.path)
    #expect(Files.status(of: "\(root.path)/lock")?.mode == 0o600)
    #expect(throws: Fault.self) { try DataDirectory(root.path) }
    withExtendedLifetime(data) {}
  }
}
