// Where a job resumes, whatever has happened to its files.
import Foundation
import Kernel
import LabSupport
import Scan
import Spool
import Testing
import Wire

/// A job with two checkpoints: at position 100 with 3 results, and at position 200 with 5.
private struct CheckpointedJob {
  let box = try! Box()
  let job: Job
  let identity = JobIdentity(
    order: String(repeating: "a", count: 64), output: String(repeating: "b", count: 64))

  init() throws {
    try box.drop("net.txt")
    job = try #require(try box.claim())
    let files = try job.openFiles(for: identity)
    #expect(files.checkpoint == nil && files.notes.isEmpty)
    try append(0..<3, to: files)
    try job.save(checkpoint(files, at: 100))
    try append(3..<5, to: files)
    try job.save(checkpoint(files, at: 200))
    // After the checkpoint: a power cut can leave anything there.
    try append(5..<6, to: files)
    try files.results.append(Array("198.18.0".utf8))
  }

  func append(_ numbers: Range<UInt32>, to files: JobFiles) throws {
    for number in numbers {
      try files.results.append(Self.line(number))
      var record: [UInt8] = []
      Self.record(number).append(to: &record)
      try files.journal.append(record)
    }
  }

  func checkpoint(_ files: JobFiles, at index: UInt64) -> Checkpoint {
    var totals = ScanTotals(started: 7)
    totals[.written] = index / 100
    totals.fates[.open] = index
    return Checkpoint(
      identity: identity, index: index, results: files.results.mark, journal: files.journal.mark,
      totals: totals)
  }

  static func line(_ number: UInt32) -> [UInt8] { Array("198.18.0.\(number),80\n".utf8) }

  static func record(_ number: UInt32) -> JournalRecord {
    JournalRecord(
      Reply(
        kind: number % 2 == 0 ? .open : .icmp, time: 1, source: IPv4Address(0xc612_0000 + number),
        sourcePort: Port(65_280), destination: IPv4Address(1), destinationPort: Port(2),
        identification: 3, timeToLive: 4))
  }

  func path(_ name: String) -> String { "active/net.txt/\(name)" }

  /// Opens the job's files: returns the position it resumes from, and how many results are kept.
  func resume() throws -> (index: UInt64?, results: Int, notes: [String]) {
    let files = try job.openFiles(for: identity)
    let results = try box.text(path("results.partial"))
    let count = results.split(separator: "\n").count
    let lines = (0..<UInt32(count)).flatMap { Self.line($0) }
    #expect(Array(results.utf8) == lines, "not whole lines, or not the first ones")
    var records: [JournalRecord] = []
    try files.journal.readJournal { records.append($0) }
    #expect(records == (0..<UInt32(count)).map { Self.record($0) })
    return (files.checkpoint?.index, count, files.notes)
  }

  func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
    try Data(bytes).write(to: box.url(path(name)))
  }

  func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: box.url(path(name)))) }
}

