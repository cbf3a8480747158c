// What a new process makes of what an earlier one left.
import Foundation
import Kernel
import Scan
import Spool
import Testing

@Suite struct `Recovery of jobs` {
  /// A box whose job `net.txt` was begun once and interrupted.
  private func interruptedBox() throws -> (Box, Job) {
    let box = try Box()
    try box.drop("net.txt")
    var job = try #require(try box.claim())
    job.record.starts = 1
    try job.save()
    try Data("198.18.0.2,80\n".utf8).write(to: URL(fileURLWithPath: job.partial))
    try box.restart()
    return (box, job)
  }

  @Test func `an interrupted job keeps its key and seed and what it goes on from`() throws {
    let (box, job) = try interruptedBox()
    let found = try #require(try box.spool.interrupted().jobs.first)
    #expect(found.job.record == job.record)
    #expect(found.job.name == "net.txt" && found.job.file == "net.txt")
    #expect(found.note == nil)
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt", "results.partial"])
  }

  @Test func `a job that does not get on five times in a row is quarantined`() throws {
    let (box, _) = try interruptedBox()
    for _ in 0..<5 {
      var job = try #require(try box.spool.interrupted().jobs.first?.job)
      try job.begin()
    }
    let leftovers = try box.spool.interrupted()
    #expect(leftovers.jobs.isEmpty && leftovers.quarantined == ["net.txt"])
    #expect(try box.names("rejected/net.txt") == ["net.txt", "reason.txt"])
    let reason = try box.text("rejected/net.txt/reason.txt")
    #expect(reason.hasPrefix("net.txt: found 5 starts in a row") && reason.contains("expected"))
  }

  @Test func `a job that gets on or ends in order is not`() throws {
    let (box, first) = try interruptedBox()
    let identity = JobIdentity(
      order: String(repeating: "a", count: 64), output: String(repeating: "b", count: 64))
    let files = try first.open(identity)
    for round in 1...13 {
      var job = try #require(try box.spool.interrupted().jobs.first?.job)
      try job.begin()
      if round == 4 || round == 8 {
        try job.save(
          Checkpoint(
            identity: identity, index: UInt64(round), results: files.results.mark,
            answers: files.answers.mark, totals: ScanTotals(started: 0)))
      }
      if round == 11 { try job.saveEnd() }
    }
    #expect(try box.spool.interrupted().jobs.first?.job.record.crashes == 2)
  }

  @Test func `any byte of a record that is missing or wrong is noticed`() throws {
    let (box, job) = try interruptedBox()
    let path = "active/net.txt/job.json"
    let whole = try Data(contentsOf: box.url(path))
    for length in stride(from: 0, to: whole.count - 2, by: 7) {
      try whole.prefix(length).write(to: box.url(path))
      let found = try #require(try box.spool.interrupted().jobs.first)
      #expect(found.job.record.key != job.record.key, "cut off at \(length)")
      #expect(found.note?.contains("damaged") == true)
      #expect(found.job.record.starts == 1)
    }
    let text = String(decoding: whole, as: UTF8.self)
    let digit = try #require(job.record.key.first)
    let other = digit == "0" ? "1" : "0"
    let forged = text.replacing(job.record.key, with: other + job.record.key.dropFirst())
    try Data(forged.utf8).write(to: box.url(path))
    #expect(try box.spool.interrupted().jobs.first?.note?.contains("damaged") == true)
    try Data(text.replacing(": ", with: ":  ").utf8).write(to: box.url(path))
    #expect(try box.spool.interrupted().jobs.first?.note?.contains("damaged") == true)
    // What it was given instead is good.
    #expect(try box.spool.interrupted().jobs.first?.note == nil)
  }

  @Test func `a job that was claimed without a record starts for the first time`() throws {
    let (box, _) = try interruptedBox()
    try FileManager.default.removeItem(at: box.url("active/net.txt/job.json"))
    let found = try #require(try box.spool.interrupted().jobs.first)
    #expect(found.note?.contains("missing") == true)
    #expect(found.job.record.starts == 0)
  }

