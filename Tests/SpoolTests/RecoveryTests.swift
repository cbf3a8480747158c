// How a new process recovers the jobs of an earlier one.
import Foundation
import Kernel
import LabSupport
import Scan
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Recovery of jobs` {
  /// A box whose job `net.txt` was started once and interrupted.
  private func interruptedBox() throws -> (Box, Job) {
    let box = try Box()
    try box.drop("net.txt")
    var job = try #require(try box.claim())
    job.record.starts = 1
    try job.save()
    try Data("198.18.0.2,80\n".utf8).write(to: URL(fileURLWithPath: job.partialResultsPath))
    try box.restart()
    return (box, job)
  }

  @Test func `keeps the key, seed and results of an interrupted job`() throws {
    let (box, job) = try interruptedBox()
    let found = try #require(try box.spool.recoverJobs().jobs.first)
    #expect(found.job.record == job.record)
    #expect(found.job.name == "net.txt" && found.job.file == "net.txt")
    #expect(found.note == nil)
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt", "results.partial"])
  }

  @Test func `rejects a job that has crashed five times in a row without progress`() throws {
    let (box, _) = try interruptedBox()
    for _ in 0..<5 {
      var job = try #require(try box.spool.recoverJobs().jobs.first?.job)
      try job.recordStart()
    }
    let report = try box.spool.recoverJobs()
    #expect(report.jobs.isEmpty && report.quarantined == ["net.txt"])
    #expect(try box.names("rejected/net.txt") == ["net.txt", "reason.txt"])
    let reason = try box.text("rejected/net.txt/reason.txt")
    #expect(reason.hasPrefix("net.txt: found 5 crashes in a row") && reason.contains("expected"))
  }

  @Test func `keeps a job that makes progress or exits in good order`() throws {
    let (box, first) = try interruptedBox()
    let identity = JobIdentity(
      order: String(repeating: "a", count: 64), output: String(repeating: "b", count: 64))
    let files = try first.openFiles(for: identity)
    for round in 1...13 {
      var job = try #require(try box.spool.recoverJobs().jobs.first?.job)
      try job.recordStart()
      if round == 4 || round == 8 {
        try job.save(
          Checkpoint(
            identity: identity, index: UInt64(round), results: files.results.mark,
            journal: files.journal.mark, totals: ScanTotals(started: 0)))
      }
      if round == 11 { try job.recordCleanExit() }
    }
    #expect(try box.spool.recoverJobs().jobs.first?.job.record.crashes == 2)
  }

  @Test func `notices a record that is truncated or damaged`() throws {
    let (box, job) = try interruptedBox()
    let path = "active/net.txt/job.json"
    let whole = try Data(contentsOf: box.url(path))
    for length in stride(from: 0, to: whole.count - 2, by: 7) {
      try whole.prefix(length).write(to: box.url(path))
      let found = try #require(try box.spool.recoverJobs().jobs.first)
      #expect(found.job.record.key != job.record.key, "cut off at \(length)")
      #expect(found.note?.contains("damaged") == true)
      #expect(found.job.record.starts == 1)
    }
    let text = String(decoding: whole, as: UTF8.self)
    let digit = try #require(job.record.key.first)
    let other = digit == "0" ? "1" : "0"
    let forged = text.replacing(job.record.key, with: other + job.record.key.dropFirst())
    try Data(forged.utf8).write(to: box.url(path))
    #expect(try box.spool.recoverJobs().jobs.first?.note?.contains("damaged") == true)
    try Data(text.replacing(",", with: ", ").utf8).write(to: box.url(path))
    #expect(try box.spool.recoverJobs().jobs.first?.note?.contains("damaged") == true)
    // The new record is intact.
    #expect(try box.spool.recoverJobs().jobs.first?.note == nil)
  }

  @Test func `gives a job without a record a new one`() throws {
    let (box, _) = try interruptedBox()
    try FileManager.default.removeItem(at: box.url("active/net.txt/job.json"))
    let found = try #require(try box.spool.recoverJobs().jobs.first)
    #expect(found.note?.contains("missing") == true)
    #expect(found.job.record.starts == 0)
  }

  @Test func `removes a directory without a target file`() throws {
    let box = try Box()
    try FileManager.default.createDirectory(
      at: box.url("active/net.txt"), withIntermediateDirectories: false)
    let report = try box.spool.recoverJobs()
    #expect(report.jobs.isEmpty && report.notes.count == 1)
    #expect(try box.names("active") == [])
  }

  @Test func `moves a job that had finished`() throws {
    let (box, job) = try interruptedBox()
    try Files.rename(job.partialResultsPath, to: "\(job.directory)/results.csv")
    try Data("{}".utf8).write(to: box.url("active/net.txt/summary.json"))
    let report = try box.spool.recoverJobs()
    #expect(report.finished == ["net.txt"] && report.jobs.isEmpty)
    #expect(try box.names("results/net.txt") == ["net.txt", "results.csv", "summary.json"])
  }

  @Test func `resumes a job with a summary and no results`() throws {
    let (box, _) = try interruptedBox()
    try Data("{}".utf8).write(to: box.url("active/net.txt/summary.json"))
    let report = try box.spool.recoverJobs()
    #expect(report.finished.isEmpty && report.jobs.count == 1)
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt", "results.partial"])
  }

  @Test func `resumes a job with results and no summary`() throws {
    let (box, job) = try interruptedBox()
    try Files.rename(job.partialResultsPath, to: "\(job.directory)/results.csv")
    #expect(try box.spool.recoverJobs().jobs.count == 1)
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt"])
  }

  @Test func `resumes a job with a summary beside partial results`() throws {
    let (box, _) = try interruptedBox()
    try Data("{}".utf8).write(to: box.url("active/net.txt/summary.json"))
    #expect(try box.spool.recoverJobs().jobs.count == 1)
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt", "results.partial"])
  }

  @Test func `rejects a job that was being rejected`() throws {
    let (box, _) = try interruptedBox()
    try Data("net.txt:1:1: why\n".utf8).write(to: box.url("active/net.txt/reason.txt"))
    #expect(try box.spool.recoverJobs().jobs.isEmpty)
    #expect(try box.names("rejected/net.txt") == ["net.txt", "reason.txt"])
    #expect(try box.text("rejected/net.txt/reason.txt") == "net.txt:1:1: why\n")
  }
}

@Suite(.timeLimit(.minutes(5))) struct `The data directory` {
  @Test func `is locked against a second process`() throws {
    let box = try Box()
    let fault = #expect(throws: Fault.self) { try DataDirectory(box.root.path) }
    #expect(fault?.description.contains("another process uses") == true)
  }

  @Test func `is not created`() {
    let fault = #expect(throws: Fault.self) { try DataDirectory("/nowhere/at/all") }
    #expect(fault?.description.contains("there is no data directory") == true)
  }

  @Test func `with a link in place of a directory is an error`() throws {
    let root = try emptyDirectory()
    defer { try? FileManager.default.removeItem(at: root) }
    try FileManager.default.createSymbolicLink(
      atPath: root.appending(path: "results").path, withDestinationPath: "/dev/shm")
    #expect(throws: Fault.self) { try DataDirectory(root.path) }
  }

  @Test func `on several file systems is an error`() throws {
    let root = try emptyDirectory()
    let results = root.appending(path: "results")
    try FileManager.default.createDirectory(at: results, withIntermediateDirectories: false)
    try mountTmpfs(at: results.path)
    defer {
      _ = try? run(["umount", results.path])
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
