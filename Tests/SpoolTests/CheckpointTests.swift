// From where a job goes on, whatever became of its files meanwhile.
import Foundation
import Kernel
import Scan
import Spool
import Testing
import Wire

/// A job with two checkpoints: at place 100 with 3 results, at place 200 with 5.
private struct CheckpointedJob {
  let box = try! Box()
  let job: Job
  let identity = JobIdentity(
    order: String(repeating: "a", count: 64), output: String(repeating: "b", count: 64))

  init() throws {
    try box.drop("net.txt")
    job = try #require(try box.claim())
    let files = try job.open(identity)
    #expect(files.checkpoint == nil && files.notes.isEmpty)
    try append(0..<3, to: files)
    try job.save(checkpoint(files, at: 100))
    try append(3..<5, to: files)
    try job.save(checkpoint(files, at: 200))
    // Behind the checkpoint: a power cut may leave anything.
    try append(5..<6, to: files)
    try files.results.append(Array("198.18.0".utf8))
  }

  func append(_ numbers: Range<UInt32>, to files: JobFiles) throws {
    for number in numbers {
      try files.results.append(Self.line(number))
      var record: [UInt8] = []
      Self.answer(number).append(to: &record)
      try files.answers.append(record)
    }
  }

  func checkpoint(_ files: JobFiles, at index: UInt64) -> Checkpoint {
    var totals = ScanTotals(started: 7)
    totals[.written] = index / 100
    totals.fates[.open] = index
    return Checkpoint(
      identity: identity, index: index, results: files.results.mark, answers: files.answers.mark,
      totals: totals)
  }

  static func line(_ number: UInt32) -> [UInt8] { Array("198.18.0.\(number),80\n".utf8) }

  static func answer(_ number: UInt32) -> JournalRecord {
    JournalRecord(
      Reply(
        kind: number % 2 == 0 ? .open : .icmp, time: 1, source: IPv4Address(0xc612_0000 + number),
        sourcePort: Port(65_280), destination: IPv4Address(1), destinationPort: Port(2),
        identification: 3, timeToLive: 4))
  }

  func path(_ name: String) -> String { "active/net.txt/\(name)" }

  /// What it goes on from: the place, and how many results count.
  func resume() throws -> (index: UInt64?, results: Int, notes: [String]) {
    let files = try job.open(identity)
    let results = try box.text(path("results.partial"))
    let count = results.split(separator: "\n").count
    let lines = (0..<UInt32(count)).flatMap { Self.line($0) }
    #expect(Array(results.utf8) == lines, "not whole lines, or not the first ones")
    var answers: [JournalRecord] = []
    try files.answers.answers { answers.append($0) }
    #expect(answers == (0..<UInt32(count)).map { Self.answer($0) })
    return (files.checkpoint?.index, count, files.notes)
  }

  func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
    try Data(bytes).write(to: box.url(path(name)))
  }

  func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: box.url(path(name)))) }
}

@Suite struct `A checkpoint` {
  @Test func `what came behind the last one is cut off`() throws {
    let job = try CheckpointedJob()
    #expect(try job.resume() == (200, 5, []))
    let checkpoint = try #require(try job.job.open(job.identity).checkpoint)
    #expect(checkpoint.totals.started == 7 && checkpoint.totals[.written] == 2)
    #expect(checkpoint.totals.fates.open == 200)
  }

  @Test func `any byte of a checkpoint that is missing or wrong leads to the one before`() throws {
    let job = try CheckpointedJob()
    let names = ["checkpoint", "checkpoint.previous", "results.partial", "answers"]
    let before = try names.map { ($0, try job.bytes($0)) }
    let whole = before[0].1
    for (place, byte) in whole.enumerated() {
      var wrong = whole
      wrong[place] = byte ^ 1
      for damaged in [wrong, Array(whole.prefix(place))] {
        for (name, bytes) in before { try job.write(bytes, to: name) }
        try job.write(damaged, to: "checkpoint")
        let (index, results, notes) = try job.resume()
        #expect(index == 100 && results == 3, "byte \(place)")
        #expect(notes.count == 1 && notes.first?.contains("cut off or damaged") == true)
        #expect(try job.bytes("checkpoint.damaged") == damaged)
      }
    }
  }

