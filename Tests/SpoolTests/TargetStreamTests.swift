// Target files that are read piece by piece.
import Foundation
import Kernel
import LabSupport
import Plan
import Spool
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A target file that is read in pieces` {
  private static let lines = (0..<100_000).map {
    "198.18.\($0 / 256 % 256).\($0 % 256):\($0 % 60_000 + 1)\n"
  }

  /// Writes a file, and reads it as a job does.
  private func read(
    _ bytes: Data, _ name: String = "net.txt", keepsEntries: Bool = true,
    budget: PlanBudget = .unlimited
  ) throws -> TargetStream {
    let box = try Box()
    try bytes.write(to: box.url("spool/\(name)"))
    return try TargetStream.read(
      name, in: box.data.spool, keepsEntries: keepsEntries, budget: budget)
  }

  @Test(arguments: ["plain", "gzip", "zstd"]) func `is that of all its pieces`(_ tool: String) throws {
    let box = try Box()
    let text = Data(("@priority 3\n" + Self.lines.joined()).utf8)
    try text.write(to: box.url("spool/net.txt"))
    var name = "net.txt"
    if tool != "plain" {
      try mustRun([tool, "-q", box.url("spool/net.txt").path])
      name += tool == "gzip" ? ".gz" : ".zst"
    }
    let stream = try TargetStream.read(name, in: box.data.spool)
    #expect(stream.mistakes.isEmpty && stream.length == text.count)
    #expect(stream.checksum.value == CRC32C.of(Array(text)))
    #expect(stream.file.entryCount == Self.lines.count && stream.file.directives.priority?.value == 3)
  }

  @Test func `names its mistakes with their lines`() throws {
    var lines = Self.lines
    lines[70_000] = "198.18.0.300\n"
    lines[90_000] = "@rate 5\n"
    let whole = TargetFile.check(Array(lines.joined().utf8), name: "net.txt")
    for keepsEntries in [true, false] {
      let stream = try read(Data(lines.joined().utf8), keepsEntries: keepsEntries)
      #expect(stream.mistakes == whole && whole.count == 2)
    }
  }

  /// A sparse file of 1 GiB takes no longer than its first piece, and no more memory.
  @Test(arguments: ["hole.txt", "hole.bin"]) func `is not read on behind its first mistake`(
    _ name: String
  )
    throws
  {
    let box = try Box()
    let path = box.url("spool/\(name)").path
    try #require(FileManager.default.createFile(atPath: path, contents: Data("@".utf8)))
    if name.hasSuffix(".bin") {
      try #require(FileManager.default.createFile(atPath: path, contents: Data()))
    }
    try mustRun(["truncate", "-s", "1G", path])
    let pieces = Mutex(0)
    let budget = PlanBudget(memory: 1 << 24) { _ in
      pieces.withLock { $0 += 1 }
      return .goAhead
    }
    let stream = try TargetStream.read(name, in: box.data.spool, budget: budget)
    #expect(stream.mistakes.count == 1 && pieces.withLock(\.self) <= 8, "\(stream.mistakes)")
  }

  @Test func `is rejected if its entries take too much memory`() throws {
    let stream = try read(Data(Self.lines.joined().utf8), budget: PlanBudget(memory: 1 << 20))
    #expect(stream.mistakes.first?.description.contains("entries that take more than 1 MiB") == true)
    // Looking for mistakes alone needs no such memory.
    let check = try read(
      Data(Self.lines.joined().utf8), keepsEntries: false, budget: PlanBudget(memory: 1 << 22))
    #expect(check.mistakes.isEmpty)
  }

  @Test(arguments: ["plain", "gzip", "zstd"])
  func `has the most bytes that it may have, expanded or not, and no more`(_ tool: String) throws {
    let box = try Box()
    let text = Data(Self.lines.joined().utf8)
    try text.write(to: box.url("spool/net"))
    var name = "net"
    if tool != "plain" {
      try mustRun([tool, "-q", box.url("spool/net").path])
      name += tool == "gzip" ? ".gz" : ".zst"
    }
    for (limit, isEnough) in [(text.count, true), (text.count - 1, false)] {
      let file = try Files.openEntry(FileName(name), in: box.data.spool)
      let stream = try TargetStream.read(file, name: name, limit: limit)
      #expect(stream.mistakes.isEmpty == isEnough, "\(stream.mistakes)")
      guard !isEnough else { continue }
      #expect(stream.mistakes.first?.description.contains("more than \(limit) bytes") == true)
    }
  }

  @Test func `is rejected if a line has no end`() throws {
    let stream = try read(Data(repeating: UInt8(ascii: "1"), count: 3 << 20))
    #expect(
      stream.mistakes.first?.description.contains("found a line of more than 1048576 bytes") == true,
      "\(stream.mistakes)")
  }

  @Test func `is left as soon as it is not wanted any more`() throws {
    let seen = Mutex(0)
    let budget = PlanBudget(memory: .max) { _ in
      seen.withLock {
        $0 += 1
        return $0 > 2 ? .stop : .goAhead
      }
    }
    let error = #expect(throws: TargetStream.Failure.self) {
      try read(Data(Self.lines.joined().utf8), budget: budget)
    }
    guard case .stopped = error else { throw LabError("\(error as Any)") }
    #expect(seen.withLock(\.self) == 3)
  }

  @Test func `takes no longer than it may`() throws {
    let stream = try read(
      Data(Self.lines.joined().utf8), budget: PlanBudget(memory: .max) { _ in .outOfTime })
    #expect(stream.mistakes.first?.description.contains("reading takes too long") == true)
  }
}