  @Test func `a directory without a target file is removed`() throws {
    let box = try Box()
    try FileManager.default.createDirectory(
      at: box.url("active/net.txt"), withIntermediateDirectories: false)
    let leftovers = try box.spool.interrupted()
    #expect(leftovers.jobs.isEmpty && leftovers.notes.count == 1)
    #expect(try box.names("active") == [])
  }

  @Test func `a job that had ended is only moved`() throws {
    let (box, job) = try interruptedBox()
    try Files.rename(job.partial, to: "\(job.directory)/results.csv")
    try Data("{}".utf8).write(to: box.url("active/net.txt/summary.json"))
    let leftovers = try box.spool.interrupted()
    #expect(leftovers.finished == ["net.txt"] && leftovers.jobs.isEmpty)
    #expect(try box.names("results/net.txt") == ["net.txt", "results.csv", "summary.json"])
  }

  @Test func `a summary without its results is not taken for the end`() throws {
    let (box, _) = try interruptedBox()
    try Data("{}".utf8).write(to: box.url("active/net.txt/summary.json"))
    let leftovers = try box.spool.interrupted()
    #expect(leftovers.finished.isEmpty && leftovers.jobs.count == 1)
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt", "results.partial"])
  }

  @Test func `results without a summary are not taken for the end`() throws {
    let (box, job) = try interruptedBox()
    try Files.rename(job.partial, to: "\(job.directory)/results.csv")
    #expect(try box.spool.interrupted().jobs.count == 1)
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt"])
  }

  @Test func `a summary beside partial results is not taken for the end`() throws {
    let (box, _) = try interruptedBox()
    try Data("{}".utf8).write(to: box.url("active/net.txt/summary.json"))
    #expect(try box.spool.interrupted().jobs.count == 1)
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt", "results.partial"])
  }

  @Test func `a job that was being rejected is rejected`() throws {
    let (box, _) = try interruptedBox()
    try Data("net.txt:1:1: why\n".utf8).write(to: box.url("active/net.txt/reason.txt"))
    #expect(try box.spool.interrupted().jobs.isEmpty)
    #expect(try box.names("rejected/net.txt") == ["net.txt", "reason.txt"])
    #expect(try box.text("rejected/net.txt/reason.txt") == "net.txt:1:1: why\n")
  }
}

@Suite struct `The data directory` {
  @Test func `a second process is refused`() throws {
    let box = try Box()
    let fault = #expect(throws: Fault.self) { try DataDirectory(box.root.path) }
    #expect(fault?.description.contains("another process serves") == true)
  }

  @Test func `a missing directory is not made`() {
    let fault = #expect(throws: Fault.self) { try DataDirectory("/nowhere/at/all") }
    #expect(fault?.description.contains("there is no data directory") == true)
  }

  @Test func `a link in place of a directory is refused`() throws {
    let root = try emptyDirectory()
    defer { try? FileManager.default.removeItem(at: root) }
    try FileManager.default.createSymbolicLink(
      atPath: root.appending(path: "results").path, withDestinationPath: "/dev/shm")
    #expect(throws: Fault.self) { try DataDirectory(root.path) }
  }

  @Test func `directories on several file systems are refused`() throws {
    let root = try emptyDirectory()
    let results = root.appending(path: "results")
    try FileManager.default.createDirectory(at: results, withIntermediateDirectories: false)
    #expect(geteuid() == 0, "this test needs root: it mounts a file system")
    try #require(run("mount -t tmpfs -o size=1M none \(results.path)") == 0)
    defer {
      _ = try? run("umount \(results.path)")
      try? FileManager.default.removeItem(at: root)
    }
    let fault = #expect(throws: Fault.self) { try DataDirectory(root.path) }
    #expect(fault?.description.contains("not on one file system") == true)
  }

  private func emptyDirectory() throws -> URL {
    let root = FileManager.default.temporaryDirectory.appending(path: "spool-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    return root
  }
}