  @Test(arguments: ["results.partial", "answers"])
  func `results that are not as it says lead to the one before`(_ name: String) throws {
    let job = try CheckpointedJob()
    var bytes = try job.bytes(name)
    // In what came between the two.
    bytes[bytes.count * 3 / 4 - 4] ^= 0x20
    try job.write(bytes, to: name)
    let (index, results, notes) = try job.resume()
    #expect(index == 100 && results == 3)
    #expect(notes.first?.contains("results or answers are not as it says") == true)
  }

  @Test(arguments: ["results.partial", "answers"])
  func `results that are wrong from the start are set aside`(_ name: String) throws {
    let job = try CheckpointedJob()
    var bytes = try job.bytes(name)
    bytes[0] ^= 1
    try job.write(bytes, to: name)
    let (index, results, notes) = try job.resume()
    #expect(index == nil && results == 0 && notes.count == 2)
    #expect(try job.bytes("\(name).damaged") == bytes)
  }

  @Test func `files that are shorter than it says are not believed`() throws {
    let job = try CheckpointedJob()
    try job.write(try job.bytes("answers").prefix(4 * 8), to: "answers")
    #expect(try job.resume().index == 100)
  }

  @Test func `other targets mean all probes again and no result lost`() throws {
    let job = try CheckpointedJob()
    var other = job.identity
    other.order = String(repeating: "c", count: 64)
    let files = try job.job.open(other)
    #expect(files.checkpoint?.index == 0)
    #expect(files.results.mark.length == UInt64(5 * CheckpointedJob.line(0).count))
    #expect(files.notes.count == 1)
  }

  @Test func `other fields mean the beginning`() throws {
    let job = try CheckpointedJob()
    var other = job.identity
    other.output = String(repeating: "c", count: 64)
    let files = try job.job.open(other)
    #expect(files.checkpoint == nil && files.results.mark.length == 0)
    #expect(files.notes.count == 1)
  }

  @Test func `a power cut between the two renames leaves the one before`() throws {
    let job = try CheckpointedJob()
    try FileManager.default.removeItem(at: job.box.url(job.path("checkpoint.previous")))
    try FileManager.default.moveItem(
      at: job.box.url(job.path("checkpoint")), to: job.box.url(job.path("checkpoint.previous")))
    #expect(try job.resume() == (200, 5, []))
  }
}

@Suite struct `A record file` {
  /// RFC 3720, appendix B.4.
  static let vectors: [([UInt8], UInt32)] = [
    ([], 0), (Array("123456789".utf8), 0xe306_9283), ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
    ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43), (Array(0..<32), 0x46dd_794e),
  ]

  @Test(arguments: vectors)
  func `checksums are the published ones`(_ bytes: [UInt8], _ checksum: UInt32) {
    #expect(CRC32C.of(bytes) == checksum)
  }

  @Test func `a write that has no room leaves no part and succeeds later`() throws {
    #expect(geteuid() == 0, "this test needs root: it mounts a file system")
    let disk = try SmallDisk()
    let file = try #require(try RecordFile("\(disk.path)/results", at: RecordFile.Mark()))
    let record = [UInt8](repeating: 0x61, count: 9_999) + [0x0a]
    try file.append(record)
    try disk.fill(leaving: 3)
    let fault = #expect(throws: Fault.self) { try file.append(record + record) }
    #expect(fault?.isOfStorage == true)
    #expect(file.mark.length == 10_000)
    #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)).count == 10_000)
    try disk.empty()
    try file.append(record + record)
    #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)).count == 30_000)
    #expect(try RecordFile(file.path, at: file.mark) != nil)
  }

  @Test func `what is rewritten each second needs no room on a full disk`() throws {
    #expect(geteuid() == 0, "this test needs root: it mounts a file system")
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
    try #require(run("mount -t tmpfs -o size=1M none \(path)") == 0)
  }

  deinit {
    _ = try? run("umount \(path)")
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Leaves so many pages.
  func fill(leaving pages: Int) throws {
    let full = try Files.create("\(path)/full")
    while (try? full.writeAll([UInt8](repeating: 0, count: 4096))) != nil {}
    let length = try #require(Files.status(of: "\(path)/full")).size
    try full.truncate(to: length - UInt64(pages) * 4096)
  }

  func empty() throws { try Files.remove("\(path)/full") }
}