@Suite(.timeLimit(.minutes(5))) struct `A checkpoint` {
  @Test func `truncates the files to its lengths`() throws {
    let job = try CheckpointedJob()
    #expect(try job.resume() == (200, 5, []))
    let checkpoint = try #require(try job.job.openFiles(for: job.identity).checkpoint)
    #expect(checkpoint.totals.started == 7 && checkpoint.totals[.written] == 2)
    #expect(checkpoint.totals.fates.open == 200)
  }

  /// Every 11th byte: `Stored checkpoints` has a test of each one.
  @Test(arguments: ["checkpoint", "checkpoint.previous"])
  func `with a byte missing or wrong gives way to its other copy`(_ name: String) throws {
    let job = try CheckpointedJob()
    let names = ["checkpoint", "checkpoint.previous", "results.partial", "answers"]
    let before = try names.map { ($0, try job.bytes($0)) }
    let whole = try job.bytes(name)
    for offset in stride(from: 0, to: whole.count, by: 11) {
      var wrong = whole
      wrong[offset] ^= 1
      for damaged in [wrong, Array(whole.prefix(offset))] {
        for (name, bytes) in before { try job.write(bytes, to: name) }
        try job.write(damaged, to: name)
        let (index, results, notes) = try job.resume()
        #expect(index == 200 && results == 5, "byte \(offset)")
        // Cut between its two checkpoints, the file is whole.
        let isWhole = StoredCheckpoints(damaged).problem == nil
        #expect(notes.count == (isWhole ? 0 : 1), "byte \(offset)")
        guard !isWhole else { continue }
        #expect(notes.first?.contains("truncated or damaged") == true)
        #expect(try job.bytes("\(name).damaged") == damaged)
      }
    }
  }

  @Test func `is one of format 1 where a version before looks for it`() throws {
    let job = try CheckpointedJob()
    let current = StoredCheckpoints(try job.bytes("checkpoint"))
    #expect(current.checkpoints.map(\.index) == [200, 100])
    let previous = try #require(Checkpoint(format1: job.bytes("checkpoint.previous")))
    #expect(previous == current.checkpoints[0])
    #expect(Checkpoint(format1: try job.bytes("checkpoint")) == nil)
  }

  @Test func `in both copies of format 1 is the newer one`() throws {
    let job = try CheckpointedJob()
    let stored = StoredCheckpoints(try job.bytes("checkpoint")).checkpoints
    try job.write(try #require(stored[0].encodedFormat1), to: "checkpoint")
    try job.write(try #require(stored[1].encodedFormat1), to: "checkpoint.previous")
    #expect(try job.resume() == (200, 5, []))
  }

  @Test func `of version 0.1.0 is kept as the earlier one`() throws {
    let job = try CheckpointedJob()
    let stored = StoredCheckpoints(try job.bytes("checkpoint")).checkpoints
    try job.write(try #require(stored[1].encodedFormat1), to: "checkpoint")
    try job.job.save(stored[0])
    #expect(StoredCheckpoints(try job.bytes("checkpoint")).checkpoints == stored)
  }

  @Test func `saved again keeps the earlier one of other files`() throws {
    let job = try CheckpointedJob()
    let files = try job.job.openFiles(for: job.identity)
    for index: UInt64 in [201, 202] { try job.job.save(job.checkpoint(files, at: index)) }
    #expect(StoredCheckpoints(try job.bytes("checkpoint")).checkpoints.map(\.index) == [202, 100])
  }

  @Test(arguments: ["results.partial", "answers"])
  func `whose files do not match gives way to the earlier one`(_ name: String) throws {
    let job = try CheckpointedJob()
    var bytes = try job.bytes(name)
    // Between the two checkpoints.
    bytes[bytes.count * 3 / 4 - 4] ^= 0x20
    try job.write(bytes, to: name)
    let (index, results, notes) = try job.resume()
    #expect(index == 100 && results == 3)
    #expect(notes.count == 1 && notes.first?.contains("at position 200 ") == true, "\(notes)")
    #expect(notes.first?.contains("results or journal do not match") == true)
  }

  @Test(arguments: ["results.partial", "answers"])
  func `whose files never match leaves them renamed to .damaged`(_ name: String) throws {
    let job = try CheckpointedJob()
    var bytes = try job.bytes(name)
    bytes[0] ^= 1
    try job.write(bytes, to: name)
    let (index, results, notes) = try job.resume()
    #expect(index == nil && results == 0 && notes.count == 2)
    #expect(try job.bytes("\(name).damaged") == bytes)
  }

  @Test func `whose files are too short gives way to the earlier one`() throws {
    let job = try CheckpointedJob()
    try job.write(try job.bytes("answers").prefix(4 * 8), to: "answers")
    #expect(try job.resume().index == 100)
  }

  @Test func `of other targets keeps the results and starts over`() throws {
    let job = try CheckpointedJob()
    var other = job.identity
    other.order = String(repeating: "c", count: 64)
    let files = try job.job.openFiles(for: other)
    #expect(files.checkpoint?.index == 0)
    #expect(files.results.mark.length == UInt64(5 * CheckpointedJob.line(0).count))
    #expect(files.notes.count == 1)
  }

  @Test func `of another result format is not used`() throws {
    let job = try CheckpointedJob()
    var other = job.identity
    other.output = String(repeating: "c", count: 64)
    let files = try job.job.openFiles(for: other)
    #expect(files.checkpoint == nil && files.results.mark.length == 0)
    #expect(files.notes.count == 1)
  }

  /// After each step of saving a third checkpoint, both versions find an intact one, and this one the furthest.
  @Test func `survives a power cut at each step of saving it`() throws {
    let job = try CheckpointedJob()
    let older = try ["checkpoint", "checkpoint.previous"].map { ($0, try job.bytes($0)) }
    let files = try job.job.openFiles(for: job.identity)
    try job.append(5..<7, to: files)
    try job.job.save(job.checkpoint(files, at: 300))
    let newer = try ["checkpoint", "checkpoint.previous"].map { ($0, try job.bytes($0)) }
    let contents = try ["results.partial", "answers"].map { ($0, try job.bytes($0)) }
    for steps in [[], ["checkpoint.previous"], ["checkpoint.previous", "checkpoint"]] {
      for (name, bytes) in contents + older { try job.write(bytes, to: name) }
      for (name, bytes) in newer where steps.contains(name) { try job.write(bytes, to: name) }
      let isNew = !steps.isEmpty
      #expect(Checkpoint(format1: try job.bytes("checkpoint.previous"))?.index == (isNew ? 300 : 200))
      #expect(try job.resume() == (isNew ? 300 : 200, isNew ? 7 : 5, []))
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct `A record file` {
  /// RFC 3720, appendix B.4.
  static let vectors: [([UInt8], UInt32)] = [
    ([], 0), (Array("123456789".utf8), 0xe306_9283), ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
    ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43), (Array(0..<32), 0x46dd_794e),
  ]

  @Test(arguments: vectors)
  func `has the published checksums`(_ bytes: [UInt8], _ checksum: UInt32) {
    #expect(CRC32C.of(bytes) == checksum)
  }

  @Test func `keeps no part of a write that fails on a full disk`() throws {
    let disk = try SmallDisk()
    let file = try #require(try RecordFile("\(disk.path)/results", at: RecordFile.Mark()))
    let record = [UInt8](repeating: 0x61, count: 9_999) + [0x0a]
    try file.append(record)
    try disk.fill(leaving: 3)
    let fault = #expect(throws: Fault.self) { try file.append(record + record) }
    #expect(fault?.isStorageFailure == true)
    #expect(file.mark.length == 10_000)
    #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)).count == 10_000)
    try disk.empty()
    try file.append(record + record)
    #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)).count == 30_000)
    #expect(try RecordFile(file.path, at: file.mark) != nil)
  }

  @Test func `exchanged on a full disk needs no room`() throws {
    let disk = try SmallDisk()
    let path = "\(disk.path)/status.json"
    for text in ["one\n", "two\n"] { try Files.exchange(path, with: Array(text.utf8)) }
    try disk.fill(leaving: 0)
    for text in ["three\n", "4\n", String(repeating: "five\n", count: 2000), "6\n", "seven\n"] {
      try Files.exchange(path, with: Array(text.utf8))
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
  }
}

/// A file system of 1 MB.
private final class SmallDisk {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "disk-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try mountTmpfs(at: path)
  }

  deinit {
    _ = try? run(["umount", path])
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Fills the file system but for `pages` pages of 4096 bytes.
  func fill(leaving pages: Int) throws {
    let full = try Files.create("\(path)/full")
    while (try? full.writeAll([UInt8](repeating: 0, count: 4096))) != nil {}
    let length = try #require(Files.status(of: "\(path)/full")).size
    try full.truncate(to: length - UInt64(pages) * 4096)
  }

  func empty() throws { try Files.remove("\(path)/full") }
}
