// Which files of the spool are taken, and in which order.
import Foundation
import Kernel
import Plan
import Spool
import Testing

@Suite struct `An arriving file` {
  @Test func `a renamed file is taken at once`() throws {
    let box = try Box()
    try box.drop("net.txt")
    #expect(try box.list().waiting.map(\.name) == ["net.txt"])
  }

  @Test func `a file closed after writing is taken at once`() throws {
    let box = try Box()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("spool/net.txt"), options: [])
    #expect(try box.list().waiting.map(\.name) == ["net.txt"])
  }

  @Test func `a file still open for writing is left alone however long`() throws {
    let box = try Box()
    let path = box.url("spool/slow.txt").path
    try #require(FileManager.default.createFile(atPath: path, contents: nil))
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.write(contentsOf: Data("198.18.0.1:80\n".utf8))
    for _ in 0..<10 {
      #expect(try box.list().waiting.isEmpty)
      box.waitASecond()
    }
    #expect(try box.list().arriving == 1)
    try handle.close()
    #expect(try box.list().waiting.map(\.name) == ["slow.txt"])
  }

  @Test func `uploads in progress are not seen`() throws {
    let box = try Box()
    try box.drop(".hidden")
    try box.drop("net.txt.part")
    for _ in 0..<3 {
      #expect(try box.list() == Spool.Listing())
      box.waitASecond()
    }
  }

  @Test func `a file that was there before is taken when it stood still for a second`() throws {
    let box = try Box()
    try box.drop("old.txt")
    try box.restart()
    #expect(try box.list().waiting.isEmpty)
    box.now += 999_999_999
    #expect(try box.list().waiting.isEmpty)
    box.now += 1
    #expect(try box.list().waiting.map(\.name) == ["old.txt"])
  }

  @Test func `a file that nobody can be writing is taken at once`() throws {
    let box = try Box()
    try box.drop("old.txt")
    try box.restart(atRest: true)
    #expect(try box.list().waiting.map(\.name) == ["old.txt"])
  }

  @Test func `a file that is written on after the spool was at rest is left alone`() throws {
    let box = try Box()
    try box.drop("old.txt")
    try box.restart(atRest: true)
    let handle = try #require(FileHandle(forWritingAtPath: box.url("spool/old.txt").path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("198.18.1.1:80\n".utf8))
    #expect(try box.list().waiting.isEmpty)
    try handle.close()
    #expect(try box.list().waiting.map(\.name) == ["old.txt"])
  }

  @Test func `a file that grows without events is left alone`() throws {
    let box = try Box()
    try box.drop("old.txt")
    for _ in 0..<3 {
      try box.restart()
      #expect(try box.list().waiting.isEmpty)
      let handle = try #require(FileHandle(forWritingAtPath: box.url("spool/old.txt").path))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data("198.18.0.1:80\n".utf8))
      box.waitASecond()
    }
  }

  @Test func `a hard link is taken though nobody closes it`() throws {
    let box = try Box()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("outside.txt"))
    try FileManager.default.linkItem(at: box.url("outside.txt"), to: box.url("spool/net.txt"))
    #expect(try box.list().waiting.isEmpty)
    box.waitASecond()
    #expect(try box.list().waiting.map(\.name) == ["net.txt"])
  }

  @Test func `a linked file that somebody looks into is still taken`() throws {
    let box = try Box()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("outside.txt"))
    try FileManager.default.linkItem(at: box.url("outside.txt"), to: box.url("spool/net.txt"))
    #expect(try box.list().waiting.isEmpty)
    _ = try Data(contentsOf: box.url("spool/net.txt"))
    box.waitASecond()
    // The box itself looks into what it lists.
    for _ in 0..<3 {
      #expect(try box.list().waiting.map(\.name) == ["net.txt"])
      box.waitASecond()
    }
  }

  @Test func `what somebody still writes is not claimed though it looks complete`() throws {
    let box = try Box()
    try box.drop("old.txt")
    // Open since before the box started, and silent; and through a name outside the spool.
    let first = try #require(FileHandle(forWritingAtPath: box.url("spool/old.txt").path))
    try box.restart()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("outside.txt"))
    let second = try #require(FileHandle(forWritingAtPath: box.url("outside.txt").path))
    try FileManager.default.linkItem(at: box.url("outside.txt"), to: box.url("spool/net.txt"))
    for _ in 0..<4 {
      for candidate in try box.list().waiting {
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
      for candidate in try box.list().waiting {
        if let job = try box.spool.claim(candidate, now: box.now) { claimed.append(job.name) }
      }
      box.waitASecond()
    }
    #expect(claimed.sorted() == ["net.txt", "old.txt"])
  }

  @Test func `an empty file may settle first`() throws {
    let box = try Box()
    try box.drop("empty.txt", "")
    #expect(try box.list().waiting.isEmpty)
    box.waitASecond()
    #expect(try box.list().waiting.map(\.name) == ["empty.txt"])
  }

  @Test func `higher priority comes first then age`() throws {
    let box = try Box()
    try box.drop("a.txt", "# a comment\n@priority 10\n198.18.0.1:80\n")
    try box.drop("b.txt")
    try box.drop("c.txt")
    try box.drop("d.txt", "@priority 90\n198.18.0.1:80\n")
    #expect(try box.list().waiting.map(\.name) == ["d.txt", "b.txt", "c.txt", "a.txt"])
    #expect(try box.list().waiting.map(\.priority.value) == [90, 50, 50, 10])
  }

  @Test func `what is no file is ignored and never opened`() throws {
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
    #expect(listing.waiting.isEmpty)
    #expect(listing.ignored.map(\.description) == ["dir", "fifo", "link", "zero"])
  }
}
