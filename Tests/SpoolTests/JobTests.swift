// Claiming, rejecting and finishing jobs.
import Foundation
import Kernel
import Scan
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A job` {
  @Test func `has its target file unchanged and a record`() throws {
    let box = try Box()
    try box.drop("net.txt", "198.18.0.0/24:80 # \u{e9}\r\n")
    let job = try #require(try box.claim())
    #expect(job.name == "net.txt")
    #expect(try box.names("spool") == [])
    #expect(try box.names("active/net.txt") == ["job.json", "net.txt"])
    #expect(try job.readTargets() == Array("198.18.0.0/24:80 # \u{e9}\r\n".utf8))
    #expect(job.record.sipHashKey != nil)
    #expect(job.record.starts == 0)
  }

  @Test func `is not made of a file that is gone`() throws {
    let box = try Box()
    try box.drop("net.txt")
    let candidate = try #require(try box.list().queue.first)
    try FileManager.default.removeItem(at: box.url("spool/net.txt"))
    let job = try box.spool.claim(candidate)
    #expect(job == nil)
    #expect(try box.names("active") == [])
  }

  @Test func `of a name that another job has or had gets a number`() throws {
    let box = try Box()
    try box.drop("net.txt")
    let first = try #require(try box.claim())
    try box.drop("net.txt")
    let second = try #require(try box.claim())
    #expect(second.name == "net.txt.2")
    #expect(try box.names("active/net.txt.2") == ["job.json", "net.txt"])
    #expect(first.record.key != second.record.key)
    #expect(first.record.seed != second.record.seed)
    _ = try box.spool.reject(first, reason: "none")
    try finish(second, in: box)
    try box.drop("net.txt")
    #expect(try box.claim()?.name == "net.txt.3")
  }

  @Test func `when rejected has its target file and the reason, and nothing else`() throws {
    let box = try Box()
    try box.drop("bad.txt", "198.18.300.1\n")
    let job = try #require(try box.claim())
    try Data("partial".utf8).write(to: box.url("active/bad.txt/results.partial"))
    let name = try box.spool.reject(job, reason: "bad.txt:1:1: found x, expected y")
    #expect(name == "bad.txt")
    #expect(try box.names("active") == [])
    #expect(try box.names("rejected/bad.txt") == ["bad.txt", "reason.txt"])
    #expect(try box.text("rejected/bad.txt/reason.txt") == "bad.txt:1:1: found x, expected y\n")
    #expect(try box.text("rejected/bad.txt/bad.txt") == "198.18.300.1\n")
  }

  @Test(arguments: [(OutputFormat.csv, "results.csv"), (.json, "results.jsonl")])
  func `when finished appears complete in results, by one rename`(
    _ format: OutputFormat, _ results: String
  ) throws {
    let box = try Box()
    try box.drop("net.txt")
    let job = try #require(try box.claim())
    let directory = try #require(Files.status(of: job.directory))
    // Only a rename keeps the directory's inode and causes a single event.
    let watch = try DirectoryWatch(box.data.results)
    try finish(job, in: box, format: format)
    let events = try #require(try watch.events()).filter {
      $0.change != .opened && $0.change != .closed
    }
    #expect(events == [DirectoryWatch.Event(FileName("net.txt"), .movedIn)])
    #expect(Files.status(of: "\(box.data.results)/net.txt")?.inode == directory.inode)
    #expect(try box.names("results/net.txt") == ["net.txt", results, "summary.json"].sorted())
    #expect(try box.text("results/net.txt/\(results)") == "198.18.0.2,80\n")
    #expect(try box.names("active") == [])
    let summary = try JSONSerialization.jsonObject(
      with: Data(contentsOf: box.url("results/net.txt/summary.json")))
    #expect((summary as? [String: Any])?["seed"] as? UInt64 == 7)
  }

  @Test func `does not follow a symbolic link in place of its target file`() throws {
    let box = try Box()
    try box.drop("net.txt")
    let job = try #require(try box.claim())
    let target = box.url("active/net.txt/net.txt")
    try FileManager.default.removeItem(at: target)
    try FileManager.default.createSymbolicLink(atPath: target.path, withDestinationPath: "/etc/hosts")
    #expect(throws: EntryError.self) { try job.readTargets() }
  }

  private func finish(_ job: Job, in box: Box, format: OutputFormat = .csv) throws {
    try Data("198.18.0.2,80\n".utf8).write(to: URL(fileURLWithPath: job.partialResultsPath))
    var summary = Summary()
    summary.seed = 7
    _ = try box.spool.finish(job, summary: summary, format: format)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Hostile names` {
  /// Names that file systems accept.
  static let names: [[UInt8]] = [
    Array("a\nb".utf8), Array("-rf".utf8), [0xff, 0xfe, 0x41], Array(repeating: 0x61, count: 255),
    Array("\u{202e}txt.exe".utf8), Array("\u{1b}[2J".utf8), Array("job.json".utf8),
    Array("results.csv".utf8), Array("reason.txt".utf8), Array("summary.json.new".utf8),
    Array(String(repeating: "\u{e4}", count: 120).utf8), [0x7f], [0x80],
  ]

  @Test(arguments: names)
  func `are rejected under a safe name with a reason`(_ bytes: [UInt8]) throws {
    let box = try Box()
    try box.drop("plain")
    _ = try box.list()
    let path = Array(box.data.spool.utf8) + [0x2f] + bytes + [0]
    let moved = unsafe path.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer {
      unsafe rename("\(box.data.spool)/plain", $0.baseAddress!)
    }
    try #require(moved == 0)
    let listing = try box.list()
    #expect(listing.queue.isEmpty)
    let name = try #require(listing.unusable.first)
    #expect(name.bytes == bytes)
    let safe = try #require(try box.spool.rejectUnusable(name))
    #expect(safe.utf8.count <= 210)
    #expect(safe.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x2f })
    #expect(!safe.hasPrefix("-") && !safe.hasPrefix("."))
    #expect(try box.names("rejected") == [safe])
    #expect(try box.names("rejected/\(safe)") == [safe, "reason.txt"].sorted())
    #expect(try box.text("rejected/\(safe)/\(safe)") == "198.18.0.0/24:80\n")
    let reason = try box.text("rejected/\(safe)/reason.txt")
    #expect(reason.contains("found") && reason.contains("expected"))
    #expect(reason.utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7f })
    #expect(try box.names("spool") == [])
    #expect(try box.names("active") == [])
  }

  @Test(arguments: ["Büro-Netz 2.txt", "a", "x--", "nets.bin", "@home:80,é"])
  func `do not include unusual but usable names`(_ name: String) throws {
    let box = try Box()
    try box.drop(name)
    #expect(try box.claim()?.name == name)
  }

  @Test func `that are sanitized to the same name are both kept`() throws {
    let box = try Box()
    for name in ["a\nb", "a\tb"] { try box.drop(name) }
    for name in try box.list().unusable { _ = try box.spool.rejectUnusable(name) }
    #expect(try box.names("rejected") == ["_a_b", "_a_b.2"])
  }
}
