// What a full spool, a flood of events and a disk without room for files may cost.
import Foundation
import Kernel
import LabSupport
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A listing of the spool` {
  private func fill(_ box: Box, _ count: Int) throws {
    for number in 0..<count {
      try Data("198.18.0.1:80\n".utf8).write(to: box.url("spool/f\(number)"), options: [])
    }
    try Data().write(to: box.url("spool/zzz.cancel"))
  }

  @Test func `has a bounded number of files in its queue, and every request to cancel`() throws {
    let box = try Box()
    #expect(box.spool.limits.queued == 10_000)
    box.spool.limits.queued = 100
    box.spool.limits.readingTime = .max
    try fill(box, 130)
    for _ in 0..<2 {
      let listing = try box.list()
      #expect(listing.queue.count == 100 && listing.arriving == 30)
      #expect(listing.cancellations.map(\.file) == ["zzz.cancel"])
      box.waitASecond()
    }
    // One of higher priority, or one that is to be cancelled, has its place whatever its name.
    try box.drop("zz", "@priority 90\n198.18.0.1:80\n")
    let last = try #require(try box.list().queue.first?.name == "zz" ? "f129" : nil)
    try Data().write(to: box.url("spool/\(last).cancel"))
    #expect(try box.list().queue.contains { $0.name == last })
    // A file that leaves makes room.
    _ = try box.claim()
    #expect(try box.list().arriving < 31)
  }

  @Test func `tells which of its files exceed the bytes that they may have together`() throws {
    let box = try Box()
    box.spool.limits.bytes = 100
    for (name, size) in [("a", 60), ("b", 50), ("c", 40), ("d", 1)] {
      try box.drop(name, String(repeating: "#", count: size - 1) + "\n")
      usleep(20_000)
    }
    // The first ones by age have their place, and whatever still fits.
    #expect(try box.list().excess.map(\.name) == ["b", "d"])
    // What is to be scanned first counts first.
    try box.drop("e", "@priority 90\n198.18.0.1:80\n" + String(repeating: "#", count: 30))
    #expect(try box.list().excess.map(\.name) == ["a", "b"])
    box.spool.limits.bytes = .max
    #expect(try box.list().excess.isEmpty && box.list().queue.count == 5)
  }

  @Test func `reads new files for a bounded time, and all of them in the end`() throws {
    let box = try Box()
    box.spool.limits.readingTime = 0
    try fill(box, 5)
    for count in 1...5 {
      let listing = try box.list()
      #expect(listing.queue.count == count && listing.arriving == 5 - count)
      #expect(listing.cancellations.count == 1)
    }
  }

  @Test func `reads a bounded number of events, and counts the rest as lost`() throws {
    let box = try Box()
    let watch = try DirectoryWatch(box.data.spool)
    for number in 0..<200 { try Data().write(to: box.url("spool/e\(number)"), options: []) }
    #expect(try watch.events(limit: 1) == nil)
    // What is left is read in the end.
    var calls = 0
    while try watch.events(limit: 1) == nil, calls < 100 { calls += 1 }
    #expect(calls < 100)
  }
}

@Suite(.timeLimit(.minutes(5))) struct `Room for new files` {
  @Test func `is counted like room for bytes`() throws {
    let space = DiskSpace(total: 100, available: 90, used: 10, files: 1000, availableFiles: 99)
    #expect(space.usedFilesPercent == 91)
    #expect(DiskSpace(total: 1, available: 1, used: 0).usedFilesPercent == 0)
    #expect(
      DiskSpace(total: 1, available: 1, used: 0, files: .max, availableFiles: .max).usedFilesPercent
        == 0)
    #expect(
      DiskSpace(total: 1, available: 1, used: 0, files: 5, availableFiles: 9).usedFilesPercent == 0)
  }

  @Test func `of a file system without inodes is none`() throws {
    guard geteuid() == 0 else { throw LabError("this test needs root: it mounts a file system") }
    let box = try Box()
    try mustRun(["mount", "-t", "tmpfs", "-o", "size=4M,nr_inodes=50", "none", box.data.rejected])
    defer { _ = try? run(["umount", "-l", box.data.rejected]) }
    for number in 0..<47 { try Data().write(to: box.url("rejected/\(number)")) }
    let space = try DiskSpace(of: box.data.rejected)
    #expect(space.usedPercent < 10 && space.fullestPercent > 90)
    #expect(
      DiskSpace(total: 100, available: 3, used: 97, files: 9, availableFiles: 8).fullestPercent == 97)
  }

  @Test func `is made of fetched results, then of rejected files`() throws {
    let box = try Box()
    for name in ["results/b", "results/a", "results/kept", "rejected/old", "rejected/new"] {
      try FileManager.default.createDirectory(at: box.url(name), withIntermediateDirectories: false)
      try Data().write(to: box.url("\(name)/file"))
      if name.hasPrefix("results"), name != "results/kept" {
        try Data().write(to: box.url("\(name)/fetched"))
      }
      usleep(20_000)
    }
    #expect(try box.spool.removable() == ["b", "a", "rejected/old", "rejected/new"])
    for name in try box.spool.removable() { try box.spool.remove(removable: name) }
    #expect(try box.names("results") == ["kept"] && box.names("rejected") == [])
  }

  @Test func `for a name that comes again and again is found in bounded time`() throws {
    let box = try Box()
    try FileManager.default.createDirectory(
      at: box.url("rejected/x"), withIntermediateDirectories: false)
    for number in 2...1000 {
      try FileManager.default.createDirectory(
        at: box.url("rejected/x.\(number)"), withIntermediateDirectories: false)
    }
    try box.drop("x")
    let job = try #require(try box.claim())
    #expect(job.name.hasPrefix("x.") && job.name.count > 10, "\(job.name)")
  }
}
