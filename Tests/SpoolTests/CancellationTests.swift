// Which files cancel a job, and how.
import Foundation
import Kernel
import Spool
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A cancellation` {
  @Test func `is in force at once and is not a target file`() throws {
    let box = try Box()
    try box.drop("net.txt")
    try Data().write(to: box.url("spool/net.txt.cancel"))
    let listing = try box.list()
    #expect(listing.queue.map(\.name) == ["net.txt"])
    #expect(listing.cancellations.map(\.job) == ["net.txt"])
    #expect(listing.arriving == 0)
  }

  @Test func `can name the longest name that a job can have`() throws {
    let box = try Box()
    let name = String(repeating: "n", count: 200)
    try box.drop(name)
    try Data().write(to: box.url("spool/\(name).cancel"))
    let listing = try box.list()
    #expect(listing.cancellations.map(\.job) == [name])
    #expect(listing.unusable.isEmpty)
  }

  @Test func `of a queued file rejects it`() throws {
    let box = try Box()
    try box.drop("net.txt")
    try Data("198.18.0.1".utf8).write(to: box.url("spool/net.txt.cancel"))
    let listing = try box.list()
    let cancellation = try #require(listing.cancellations.first)
    #expect(try box.spool.cancel(try #require(listing.queue.first)) == "net.txt")
    try box.spool.remove(cancellation)
    #expect(try box.names("spool") == [])
    #expect(try box.names("active") == [])
    #expect(try box.names("rejected/net.txt") == ["net.txt", "reason.txt"])
    #expect(
      try box.text("rejected/net.txt/reason.txt")
        == "net.txt: cancelled by net.txt.cancel before it started\n")
    #expect(box.spool.hasEnded("net.txt") && !box.spool.contains("net.txt"))
    // Removing it again is harmless.
    try box.spool.remove(cancellation)
  }

  @Test(arguments: [".cancel", "net.txt.cancel.part", "cancel", "net.cancelled"])
  func `is not made by a similar name`(_ name: String) throws {
    let box = try Box()
    try Data("198.18.0.1:80\n".utf8).write(to: box.url("spool/\(name)"))
    #expect(try box.list().cancellations.isEmpty)
  }

  @Test func `is not made by a directory or a link`() throws {
    let box = try Box()
    try FileManager.default.createDirectory(
      at: box.url("spool/a.cancel"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: box.url("spool/b.cancel").path, withDestinationPath: "/dev/null")
    #expect(try box.list().cancellations.isEmpty)
    #expect(try box.list().ignored.count == 2)
  }

  @Test func `that names no job is rejected with a reason`() throws {
    let box = try Box()
    for name in ["none.cancel", "none.cancel"] {
      try Data().write(to: box.url("spool/\(name)"))
      let cancellation = try #require(try box.list().cancellations.first)
      #expect(try box.spool.reject(cancellation) != nil)
    }
    #expect(try box.names("rejected") == ["none.cancel", "none.cancel.2"])
    #expect(
      try box.text("rejected/none.cancel.2/reason.txt").contains("found no queued or running job none"))
    #expect(try box.names("spool") == [])
  }
}
