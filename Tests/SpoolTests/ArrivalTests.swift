// Which files in the spool count as complete, and the order of the queue.
import Foundation
import Kernel
import Plan
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `An arriving file` {
  @Test func `is complete at once when renamed into the spool`() throws {
    let box = try Box()
    try box.drop("net.txt")
    #expect(try box.list().queue.map(\.name) == ["net.txt"])
  }

  @Test func `is complete at once when closed after writing`() throws {
    let box = try Box()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("spool/net.txt"), options: [])
    #expect(try box.list().queue.map(\.name) == ["net.txt"])
  }

  @Test func `is not complete while it is open for writing, however long`() throws {
    let box = try Box()
    let path = box.url("spool/slow.txt").path
    try #require(FileManager.default.createFile(atPath: path, contents: nil))
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.write(contentsOf: Data("198.18.0.1:80\n".utf8))
    for _ in 0..<10 {
      #expect(try box.list().queue.isEmpty)
      box.waitASecond()
    }
    #expect(try box.list().arriving == 1)
    try handle.close()
    #expect(try box.listOnceClosed().queue.map(\.name) == ["slow.txt"])
  }

  @Test func `is ignored if its name is that of an upload in progress`() throws {
    let box = try Box()
    try box.drop(".hidden")
    try box.drop("net.txt.part")
    for _ in 0..<3 {
      #expect(try box.list() == Spool.Listing())
      box.waitASecond()
    }
  }

  @Test func `that was there before is complete once it has not changed for a second`() throws {
    let box = try Box()
    try box.drop("old.txt")
    try box.restart()
    #expect(try box.list().queue.isEmpty)
    box.now += 999_999_999
    #expect(try box.list().queue.isEmpty)
    box.now += 1
    #expect(try box.list().queue.map(\.name) == ["old.txt"])
  }

  @Test func `that nothing can be writing to is complete at once`() throws {
    let box = try Box()
    try box.drop("old.txt")
    try box.restart(existingFilesAreComplete: true)
    #expect(try box.list().queue.map(\.name) == ["old.txt"])
  }

  @Test func `assumed complete at the start is not complete while it is written to`() throws {
    let box = try Box()
    try box.drop("old.txt")
    try box.restart(existingFilesAreComplete: true)
    let handle = try #require(FileHandle(forWritingAtPath: box.url("spool/old.txt").path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("198.18.1.1:80\n".utf8))
    #expect(try box.list().queue.isEmpty)
    try handle.close()
    #expect(try box.listOnceClosed().queue.map(\.name) == ["old.txt"])
  }

  @Test func `is not complete while it grows without events`() throws {
    let box = try Box()
    try box.drop("old.txt")
    for _ in 0..<3 {
      try box.restart()
      #expect(try box.list().queue.isEmpty)
      let handle = try #require(FileHandle(forWritingAtPath: box.url("spool/old.txt").path))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data("198.18.0.1:80\n".utf8))
      box.waitASecond()
    }
  }

  @Test func `made by link is complete although no close is reported`() throws {
    let box = try Box()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("outside.txt"))
    try FileManager.default.linkItem(at: box.url("outside.txt"), to: box.url("spool/net.txt"))
    #expect(try box.list().queue.isEmpty)
    box.waitASecond()
    #expect(try box.list().queue.map(\.name) == ["net.txt"])
  }

  @Test func `made by link is complete although somebody reads it`() throws {
    let box = try Box()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("outside.txt"))
    try FileManager.default.linkItem(at: box.url("outside.txt"), to: box.url("spool/net.txt"))
    #expect(try box.list().queue.isEmpty)
    _ = try Data(contentsOf: box.url("spool/net.txt"))
    box.waitASecond()
    // Listing reads the file as well, to find its priority.
    for _ in 0..<3 {
      #expect(try box.list().queue.map(\.name) == ["net.txt"])
      box.waitASecond()
    }
  }

  @Test func `is not claimed while it is open for writing, although it looks complete`() throws {
    let box = try Box()
    try box.drop("old.txt")
    // One has been open since before the box started; the other is open under a name outside the spool.
    let first = try #require(FileHandle(forWritingAtPath: box.url("spool/old.txt").path))
    try box.restart()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("outside.txt"))
    let second = try #require(FileHandle(forWritingAtPath: box.url("outside.txt").path))
    try FileManager.default.linkItem(at: box.url("outside.txt"), to: box.url("spool/net.txt"))
    for _ in 0..<4 {
      for candidate in try box.list().queue {
        let job = try box.spool.claim(candidate, now: box.now)
        #expect(job == nil)
      }
      box.waitASecond()
    }
    #expect(try box.names("active") == [])
    try first.close()
    try second.close()
    var claimed: [String] = []
    for _ in 0..<4 {
      for candidate in try box.list().queue {
        if let job = try box.spool.claim(candidate, now: box.now) { claimed.append(job.name) }
      }
      box.waitASecond()
    }
    #expect(claimed.sorted() == ["net.txt", "old.txt"])
  }

  @Test func `is not complete at once if it is empty`() throws {
    let box = try Box()
    try box.drop("empty.txt", "")
    #expect(try box.list().queue.isEmpty)
    box.waitASecond()
    #expect(try box.list().queue.map(\.name) == ["empty.txt"])
  }

  @Test func `is queued by priority, then by age`() throws {
    let box = try Box()
    try box.drop("a.txt", "# a comment\n@priority 10\n198.18.0.1:80\n")
    try box.drop("b.txt")
    try box.drop("c.txt")
    try box.drop("d.txt", "@priority 90\n198.18.0.1:80\n")
    #expect(try box.list().queue.map(\.name) == ["d.txt", "b.txt", "c.txt", "a.txt"])
    #expect(try box.list().queue.map(\.priority.value) == [90, 50, 50, 10])
  }

  @Test func `is ignored, and never opened, if it is not a regular file`() throws {
    let box = try Box()
    let manager = FileManager.default
    try manager.createDirectory(at: box.url("spool/dir"), withIntermediateDirectories: false)
    try manager.createSymbolicLink(
      at: box.url("spool/link"), withDestinationURL: box.url("status.json"))
    try manager.createSymbolicLink(atPath: box.url("spool/zero").path, withDestinationPath: "/dev/zero")
    let made = unsafe mkfifo(box.url("spool/fifo").path, 0o600)
    try #require(made == 0)
    box.waitASecond()
    _ = try box.list()
    box.waitASecond()
    let listing = try box.list()
    #expect(listing.queue.isEmpty)
    #expect(listing.ignored.map(\.description) == ["dir", "fifo", "link", "zero"])
  }
}
